"""The faults of a row of an event-log table, as expressions over its rows."""

import dataclasses

import polars as pl

from ytdnn.base import schema, table_schemas
from ytdnn.log import outcomes, raw_log, vectors

MOST_TIME = 4_102_444_800  # the year 2100


@dataclasses.dataclass(frozen=True)
class Fault:
    """One kind of bad row.

    Attributes:
      column: The schema column at fault.
      reason: Short description, by which faults are counted.
      expected: Description of a valid value.
      bad: Boolean expression over an origin's rows: true for rows with the fault.
    """

    column: str
    reason: str
    expected: str
    bad: pl.Expr


def find(table: str, columns: pl.Schema, known: pl.Series | None) -> list[Fault]:
    """Returns the faults that a row of `table` can have; a row's first match counts.

    Args:
      table: Name of a schema table.
      columns: Columns of the origin's rows.
      known: Ids of the table of videos; None: there is no such table.
    """
    faults = []
    for column in table_schemas.TABLES[table].columns:
        if column.name in columns:
            faults += _column_faults(column, columns)
    if table == schema.IMPRESSIONS:
        for name in outcomes.own(raw_log.table_columns(table, columns)):
            faults += _column_faults(table_schemas.outcome(name), columns)
    key = table_schemas.TABLES[table].key
    if key is not None:
        faults += _own_faults(table, columns)
        again = ~pl.col(key).is_first_distinct()
        faults.append(Fault(key, f"{key} is a duplicate", "listed once", again))
    elif known is not None and schema.VIDEO_ID in columns:
        faults.append(_unlisted_video(known))
    return faults


def _own_faults(table: str, columns: pl.Schema) -> list[Fault]:
    """Returns the faults of the user's own columns of numbers and of vectors."""
    known = set(table_schemas.TABLES[table].names)
    of_vectors = [
        fault
        for name in vectors.columns(columns)
        if name not in known and not name.startswith(raw_log.HIDDEN)
        for fault in _vector_faults(name)
    ]
    return of_vectors + [
        Fault(
            name,
            f"{name} is not a finite number",
            "a finite number",
            pl.col(name).is_infinite(),
        )
        for name, dtype in columns.items()
        if name not in known
        and not name.startswith(raw_log.HIDDEN)
        and dtype.is_float()
    ]


def _vector_faults(name: str) -> list[Fault]:
    """Returns the faults of a vector: a number that is not finite, another width."""
    value = pl.col(name)
    size = value.list.len()
    first = size.filter(size > 0).first()
    # A sum is finite where all numbers are; in float64 no sum of float32 overflows.
    total = value.cast(pl.List(pl.Float64())).list.sum()
    has_gaps = value.list.drop_nulls().list.len() < size
    return [
        Fault(
            name,
            f"{name} is not a vector of finite numbers",
            "a vector of finite numbers",
            ~total.is_finite() | has_gaps,
        ),
        Fault(
            name,
            f"{name} is not as wide as the first vector",
            "as wide as the first vector of the column",
            (size > 0) & (size != first),
        ),
    ]


def _unlisted_video(known: pl.Series) -> Fault:
    return Fault(
        schema.VIDEO_ID,
        f"{schema.VIDEO_ID} is not in {schema.VIDEOS}",
        f"a video that {schema.VIDEOS} lists",
        ~pl.col(schema.VIDEO_ID).is_in(known.implode()),
    )


def _column_faults(column: table_schemas.Column, columns: pl.Schema) -> list[Fault]:
    name, value = column.name, pl.col(column.name)
    expected = raw_log.EXPECTED[column.kind]
    faults = []
    if raw_log.raw(name) in columns:
        lost = value.is_null() & pl.col(raw_log.raw(name)).is_not_null()
        short = expected.partition(" (")[0]
        fits = " (integers below 2^63)" * (column.kind == "id")
        faults.append(Fault(name, f"{name} is not {short}", expected + fits, lost))
    if column.required:
        faults.append(Fault(name, f"{name} is null", expected, value.is_null()))
        if column.kind == "id" and columns[name] == pl.String:
            wanted = f"{expected}, not empty"
            faults.append(Fault(name, f"{name} is empty", wanted, value == ""))
    if column.kind == "time":
        beyond = value.abs() > MOST_TIME
        wanted = f"{expected}, before the year 2100"
        faults.append(Fault(name, f"{name} is beyond the year 2100", wanted, beyond))
    if column.choices:
        wanted = ", ".join(column.choices)
        other = value.is_null() | ~value.is_in(column.choices)
        faults.append(Fault(name, f"{name} is none of {wanted}", wanted, other))
    if column.least is not None:
        wanted = f"{expected} of at least {column.least:g}"
        below = value < column.least
        faults.append(Fault(name, f"{name} is below {column.least:g}", wanted, below))
    if column.kind == "number":
        wanted = f"{expected} of at most {column.most:g}"
        above = value.abs() > column.most
        faults.append(Fault(name, f"{name} is above {column.most:g}", wanted, above))
    return faults


def first_of(faults: list[Fault]) -> pl.Expr:
    """Returns the number of each row's first fault; null without a fault."""
    cases = [pl.when(f.bad).then(pl.lit(i, pl.Int32)) for i, f in enumerate(faults)]
    return pl.coalesce(cases)
