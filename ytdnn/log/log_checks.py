"""Checks of an event log before it is prepared (DESIGN §3).

Each table is read once, streaming: every row gets its first fault, faults are counted
and the first row of each is recorded. Only that row's value is read again, for the
message. Keys of `videos` are in memory, events never.
"""

import dataclasses
from collections.abc import Iterator

import polars as pl

from ytdnn.base import errors, schema, table_schemas
from ytdnn.log import faults, raw_log, vectors

_FAULT = "__fault__"
_HASH = pl.struct(pl.all()).hash().alias("hash")  # of a row
_HASHES_A_COUNT = 1 << 24
_KINDS = 5  # of values that a message lists
_TYPES: dict[pl.DataType, str] = {pl.Int64(): "integers", pl.String(): "strings"}


class NoRowsLeftError(errors.UserError):
    """Every row of watches, or of videos, is bad."""


def validate(
    log: raw_log.EventLog, bad_rows: str, mistakes: list[str] | None = None
) -> tuple[raw_log.EventLog, dict[str, int]]:
    """Checks every table of `log`.

    Exact duplicates of events are counted but kept.

    Args:
      log: Log of a source.
      bad_rows: `stop` at the first bad row, or `drop` all of them.
      mistakes: Gets a line for each kind of bad row that is dropped, with its first.

    Returns:
      The log without bad rows, `facts["rows"]` and `facts["missing"]` (values of each
      column) filled in, and the number of rows for each reason ("watches.time is
      null"); a row counts for its first reason only.

    Raises:
      errors.UserError: A table cannot be read or lacks a required column, there is a
        bad row and `bad_rows` is `stop`, or no row is left.
    """
    _require_tables(log)
    log = _with_one_id_type(log)
    report: dict[str, int] = {}
    num_rows: dict[str, int] = {}
    missing: dict[str, dict[str, int]] = {}
    known: pl.Series | None = None
    listed: pl.Series | None = None  # also in bad rows, if there are some
    # Entities first: events are held against the videos that are left.
    for table in sorted(log.tables, key=_is_event):
        given = log
        log, dropped = _check(log, table, known, bad_rows, mistakes, listed)
        num_rows[table], num_duplicates, missing[table] = _size(log, table)
        report |= dropped
        if _is_event(table) and num_duplicates:
            report[f"{table}: exact duplicates (kept)"] = num_duplicates
        if table == schema.VIDEOS:
            known, listed = _keys(log), _keys(given) if dropped else None
        if table == schema.WATCHES or (table == schema.VIDEOS and not dropped):
            _require_rows(table, num_rows[table], log.origin(table), report)
    new_facts = {"rows": num_rows, "missing": missing}
    return dataclasses.replace(log, facts={**log.facts, **new_facts}), report


def check_entities(
    log: raw_log.EventLog, table: str, bad_rows: str = "stop"
) -> tuple[raw_log.EventLog, dict[str, int]]:
    """Checks a single table of users or videos.

    Args:
      log: Log with the table.
      table: Name of the table.
      bad_rows: `stop`, or `drop` to leave bad rows out.

    Returns:
      The valid log, and the number of rows left out, by reason.

    Raises:
      errors.UserError: A required column is missing, or a row is bad.
    """
    _require_columns(log, table)
    return _check(log, table, None, bad_rows)


def _is_event(table: str) -> bool:
    return table_schemas.TABLES[table].key is None


def _require_tables(log: raw_log.EventLog) -> None:
    if schema.WATCHES not in log.tables:
        raise errors.UserError(
            f"expected a table {schema.WATCHES}, found {', '.join(log.tables)}: the "
            f"other tables are optional, this one is not"
        )
    for table in log.tables:
        _require_columns(log, table)


def _require_columns(log: raw_log.EventLog, table: str) -> None:
    origin = log.origin(table)
    with raw_log.readable(origin.file):
        columns = log.tables[table].collect_schema()
    for column in table_schemas.TABLES[table].columns:
        if column.required and column.name not in columns:
            raise errors.UserError(
                f"expected column {table}.{column.name} in {origin.file}, found only "
                f"{', '.join(columns) or 'none'}: name yours with "
                f"--columns={table}.{column.name}=YOUR_COLUMN"
            )


