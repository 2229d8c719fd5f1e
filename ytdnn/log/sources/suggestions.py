"""Proposes which file of a directory is which table, and the columns of each.

A column is proposed if its name has the words of a schema column (`column_words.toml`)
and its values can be of it: a time lies between 1990 and 2040, a flag is 0 or 1. Ids
and times whose names say nothing are proposed by their values, ids by those of another
file. Whatever only one of the two speaks for is proposed with a doubt.
"""

import dataclasses
import importlib.resources
import json
import math
import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors, schema, table_schemas, user_paths
from ytdnn.log import event_log
from ytdnn.log.sources import log, multi_valued, table_files, times

_MOST_ROWS = 200_000  # read of each file
_FIRST, _LAST = 631_152_000, 2_208_988_800  # 1990 and 2040
_YEAR = 31_556_952  # seconds
_SHARE = 0.9  # of values that speak for a column
_MOST_KINDS, _MOST_CATEGORIES, _FEW_AGES, _MOST_MEDIAN_SECONDS = 20, 50, 9, 5_000
_DURATIONS = (schema.WATCH_SECONDS, schema.DURATION_SECONDS)
_IDS = {schema.VIDEOS: schema.VIDEO_ID, schema.USERS: schema.USER_ID}
_SPECS = {c.name: c for table in table_schemas.TABLES.values() for c in table.columns}
_WORDS: dict[str, dict[str, str]] = tomllib.loads(
    (importlib.resources.files(__package__) / "column_words.toml").read_text("utf-8")
)


@dataclasses.dataclass(frozen=True)
class ProposedColumn:
    """A column of the log proposed for a column of the schema.

    Attributes:
      table: Name of a schema table.
      column: Name of its column.
      own: The user's name of it, perhaps with a unit; empty: none is found.
      doubt: What speaks against it; empty: nothing.
    """

    table: str
    column: str
    own: str
    doubt: str


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """The proposed mapping of a directory.

    Attributes:
      settings: Settings of `data` besides the names.
      files: File of each table.
      columns: Columns of the tables.
      left: For each file, its columns that no table is proposed for.
    """

    settings: dict[str, Any]
    files: dict[str, str]
    columns: list[ProposedColumn]
    left: dict[str, list[str]]

    def text(self) -> str:
        """Returns the mapping as TOML, each doubt as a comment of its line."""
        lines = ["# Proposed by ytdnn check --suggest: read each line with a doubt."]
        for name, value in self.settings.items():
            doubt = "  # doubt: are these the watches?" * (" IN (" in str(value))
            lines.append(f"{name} = {_toml(value)}{doubt}")
        lines += ["", "[files]"]
        lines += [f"{table} = {_toml(file)}" for table, file in self.files.items()]
        for table in self.files:
            lines += ["", f"[{table}]"]
            for each in (each for each in self.columns if each.table == table):
                doubt = f"  # doubt: {each.doubt}" if each.doubt else ""
                missing = "" if each.own else "# "
                lines.append(f"{missing}{each.column} = {_toml(each.own)}{doubt}")
        lines += ["", "# Left, and not read but for columns of users and videos:"]
        lines += [f"# {file}: {', '.join(names)}" for file, names in self.left.items()]
        return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _words(section: str, name: str) -> set[str]:
    """Returns the words of a column, a kind or a file."""
    columns = _WORDS["columns"]
    text = _WORDS[section].get(name, "").replace("UNITS", " ".join(_WORDS["units"]))
    text = text.replace("VIDEO", columns[schema.VIDEO_ID])
    return set(text.replace("USER", columns[schema.USER_ID]).split())


