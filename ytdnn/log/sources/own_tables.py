"""The user's own tables: a directory of Parquet or CSV, own column names mapped.

`watches.parquet`, `watches.pq`, `watches.csv`, `watches.csv.gz`, or a folder
`watches/` of Parquet parts; likewise `searches`, `impressions`, `videos` and `users`,
each optional. `data.files` maps files of other names.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from ytdnn.base import configs, errors, registries, schema, table_schemas, user_paths
from ytdnn.log import raw_log
from ytdnn.log.sources import (
    archives,
    casting,
    csv_files,
    found_files,
    mappings,
    multi_valued,
    naming,
    parquet_files,
    remote,
    times,
    units,
)

# Columns of videos that are found by other names too.
FOUND_BY_WORDS = frozenset({schema.CHANNEL_ID, schema.TOPIC})
_FIRST_ROWS = 10_000  # by which a column of several values is known
_IN_ORDER = "; watches.time= (empty) takes the order of the rows"
_VALUE = re.compile(r"[\d.,:+ -]+")  # of a cell, where a header is missing


class MissingColumnsError(errors.UserError):
    """A table lacks columns that are needed or mapped."""


@registries.LOGS.register("log", settings=("files",))
def read(config: configs.DataConfig) -> raw_log.EventLog:
    """Reads the tables of `config.dir`.

    Args:
      config: `dir`, `files` (own file names), `columns` (own column names) and
        `where` (a filter over the own columns of watches).

    Raises:
      errors.UserError: There is no `watches`, or a mapping or file does not fit.
    """
    named_files = mappings.parse_files(config.files)
    given, copied = config.dir, config.dir
    if remote.is_url(given):
        wanted = [named_files.get(table, table) for table in table_schemas.TABLES]
        cache = archives.cache_directory() / "remote"
        copied = str(remote.fetched(given, wanted, cache))
    log_files = found_files.find(copied, named_files)
    names = mappings.parse_columns(config.columns)
    mappings.require_mapped(names, log_files.tables, given)
    origins, without = {}, []
    for table, files_of in log_files.tables.items():
        where = config.where if table == schema.WATCHES else ""
        own_names = names.get(table, {})
        try:
            origin = _read(table, files_of, own_names, where, config.outcomes)
        except MissingColumnsError as error:
            without.append(error)
        else:
            origins[table] = _called(origin, copied, given.rstrip("/"))
    if without:
        raise errors.SeveralError(without)
    if log_files.unread:
        watches, names_of = origins[schema.WATCHES], ", ".join(log_files.unread)
        note = (
            f"files that no table is read from: {raw_log.brief(names_of)}: "
            f"--files=TABLE=FILE reads one, ytdnn check --suggest proposes which"
        )
        notes = (*watches.notes, note)
        origins[schema.WATCHES] = dataclasses.replace(watches, notes=notes)
    facts = {
        "source": "log",
        "files": {table: origin.file for table, origin in origins.items()},
        "columns": list(config.columns),
        "where": config.where,
    }
    return raw_log.from_origins(origins, facts)


def _called(origin: raw_log.Origin, copied: str, given: str) -> raw_log.Origin:
    """Returns an origin with its files renamed to the paths that the user gave."""
    parts = tuple((row, file.replace(copied, given, 1)) for row, file in origin.parts)
    file = origin.file.replace(copied, given, 1)
    return dataclasses.replace(origin, file=file, parts=parts)


def read_file(
    table: str, path: pathlib.Path, names: Mapping[str, str]
) -> raw_log.Origin:
    """Reads one file of a table.

    Args:
      table: Name of a schema table.
      path: A Parquet or CSV file.
      names: The user's name of each renamed column.

    Raises:
      errors.UserError: The file cannot be read, or a column is missing or of a wrong
        type.
    """
    if not found_files.is_table(path.name) or not path.is_file():
        raise errors.UserError(
            f"expected a Parquet, Arrow or CSV file of {table}, received {path} "
            f"({'of another name' if path.is_file() else user_paths.kind(path)})"
        )
    return _read(table, found_files.TableFiles([path]), names, "")


def _read(
    table: str,
    located: found_files.TableFiles,
    names: Mapping[str, str],
    where: str,
    outcomes: Sequence[str] = (),
) -> raw_log.Origin:
    mapped = _own_names(table, names)
    frame, options, scan_notes = scan(table, located, mapped)
    table_rows = origin(table, frame, str(located.place), names, where, outcomes)
    parts: tuple[tuple[int, str], ...] = ()
    if located.folder is not None:
        parts = parquet_files.part_starts(located.paths, **options)
    notes = (*(f"{table}: {note}" for note in scan_notes), *table_rows.notes)
    return dataclasses.replace(table_rows, parts=parts, notes=notes)


def _own_names(table: str, names: Mapping[str, str]) -> dict[str, str]:
    return {
        c.name: names.get(c.name, c.name) for c in table_schemas.TABLES[table].columns
    }


def origin(
    table: str,
    frame: pl.LazyFrame,
    file: str,
    names: Mapping[str, str],
    where: str,
    outcomes: Sequence[str] = (),
) -> raw_log.Origin:
    """Returns the user's rows, filtered, in the columns and types of a table.

    Args:
      table: Name of a schema table.
      frame: Rows with `event_log.ROW`.
      file: Path of the rows, for messages.
      names: The user's name of each renamed column, perhaps with a factor; empty: it is
        left out.
      where: A Polars SQL filter over the user's columns; empty: all rows.
      outcomes: Columns of impressions outside the schema to keep.

    Raises:
      errors.UserError: A column is missing, or of a type that cannot hold its values.
    """
    columns = [name for name in frame.collect_schema() if name != raw_log.ROW]
    # Blanks around a name are part of it only where the file has them.
    names = {k: v if v in columns else v.strip() for k, v in names.items()}
    without = [name for name, own in names.items() if not own]
    for name in without:  # of the file, or of the schema
        known = dict.fromkeys([*columns, *table_schemas.TABLES[table].names])
        mappings.require_one_of(name, known, f"a column of {table}", f"{table}.{name}=")
    frame = frame.drop(without, strict=False)
    is_by_row = table == schema.WATCHES and schema.TIME in without
    if is_by_row:
        frame = frame.with_columns(pl.col(raw_log.ROW).cast(int).alias(schema.TIME))
    with raw_log.readable(file):
        by_words = _named_by_words(table, frame, columns, names)
    names = given = {k: v for k, v in names.items() if v} | by_words
    names, frame = multi_valued.split(table, names, frame, columns, file)
    dtypes = frame.collect_schema()
    columns = [name for name in dtypes if name != raw_log.ROW]
    names, scaled = units.read(table, names, columns, file)
    mapped = _own_names(table, names)
    missing = [
        column.name
        for column in table_schemas.TABLES[table].columns
        if mapped[column.name] not in columns
        and (column.required or column.name in names)
    ]
    if missing:
        own = {name: mapped[name] for name in missing}
        raise _missing(table, own, given, columns, file)
    whole, frame = frame, parquet_files.filter_rows(frame, where, file)
    readings = _times(table, frame, file, mapped)
    unit = {name: reading.unit for name, reading in readings.items()}
    rows = casting.normalise(table, frame, file, mapped, units=unit, outcomes=outcomes)
    rows = rows.with_columns(scaled)
    columns_read = {*mapped.values(), *rows.collect_schema()}
    notes = [f"{table}.{k}: {r.note}" for k, r in readings.items() if r.note]
    with raw_log.readable(file):
        notes += multi_valued.notes(table, frame, mapped)
    notes += _units_in_names(table, given, dtypes)
    notes += [
        f"{table}.{own} is read as {name}; --columns={table}.{name}= leaves it as it is"
        for name, own in by_words.items()
    ]
    notes += _merged_ids(table, frame, file, mapped)
    notes += _left_out(table, whole, frame, file) if where else []
    if is_by_row and schema.ORDER not in rows.collect_schema():
        with raw_log.readable(file):
            time, order_notes = times.from_row_order(rows)
        rows, notes = rows.with_columns(time.alias(schema.TIME)), notes + order_notes
    unused = tuple(name for name in columns if name not in columns_read)
    return raw_log.Origin(rows, file, names, notes=tuple(notes), unused=unused)


def _named_by_words(
    table: str, frame: pl.LazyFrame, columns: Sequence[str], names: Mapping[str, str]
) -> dict[str, str]:
    """Returns the user's names of channel and topic, where one column is called so.

    Args:
      table: Name of a schema table.
      frame: The user's rows.
      columns: Columns of the file.
      names: The user's name of each renamed column; empty: it is left out.
    """
    names_in_file: dict[str, str] = {}
    taken = {*names.values(), *table_schemas.TABLES[table].names}
    for name in sorted(FOUND_BY_WORDS) if table == schema.VIDEOS else ():
        if name in names or name in columns:
            continue
        own = [c for c in columns if c not in taken and naming.is_called(c, name)]
        if len(own) == 1:
            values = frame.select(own).head(_FIRST_ROWS).collect().to_series()
            is_group = values.dtype.is_integer() or values.dtype in times.TEXT
            if is_group and not multi_valued.separator(values):
                names_in_file[name] = own[0]
    return names_in_file


def _units_in_names(
    table: str, given: Mapping[str, str], dtypes: pl.Schema
) -> Iterator[str]:
    """Yields a note for each column of seconds with another unit in its name."""
    for column, own in given.items():
        factor = naming.factor_of(own) if column in naming.DURATIONS else ""
        if factor and own in dtypes and dtypes[own].is_numeric():
            yield f"{table}.{column}: read as seconds, is it {own}{factor}?"


def _left_out(
    table: str, whole: pl.LazyFrame, kept: pl.LazyFrame, file: str
) -> list[str]:
    """Returns the note on the rows that a filter leaves out."""
    with raw_log.readable(file):
        size, number = map(raw_log.num_rows, (whole, kept))
    return [f"{table}: {size - number:,} of {size:,} rows left out by --where"]


def _times(
    table: str, frame: pl.LazyFrame, file: str, mapped: Mapping[str, str]
) -> dict[str, times.Reading]:
    """Returns how each column of times is read, by the schema's name."""
    with raw_log.readable(file):
        dtypes = frame.collect_schema()
        readings = {
            column.name: times.reading(
                frame, mapped[column.name], dtypes[mapped[column.name]]
            )
            for column in table_schemas.TABLES[table].columns
            if column.kind == "time" and mapped[column.name] in dtypes
        }
    for name, reading in readings.items():
        if reading.slashes:
            raise errors.UserError(
                f"expected dates as dd/mm/yyyy in {table}.{name} (your {mapped[name]}) "
                f"of {file}, found {reading.slashes}: write them as yyyy-mm-dd"
            )
    return readings