def _with_one_id_type(log: raw_log.EventLog) -> raw_log.EventLog:
    """Returns a log whose ids are all integers or all strings, to be joined.

    Integers become strings, with a note, where another table has strings. A column
    without a value has no type of its own, and gets that of the others.
    """
    for name in (schema.USER_ID, schema.VIDEO_ID):
        seen: dict[pl.DataType, str] = {}  # type → the first place that has it
        has_values = {}
        for table, column, dtype in _id_columns(log, name):
            values = log.tables[table].select(column).drop_nulls().head(1)
            sample = raw_log.collected(values, log.origin(table).file)
            has_values[table, column] = sample.height
            if has_values[table, column]:
                seen.setdefault(dtype, f"{table}.{column} in {log.origin(table).file}")
        is_mixed = len(seen) > 1
        one = pl.String() if is_mixed else next(iter(seen), pl.String())
        others = [each for each in _id_columns(log, name) if each[2] != one]
        for table, column, _ in others if seen else []:
            value = pl.col(column) if has_values[table, column] else pl.lit(None)
            rows = log.origin(table).rows
            log = log.with_rows(table, rows.with_columns(value.cast(one).alias(column)))
        if is_mixed:
            (first, place), (second, other), *_ = seen.items()
            note = (
                f"{name}: {_TYPES[first]} in {place}, {_TYPES[second]} in {other}, "
                f"compared as strings"
            )
            log = log.with_note(schema.WATCHES, note)
    return log


def _id_columns(
    log: raw_log.EventLog, name: str
) -> Iterator[tuple[str, str, pl.DataType]]:
    """Yields table, column and type of every column of ids of `name`.

    A seed is a video id too.
    """
    for table, frame in log.tables.items():
        dtypes = frame.collect_schema()
        for column in table_schemas.TABLES[table].columns:
            is_seed = column.name == schema.SEED_VIDEO_ID and name == schema.VIDEO_ID
            if (column.name == name or is_seed) and column.name in dtypes:
                yield table, column.name, dtypes[column.name]


def _check(
    log: raw_log.EventLog,
    table: str,
    known: pl.Series | None,
    bad_rows: str,
    mistakes: list[str] | None = None,
    listed: pl.Series | None = None,
) -> tuple[raw_log.EventLog, dict[str, int]]:
    """Returns the log without bad rows in `table`, and their number by reason."""
    possible, kinds = _bad_rows(log, table, known)
    if not kinds:
        return log, {}
    if bad_rows == "stop":
        raise _error(table, log.origin(table), kinds)
    if mistakes is not None:  # a video in a bad row is no mistake of its events
        told = kinds if listed is None else _bad_rows(log, table, listed)[1]
        mistakes += [str(_error(table, log.origin(table), [bad])) for bad in told]
    reasons = {f"{table}.{bad.fault.reason}": bad.num_rows for bad in kinds}
    rows = log.origin(table).rows.filter(faults.first_of(possible).is_null())
    return log.with_rows(table, rows), reasons


@dataclasses.dataclass(frozen=True)
class _BadRows:
    """The rows with one fault: their number, and the first (0-based)."""

    fault: faults.Fault
    num_rows: int
    first_row: int


def _bad_rows(
    log: raw_log.EventLog, table: str, known: pl.Series | None
) -> tuple[list[faults.Fault], list[_BadRows]]:
    """Returns the possible faults of a table, and the bad rows of each that it has.

    The fault that is met first in the file comes first.
    """
    origin = log.origin(table)
    possible = faults.find(table, origin.rows.collect_schema(), known)
    fault = pl.col(_FAULT)
    bad = origin.rows.with_columns(faults.first_of(possible).alias(_FAULT))
    bad = bad.filter(fault.is_not_null())
    first = pl.col(raw_log.ROW).min()
    counted = bad.group_by(fault).agg(pl.len(), first)
    rows = raw_log.collected(counted, origin.file).sort(raw_log.ROW)
    return possible, [_BadRows(possible[i], *counts) for i, *counts in rows.rows()]


def _error(
    table: str, origin: raw_log.Origin, bad_rows: list[_BadRows]
) -> errors.UserError:
    """Returns the error of the earliest bad row."""
    fault, row = bad_rows[0].fault, bad_rows[0].first_row
    total = sum(bad.num_rows for bad in bad_rows)
    is_all = 1 < total == raw_log.num_rows(origin.rows)
    others = f" ({total} bad rows in all)" if total > 1 else ""
    others = " (all rows are bad)" if is_all else others
    user_column = origin.names.get(fault.column, fault.column)
    called = f" (your {user_column})" if user_column != fault.column else ""
    advice = _advice(table, fault, user_column, is_all)
    return errors.UserError(
        f"expected {table}.{fault.column}{called} to be {fault.expected}, found "
        f"{_value(origin, fault.column, row)} in {origin.place(row)}{others}"
        f"{_kinds(origin, fault)}: mend it{advice}"
    )