def _split(name: str) -> set[str]:
    """Returns the words of a name, in lower case: "userID" is user and id."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", " ", name).lower()
    return set(re.sub(r"(?<=[a-z]{3})id\b", " id", parts).split())


def _is_called(name: str, column: str) -> bool:
    """Whether a name has the words of a schema column."""
    words, own = _split(name), _words("columns", column)
    fillers = _words("fillers", _SPECS[column].kind)
    if column == schema.SEED_VIDEO_ID:  # a video on another one's page
        videos = _words("columns", schema.VIDEO_ID)
        own, fillers = own if words & videos else set(), fillers | videos
    return name == column or (bool(words & own) and words <= own | fillers)


class _File:
    """A file of the directory, and which columns are which."""

    def __init__(self, name: str, rows: pl.DataFrame) -> None:
        self.name, self.rows = name, rows
        self.used: set[str] = set()
        columns = {column: self.called(column) for column in _IDS.values()}
        self.ids = {column: names[0] for column, names in columns.items() if names}

    def called(self, column: str) -> list[str]:
        """Returns the columns that by name and values can be one of the schema."""
        called = [name for name in self.rows.columns if _is_called(name, column)]
        fit = [name for name in called if _fits(column, self.rows[name])]
        return sorted(fit, key=lambda name: name != column)

    def is_key(self, name: str) -> bool:
        """Whether a column has each value once."""
        return self.rows[name].n_unique() == self.rows.height

    def is_called(self, table: str) -> bool:
        """Whether the file's name has a word of a table."""
        return not _words("files", table).isdisjoint(_split(self.name))

    def table(self) -> str:
        """Returns the table that the file can be, empty if none."""
        if len(self.ids) == len(_IDS):
            is_shown = self.called(schema.CLICKED)
            return schema.IMPRESSIONS if is_shown else schema.WATCHES
        if schema.USER_ID in self.ids and self.called(schema.QUERY):
            return schema.SEARCHES
        keys = (
            t for t, c in _IDS.items() if c in self.ids and self.is_key(self.ids[c])
        )
        return next(keys, "")

    def times(self) -> tuple[list[str], str]:
        """Returns the columns of times or of order, best first, and a doubt."""
        names = self.called(schema.TIME)
        if names:
            number = {name: self.rows[name].n_unique() for name in names}
            return sorted(names, key=lambda n: (n != schema.TIME, -number[n])), ""
        names = [n for n in self.rows.columns if _fits(schema.TIME, self.rows[n])]
        if names:
            return names, "by its values alone"
        doubt = "an order, no times: train with --protocol=leave_one_out"
        return self.called(schema.ORDER), doubt

    def kinds_of_events(self) -> dict[str, str]:
        """Returns the filter of a column with kinds of events, if there is one."""
        for name in self.rows.columns:
            kinds = self.rows[name].drop_nulls().unique().sort()
            is_kind = _split(name) <= _words("fillers", "event")
            if is_kind and kinds.dtype == pl.String and 1 < kinds.len() <= _MOST_KINDS:
                watched = _words("files", schema.WATCHES)
                those = [kind for kind in kinds if _split(kind) & watched]
                listed = ", ".join(f"'{kind}'" for kind in those or kinds)
                self.used.add(name)
                return {"where": f'"{name}" IN ({listed})'}
        return {}

    def seconds(self) -> list[int]:
        """Returns the times of events; none without."""
        names = self.times()[0]
        return _seconds(self.rows[names[0]]).drop_nulls().to_list() if names else []


def suggest(directory: pathlib.Path) -> Suggestion:
    """Returns the proposed mapping of the tables in a directory.

    Args:
      directory: Directory of Parquet, Arrow or CSV files, or folders of them.

    Raises:
      errors.UserError: A file cannot be read, or none has users and videos.
    """
    files, left = _read(directory)
    _find_ids(files)
    tables, settings = _tables(files)
    if schema.WATCHES not in tables:
        those = left | {file.name: file.rows.columns for file in files}
        content = "; ".join(f"{name}: {', '.join(those[name])}" for name in those)
        raise errors.UserError(
            f"expected a file with ids of users and of videos in {directory}, found "
            f"{event_log.brief(content, 300) or 'no table'}: write the mapping by hand "
            f"(ytdnn prepare --explain)"
        )
    columns = [each for table in tables for each in _columns(table, tables)]
    for file in files:
        left[file.name] = [n for n in file.rows.columns if n not in file.used]
        alike = [f for f in tables.values() if f.rows.columns == file.rows.columns]
        if alike and not file.used:
            left[file.name] = [f"the columns of {alike[0].name}: a folder of both?"]
    names = {table: file.name for table, file in tables.items()}
    return Suggestion(settings, names, columns, {k: v for k, v in left.items() if v})