def _merged_ids(
    table: str, frame: pl.LazyFrame, file: str, mapped: Mapping[str, str]
) -> list[str]:
    """Returns a note for each column of ids that are floats too large to be exact."""
    with raw_log.readable(file):
        dtypes = frame.collect_schema()
        bits = {
            column.name: 24 if dtypes[mapped[column.name]] == pl.Float32 else 53
            for column in table_schemas.TABLES[table].columns
            if column.kind == "id"
            and mapped[column.name] in dtypes
            and dtypes[mapped[column.name]].is_float()
        }
        large = [
            (pl.col(mapped[name]).fill_nan(None).abs() >= 2.0**most).sum().alias(name)
            for name, most in bits.items()
        ]
        if not large:
            return []
        counts = frame.select(large).collect(engine="streaming").row(0, named=True)
    return [
        f"{table}.{name}: {number:,} ids are floats of 2^{bits[name]} and more, where "
        f"neighbours are one number: write them as integers or text"
        for name, number in counts.items()
        if number
    ]


def scan(
    table: str, located: found_files.TableFiles, mapped: Mapping[str, str]
) -> tuple[pl.LazyFrame, dict[str, Any], list[str]]:
    """Returns the rows of a table's files, the options of their CSV, and notes.

    Args:
      table: Name of a schema table.
      located: Its files.
      mapped: The user's name of each column of the schema.
    """
    keys = found_files.keys(located)
    path = {"include_file_paths": found_files.PATH} if keys else {}
    layout = csv_files.Layout()
    if found_files.is_csv(located.paths[0]):
        named = [
            mapped.get(c.name, c.name)
            for c in table_schemas.TABLES[table].columns
            if c.kind == "id"
        ]
        ids = [*named, *map(str.strip, named)]
        layout = csv_files.require_rows(located.paths)
        frame = csv_files.scan_csv(located.paths, ids, layout, **path)
    else:
        frame = parquet_files.scan_parquet(located.paths, **path)
    notes = list(layout.notes())
    if keys:
        own = [key for key in keys if key in frame.collect_schema()]
        notes += [f"partition key {key}, not read: the files have it" for key in own]
        frame = found_files.with_keys(frame, keys)
    return frame, layout.options(), notes


def _missing(
    table: str,
    missing: Mapping[str, str],
    given: Mapping[str, str],
    columns: list[str],
    file: str,
) -> MissingColumnsError:
    """Returns the error of a table without the columns of some own names."""
    flags = []
    for column, user_column in missing.items():
        close = errors.closest(user_column, columns)
        close = close or naming.meant(columns, [column])[0]
        in_unit = given.get(column, user_column)
        flags.append(
            f"{table}.{column}={in_unit.replace(user_column, close or 'YOUR_COLUMN')}"
        )
    header = (
        " (is its first row no header?)" if any(map(_VALUE.fullmatch, columns)) else ""
    )
    words = (
        f"column {next(iter(missing.values()))} in {file} for {table}."
        f"{next(iter(missing))}"
        if len(missing) == 1
        else f"columns {', '.join(missing.values())} in {file} for {table}"
    )
    listed = raw_log.brief(", ".join(columns), 200) or "none"
    in_order = _IN_ORDER * ("watches.time=YOUR_COLUMN" in flags)
    return MissingColumnsError(
        f"expected {words}, found {listed}{header}: name yours with "
        f"{errors.shell('--columns=' + ','.join(flags))}{in_order}"
    )