def _advice(table: str, fault: faults.Fault, user_column: str, is_all: bool) -> str:
    """Returns other advice than to mend: no row is lost for an optional column."""
    columns = table_schemas.TABLES[table].columns
    if fault.column not in [c.name for c in columns if c.required]:
        return ", or leave the column out"
    if is_all:
        return ""
    drop = ", or leave such rows out with --bad_rows=drop"
    is_filter = table == schema.WATCHES and fault.reason.endswith("is null")
    where = f'where = "{user_column} is not null" in columns.toml'
    return f"{drop} or {where}" if is_filter else drop


def _value(origin: raw_log.Origin, column: str, row: int) -> str:
    """Returns the original value."""
    given = raw_log.raw(column)
    name = given if given in origin.rows.collect_schema() else column
    query = origin.rows.filter(pl.col(raw_log.ROW) == row)
    query = query.select(pl.col(column).alias("read"), pl.col(name).alias("given"))
    read, value = raw_log.collected(query, origin.file).row(0)
    if isinstance(value, int | float) and read not in (value, None):
        return f"{value}, read as {read}"  # in the schema's unit
    if isinstance(value, list):
        numbers = raw_log.brief(str(value)[1:-1], 50)
        return f"a vector of {len(value):,} numbers ({numbers})"
    return "null" if value is None else raw_log.brief(repr(value), 60)


def _kinds(origin: raw_log.Origin, fault: faults.Fault) -> str:
    """Returns the values of a column of true and false, in brackets."""
    if not fault.reason.endswith("not true or false"):
        return ""
    kinds = origin.rows.select(pl.col(raw_log.raw(fault.column)).unique())
    listed = kinds.collect(engine="streaming").to_series().drop_nulls().sort()
    return f" (values: {', '.join(map(repr, listed.head(_KINDS)))})"


def _size(log: raw_log.EventLog, table: str) -> tuple[int, int, dict[str, int]]:
    """Returns the numbers of rows, of repeated rows, and of missing values by column.

    Only columns with missing values are listed.

    Reading every column here also finds a file that is damaged further down.
    """
    rows = log.tables[table]
    names = rows.collect_schema().names()
    nulls = (pl.col(name).is_null().sum().alias(f"null {name}") for name in names)
    with raw_log.readable(log.origin(table).file):
        counts = rows.select(pl.len(), *nulls).collect(engine="streaming")
        num_rows, *nulls_of = counts.row(0)
        num_distinct = _num_distinct(rows, num_rows)
    missing = {name: n for name, n in zip(names, nulls_of, strict=True) if n}
    return num_rows, num_rows - num_distinct, missing


def _num_distinct(rows: pl.LazyFrame, num_rows: int) -> int:
    """Returns how many rows differ, by their hashes.

    A part of the hashes is counted at a time: memory follows the part.
    """
    parts = max(1, -(-num_rows // _HASHES_A_COUNT))
    hashed = rows.drop(vectors.columns(rows.collect_schema())).select(_HASH)
    queries = [
        hashed.filter(pl.col("hash") % parts == part).select(pl.col("hash").n_unique())
        for part in range(parts)
    ]
    numbers = (query.collect(engine="streaming").item() for query in queries)
    return sum(map(int, numbers))


def _keys(log: raw_log.EventLog) -> pl.Series:
    query = log.tables[schema.VIDEOS].select(schema.VIDEO_ID)
    file = log.origin(schema.VIDEOS).file
    return raw_log.collected(query, file).to_series().drop_nulls()


def _require_rows(
    table: str, number: int, origin: raw_log.Origin, report: dict[str, int]
) -> None:
    if number:
        return
    reasons = "; ".join(f"{reason}: {count}" for reason, count in report.items())
    dropped = f" after dropping ({reasons})" if reasons else ""
    are_dropped = any(reason.startswith(f"{table}.") for reason in report)
    error = NoRowsLeftError if are_dropped else errors.UserError
    raise error(
        f"expected rows in {table}, found none in {origin.file}{dropped}: check the "
        f"file, --where and --columns"
    )