def _read(directory: pathlib.Path) -> tuple[list[_File], dict[str, list[str]]]:
    """Returns the first rows of each table, and why others cannot be read."""
    if not directory.is_dir():
        raise errors.UserError(
            f"expected a directory of tables in --data_dir, received {directory} "
            f"({user_paths.kind(directory)})"
        )
    files: list[_File] = []
    unread: dict[str, list[str]] = {}
    for path in sorted(directory.iterdir()):
        is_table = path.is_dir() or table_files.may_be_table(path)
        if not is_table or path.name.startswith((".", "_")):
            continue
        try:
            located = table_files.files_of(directory, path.name)
            with event_log.readable(str(path)):
                if located is not None:
                    rows = log.scan(schema.WATCHES, located, {})[0].head(_MOST_ROWS)
                    first_rows = rows.drop(event_log.ROW).collect()
                    files.append(_File(path.name, first_rows))
        except errors.UserError as error:
            unread[path.name] = [f"not read: {error}"]
    return files, unread


def _find_ids(files: Sequence[_File]) -> None:
    """Finds columns of ids whose names say nothing, by the values of other files."""
    for table, column in _IDS.items():
        for listing in (file for file in files if file.is_called(table)):
            key = listing.ids.get(column, listing.rows.columns[0])
            if not (_fits(column, listing.rows[key]) and listing.is_key(key)):
                continue
            listing.ids[column] = key
            least = max(3, listing.rows.height // 10)  # fewer numbers are no ids
            for file in files:
                is_listing = any(map(file.is_key, file.ids.values()))
                others = [
                    (_share(file.rows[name], listing.rows[key]), name)
                    for name in set(file.rows.columns) - set(file.ids.values())
                    if _fits(column, file.rows[name])
                    and file.rows[name].n_unique() >= least
                ]
                share, name = max(others, default=(0.0, ""))
                if share > _SHARE and column not in file.ids and not is_listing:
                    file.ids[column] = name


def _share(values: pl.Series, keys: pl.Series) -> float:
    """Returns the share of distinct values that are keys."""
    distinct = values.drop_nulls().unique().cast(pl.String)
    is_key = distinct.is_in(keys.cast(pl.String).implode())
    return float(is_key.sum() / max(1, distinct.len()))


def _tables(files: Sequence[_File]) -> tuple[dict[str, _File], dict[str, Any]]:
    """Returns the file of each table, and settings that follow from it.

    Of several files that can be one table it is one named like it, then the longest.
    """
    tables: dict[str, _File] = {}
    settings: dict[str, Any] = {}
    for table in table_schemas.TABLES:
        those = [file for file in files if file.table() == table]
        if those:
            key = {file: (file.is_called(table), file.rows.height) for file in those}
            tables[table] = max(those, key=lambda file: key[file])
    shown = tables.get(schema.IMPRESSIONS)
    if shown is not None and schema.WATCHES not in tables:
        tables = {schema.WATCHES: shown, **tables}
        clicked = shown.called(schema.CLICKED)[0]
        is_flag = shown.rows.schema[clicked] == pl.Boolean
        settings["where"] = f'"{clicked}"' + ("" if is_flag else " = 1")
    elif shown is not None:
        watched = max(tables[schema.WATCHES].seconds(), default=math.inf)
        if watched <= min(shown.seconds(), default=0):
            settings["clicks_are_watches"] = True
    if schema.WATCHES in tables and "where" not in settings:
        settings |= tables[schema.WATCHES].kinds_of_events()
    return tables, settings


def _columns(table: str, tables: Mapping[str, _File]) -> Iterator[ProposedColumn]:
    """Yields the proposed columns of a table."""
    file, used = tables[table], set[str]()
    for column in table_schemas.TABLES[table].names:
        fit, doubts = file.called(column), [""]
        if column == schema.TIME:
            fit, doubts[0] = file.times()
        if column in file.ids:
            fit = [file.ids[column]]
            doubts += _doubts_of_id(column, file, tables)
        fit = [name for name in fit if name not in used]
        if fit:
            used.add(fit[0])
            own, doubt = _in_unit(column, file.rows[fit[0]], tables)
            doubts += [doubt, f"or {', '.join(fit[1:])}" if fit[1:] else ""]
            yield ProposedColumn(table, column, own, "; ".join(filter(None, doubts)))
        elif _SPECS[column].required:
            doubt = "none is found, and the table needs it"
            yield ProposedColumn(table, column, "", doubt)
    others = [n for n in file.rows.columns if n not in used and n not in _SPECS]
    for name in others if table == schema.VIDEOS else []:
        separator = multi_valued.separator(file.rows[name])
        if separator:
            used.add(name)
            doubt = "values, or sentences?" if separator == "," else ""
            yield ProposedColumn(table, name, f"{name} split {separator}", doubt)
    file.used |= used


def _doubts_of_id(
    column: str, file: _File, tables: Mapping[str, _File]
) -> Iterator[str]:
    """Yields doubts about a column of ids, by its name and the file that lists them."""
    name = file.ids[column]
    if not _is_called(name, column):
        yield "by its values alone"
    table = next(table for table, key in _IDS.items() if key == column)
    listing = tables.get(table, file)
    share = _share(file.rows[name], listing.rows[listing.ids[column]])
    if share < _SHARE and listing.rows.height < _MOST_ROWS:
        yield f"only {share:.0%} of its values are in {listing.name}"


def _in_unit(
    column: str, values: pl.Series, tables: Mapping[str, _File]
) -> tuple[str, str]:
    """Returns a column's name with its unit, and a doubt about its values."""
    name = values.name
    if column in _DURATIONS and values.dtype in times.TEXT:
        return name, ""
    if column in _DURATIONS:
        units = [u for w, u in _WORDS["units"].items() if _split(name) & set(w.split())]
        if units:
            return name + units[0], ""
        if (values > _MOST_MEDIAN_SECONDS).sum() > (values > 0).sum() / 2:
            return f"{name}/1000", "no unit in its name, by size milliseconds"
        return name, "no unit in its name, taken as seconds"
    if column == schema.AGE and (values > table_schemas.MOST_AGE).any():
        last = max(tables[schema.WATCHES].seconds(), default=0)
        return f"{1970 + last // _YEAR} - {name}", "a year of birth"
    if column == schema.AGE and values.n_unique() < _FEW_AGES:
        return name, "few values: codes of ages?"
    if column == schema.TOPIC:
        separator = multi_valued.separator(values)
        own = f"{name} split {separator}" if separator else name
        is_list = separator or multi_valued.is_multi_valued(values.dtype)
        return own, "of several values the first is the topic" if is_list else ""
    return name, ""


def _seconds(values: pl.Series) -> pl.Series:
    """Returns times in seconds, null where they are none."""
    rows, name, dtype = values.to_frame().lazy(), values.name, values.dtype
    seconds = times.seconds(pl.col(name), dtype, times.reading(rows, name, dtype).unit)
    seconds = pl.lit(None, pl.Int64) if seconds is None else seconds
    return rows.select(seconds.alias(name)).collect()[name]


def _fits(name: str, values: pl.Series) -> bool:
    """Whether values can be those of a schema column."""
    column, values = _SPECS[name], values.drop_nulls()
    if column.name in _DURATIONS and values.dtype in times.TEXT:
        values = pl.select(times.clock(pl.lit(values))).to_series()
    dtype = values.dtype
    if multi_valued.is_multi_valued(dtype):
        return name == schema.TOPIC
    is_text, is_plain = dtype in times.TEXT, dtype.is_numeric() or dtype == pl.Boolean
    if not (is_text or is_plain or dtype.is_temporal()) or values.is_empty():
        return False
    number = values.n_unique()
    if column.kind == "time":
        num_times = _seconds(values).is_between(_FIRST, _LAST).sum()
        return bool(num_times > _SHARE * values.len())
    if column.kind == "boolean":
        words = set(values.unique().cast(pl.String))
        return words in ({"0", "1"}, {"true", "false"})
    if column.kind == "id":
        is_row = name == schema.PAGE_ID and number > _SHARE * values.len()
        return (is_text or dtype.is_integer()) and number > 2 and not is_row
    if column.kind == "text":
        is_few = number <= max(_MOST_CATEGORIES, values.len() // 2)
        return is_text if name in (schema.TITLE, schema.QUERY) else is_few
    highest = 2100.0 if name == schema.AGE else column.most  # or a year of birth
    is_kind = dtype.is_integer() if column.kind == "integer" else dtype.is_numeric()
    least = -math.inf if column.least is None else column.least
    return is_kind and number > 2 and bool(values.is_between(least, highest).all())
