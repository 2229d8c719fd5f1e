"""The event log that a source returns (DESIGN §3).

Tables are lazy frames in the schema's columns and types, rows in file order. Each has
an `Origin`: the same rows with the row's number in the user's file and, if a cast can
fail, the original value, so that an error can name both. An origin is read only when a
check needs it.
"""

import contextlib
import dataclasses
import zlib
from collections.abc import Iterator
from typing import Any

import polars as pl

from ytdnn.base import errors, schema, table_schemas

HIDDEN = "__"
ROW = "__row__"  # 0-based row of the source, hidden column of an origin

DTYPES: dict[str, pl.DataType] = {
    "time": pl.Int64(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
}  # an id is Int64 or String, as given

EXPECTED = {
    "id": "an integer or string id",
    "time": "a time (seconds since 1970, ISO text, dd.mm.yyyy, dd-mm-yyyy, dd/mm/yyyy)",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false (1, 0, yes, no, Y, N, t, f, or ja, oui, si, sim, tak …)",
    "text": "text",
}


def num_rows(rows: pl.LazyFrame) -> int:
    """Returns the number of rows of a lazy frame."""
    return int(rows.select(pl.len()).collect(engine="streaming").item())


def raw(column: str) -> str:
    """Returns the name of the hidden column with the original values of `column`."""
    return f"__raw_{column}__"


@dataclasses.dataclass(frozen=True)
class Origin:
    """The source of a table's rows.

    Attributes:
      rows: The table's columns, `ROW`, and `raw(column)` of each column with a cast
        that can fail (the cast is null there and the raw value is not).
      file: The file or directory, for messages.
      names: The user's name of each renamed column.
      notes: Notes to the user on the reading, such as "time: milliseconds".
      unused: The user's columns that are not used.
      parts: Files that `rows` reads one after the other, each with its first row
        (0-based), if there are several.
    """

    rows: pl.LazyFrame
    file: str
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    parts: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def place(self, row: int) -> str:
        """Returns "row 3 of watches.csv" (data rows count from 1)."""
        start, file = 0, self.file
        for first, part in self.parts:
            if first <= row:
                start, file = first, part
        return f"row {row - start + 1} of {file}"


@dataclasses.dataclass(frozen=True)
class EventLog:
    """Event-log tables by schema name.

    Attributes:
      tables: Lazy frames in schema columns and types, in file order.
      facts: Facts about the source (JSON values), for the manifest.
      origins: The origin of each table that a source has read; tables may be missing.
    """

    tables: dict[str, pl.LazyFrame]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    origins: dict[str, Origin] = dataclasses.field(default_factory=dict)

    def origin(self, table: str) -> Origin:
        """Returns the table's origin; without one, the table's numbered rows."""
        if table in self.origins:
            return self.origins[table]
        return Origin(self.tables[table].with_row_index(ROW), table)

    def with_rows(self, table: str, rows: pl.LazyFrame) -> "EventLog":
        """Returns the log with other rows of a table, in the form of `Origin.rows`."""
        origin = dataclasses.replace(self.origin(table), rows=rows)
        known = rows.select(table_columns(table, rows.collect_schema()))
        return dataclasses.replace(
            self,
            tables={**self.tables, table: known},
            origins={**self.origins, table: origin},
        )

    def with_note(self, table: str, note: str) -> "EventLog":
        """Returns the log with one more note on the reading of a table."""
        origin = self.origin(table)
        noted = dataclasses.replace(origin, notes=(*origin.notes, note))
        return dataclasses.replace(self, origins={**self.origins, table: noted})


def from_origins(origins: dict[str, Origin], facts: dict[str, Any]) -> EventLog:
    """Returns the log of tables with the schema columns of their origins."""
    tables = {
        name: origin.rows.select(table_columns(name, origin.rows.collect_schema()))
        for name, origin in origins.items()
    }
    return EventLog(tables, facts, origins)


def table_columns(table: str, columns: pl.Schema) -> list[str]:
    """Returns the columns of `table` among `columns`, the schema's first.

    A table of entities keeps the log's own columns too, and impressions their own
    outcomes; hidden columns are left out.
    """
    known = table_schemas.TABLES[table].names
    is_entity = table_schemas.TABLES[table].key is not None
    keeps_own = is_entity or table == schema.IMPRESSIONS
    others = columns.names() if keeps_own else []
    names = dict.fromkeys([name for name in known if name in columns] + others)
    return [name for name in names if not name.startswith(HIDDEN)]


@contextlib.contextmanager
def readable(file: str) -> Iterator[None]:
    """Context that turns errors of Polars or the system about a file into one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", "") or brief(error)
        raise errors.UserError(
            f"expected a readable file in {file}, could not read it: {why}: repair it, "
            f"or give another"
        ) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        why = brief(error)
        repair = "export it as UTF-8" if "utf-8" in why else "repair it or give another"
        raise errors.UserError(
            f"expected a readable table in {file}, found a damaged or unsuitable file "
            f"({why}): {repair}"
        ) from None


def collected(rows: pl.LazyFrame, file: str) -> pl.DataFrame:
    """Reads rows of a file, which must be `readable`."""
    with readable(file):
        return rows.collect(engine="streaming")


def brief(value: object, length: int = 120) -> str:
    """Returns the first line of `value`, printable and at most `length` long."""
    text = str(value).strip()
    if not text and isinstance(value, BaseException):
        text = type(value).__name__
    line = text.splitlines()[0] if text else ""
    line = errors.one_line(line)
    return line if len(line) <= length else line[: length - 1] + "…"
