"""Proposes which file of a directory is which table, and the columns of each.

A column is proposed if its name has the words of a schema column (`naming`) and its
values can be of it: a time lies between 1990 and 2040, a flag is 0 or 1. Where names
say nothing it is proposed by its values, ids by those of another file. Whatever only
one of the two speaks for has a doubt, unless it is ids that a file of users lists.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors, formats, schema, table_schemas, user_paths
from ytdnn.log import raw_log
from ytdnn.log.sources import (
    column_matches,
    columns_by_value,
    found_files,
    mappings,
    multi_valued,
    naming,
    own_tables,
    times,
)

_File = column_matches.File
_Files = Mapping[str, _File]
_MOST_ROWS = 200_000  # read of each file
_YEAR = 31_556_952  # seconds
_BUDDHIST = 543  # years that the Buddhist era counts more
# The column whose name says that a file is a table of events.
_SPEAKING = {
    schema.WATCHES: schema.WATCH_SECONDS,
    schema.IMPRESSIONS: schema.CLICKED,
    schema.SEARCHES: schema.QUERY,
}
_FEATURES, _NOT_READ = "# Features of the ranker, unmapped:", "# Not read:"
_LACKING = "none is found, and the table needs it"
_ROWS = "without this # the order of the rows is taken (--protocol=leave_one_out)"
_LEFT_OUT = "no numbers: left out"
_FEW_AGES, _MOST_MEDIAN_SECONDS = 9, 5_000


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
      features: For each file, the unmapped columns that the ranker reads.
      left: For each file, those that nothing reads.
      guessed: Tables whose files no name speaks for.
    """

    settings: dict[str, Any]
    files: dict[str, str]
    columns: list[ProposedColumn]
    features: dict[str, list[str]]
    left: dict[str, list[str]]
    guessed: frozenset[str]

    def text(self) -> str:
        """Returns the mapping as TOML, each doubt as a comment of its line."""
        lines = ["# Proposed by ytdnn check --suggest: read each line with a doubt."]
        for name, value in self.settings.items():
            doubt = "  # doubt: are these the watches?" * (" IN (" in str(value))
            lines.append(f"{name} = {_toml(value)}{doubt}")
        lines += ["", "[files]"]
        for table, file in self.files.items():
            doubt = "  # doubt: by its values alone" * (table in self.guessed)
            lines.append(f"{table} = {_toml(file)}{doubt}")
        for table in self.files:
            lines += ["", f"[{table}]"]
            for each in (each for each in self.columns if each.table == table):
                doubt = f"  # doubt: {each.doubt}" if each.doubt else ""
                missing = "" if each.own or each.doubt == _LEFT_OUT else "# "
                lines.append(f"{missing}{each.column} = {_toml(each.own)}{doubt}")
        for heading, left in ((_FEATURES, self.features), (_NOT_READ, self.left)):
            lines += ["", heading] * bool(left)
            lines += [f"# {file}: {', '.join(names)}" for file, names in left.items()]
        return "\n".join(lines) + "\n"

    def summary(self) -> str:
        """Returns the number of columns that are found, and of doubts in the text."""
        number = sum(bool(each.own) for each in self.columns)
        doubts = formats.counted(self.text().count("# doubt: "), "doubt")
        return f"{formats.counted(number, 'column')} proposed, {doubts}"

    def missing(self) -> list[str]:
        """Returns the columns that are needed and not found, as "watches.time"."""
        lacking = [each for each in self.columns if each.doubt.startswith(_LACKING)]
        return [f"{each.table}.{each.column}" for each in lacking]


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def suggest(
    directory: pathlib.Path, named: Sequence[str] = (), given: Sequence[str] = ()
) -> Suggestion:
    """Returns the proposed mapping of the tables in a directory.

    Args:
      directory: Directory of Parquet, Arrow or CSV files, or folders of them.
      named: Entries of `--files`, taken as true.
      given: Entries of `--columns`, taken as true.

    Raises:
      errors.UserError: A file cannot be read, or none has users and videos.
    """
    files, left = _read(directory)
    longest = sorted(files, key=lambda file: -file.rows.height)  # those of events
    rows = {f"{f.name} ({f.rows.height:,} rows)": f.rows.columns for f in longest}
    those = left | rows
    content = "; ".join(f"{name}: {', '.join(names)}" for name, names in those.items())
    content = raw_log.brief(content, 500) or "no table"
    by_name = {n: f for f in files for n in (f.name, f.name.partition(".")[0])}
    named_files = mappings.parse_files(named)
    for table, name in named_files.items():
        mappings.require_one_of(name, by_name, "a file", f"{table}={name}", "--files")
    own = mappings.parse_columns(given)
    for table, names in own.items():
        that = [f for f in files if all(map(f.has, filter(None, names.values())))]
        errors.require(bool(that), f"{names} of --columns", "in one file", content)
        if table not in named_files and len(that) == 1:
            named_files[table] = that[0].name
        for file in [by_name[named_files[table]]] if table in named_files else files:
            file.take(names)
    column_matches.find_ids(files)
    tables, settings = _tables(files, {t: by_name[n] for t, n in named_files.items()})
    if schema.WATCHES not in tables:
        known = max((file.ids for file in files), key=len, default={})
        missing = [name for name in column_matches.IDS.values() if name not in known]
        raise errors.UserError(
            f"expected a file with ids of users and of videos in {directory}, found no "
            f"{' and no '.join(missing)} in {content}: name yours beside --suggest by "
            f"--columns=watches.{missing[0]}=YOUR_COLUMN (see ytdnn prepare --explain)"
        )
    columns = [each for table in tables for each in _columns(table, tables, own)]
    features: dict[str, list[str]] = {}
    ranked = {tables[t]: t for t in tables} if schema.IMPRESSIONS in tables else {}
    for file in files:
        features[file.name], left[file.name] = file.unmapped(ranked.get(file, ""))
        if file.has_events() and not file.used:
            reads = f"--files=TABLE={file.name} reads it"
            left[file.name] += [f"with users and times: {reads}"]
        alike = [f for f in tables.values() if f.rows.columns == file.rows.columns]
        if alike and not file.used:
            left[file.name] = [f"the columns of {alike[0].name}: a folder of both?"]
    names = {table: file.name for table, file in tables.items()}
    guessed = frozenset(
        table
        for table, column in _SPEAKING.items()
        if table in tables and table not in named_files
        if not (tables[table].is_called(table) or tables[table].called(column))
    )
    features = {file: own_names for file, own_names in features.items() if own_names}
    left = {file: own_names for file, own_names in left.items() if own_names}
    return Suggestion(settings, names, columns, features, left, guessed)


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
        is_table = path.is_dir() or found_files.may_be_table(path)
        if not is_table or path.name.startswith((".", "_")):
            continue
        try:
            located = found_files.files_of(directory, path.name)
            with raw_log.readable(str(path)):
                if located is not None:
                    rows = own_tables.scan(schema.WATCHES, located, {})[0]
                    first = rows.head(_MOST_ROWS).drop(raw_log.ROW).collect()
                    files.append(column_matches.File(path.name, first))
        except errors.UserError as error:
            unread[path.name] = [f"not read: {str(error).partition(': ')[0]}"]
    return files, unread


def _tables(files: Sequence[_File], named: _Files) -> tuple[_Files, dict[str, Any]]:
    """Returns the file of each table, and settings that follow from it.

    Of several files that can be one table it is one named like it, then the longest.
    """
    tables: dict[str, _File] = {}
    settings: dict[str, Any] = {}
    for table in table_schemas.TABLES:
        those = [file for file in files if file.table() == table]
        those = [named[table]] if table in named else those
        if those:
            key = {file: (file.is_called(table), file.rows.height) for file in those}
            tables[table] = max(those, key=lambda file: key[file])
    shown = tables.get(schema.IMPRESSIONS)
    if shown is not None and schema.WATCHES not in tables:
        tables = {schema.WATCHES: shown, **tables}
        clicked = shown.called(schema.CLICKED)[0]
        values = shown.rows[clicked]
        true = map(repr, column_matches.true_values(values))
        is_any = " OR ".join(f'"{clicked}" = {value}' for value in true)
        settings["where"] = f'"{clicked}"' if values.dtype == pl.Boolean else is_any
    elif shown is not None:
        watched = max(tables[schema.WATCHES].seconds(), default=math.inf)
        if watched <= min(shown.seconds(), default=0):
            settings["clicks_are_watches"] = True
    if schema.WATCHES in tables:
        watches = tables[schema.WATCHES]
        settings = watches.kinds_of_events() | settings
        names = [n for n in watches.ids.values() if watches.rows[n].null_count()]
        if names:
            where = [f"({settings['where']})"] if "where" in settings else []
            where += [f'"{name}" IS NOT NULL' for name in names]
            settings["where"] = " AND ".join(where)
    return tables, settings


def _columns(
    table: str, tables: _Files, given: Mapping[str, Mapping[str, str]]
) -> Iterator[ProposedColumn]:
    """Yields the proposed columns of a table, those that the user gives first."""
    file, used, taken = tables[table], set[str](), given.get(table, {})
    guessed = set[str]()
    known = file.known
    known.update(file.ids)
    for column, own in taken.items():
        inside = [name for name in file.rows.columns if name in own]  # with a unit
        known[column] = max(inside, key=len, default=own)
        used.add(known[column])
        yield ProposedColumn(table, column, own, "")
    wanted = [c for c in table_schemas.TABLES[table].names if c not in taken]
    for way in ("name", "a part of its name", "listed", "its values"):
        for column in [each for each in wanted if each not in known or way == "name"]:
            fit, doubts = _fitting(column, table, tables, way, known)
            rivals = [n for n in fit if n not in used or (doubts and n in guessed)]
            fit = [name for name in fit if name not in used]
            if fit:
                used.add(fit[0])
                guessed |= {fit[0]} if way == "its values" else set()
                rivals.remove(fit[0])
                known[column] = fit[0]
                own, doubt = _in_unit(column, file.rows[fit[0]], tables)
                doubts += [doubt, f"or {', '.join(rivals)}" if rivals else ""]
                doubt = "; ".join(filter(None, doubts))
                yield ProposedColumn(table, column, own, doubt)
    for each in _lacking(table, tables, known):
        used |= {each.column} if each.doubt == _LEFT_OUT else set()
        yield each
    read = {*used, *naming.SPECS}
    others = [name for name in file.rows.columns if name not in read]
    for name in others if table == schema.VIDEOS else []:
        separator = multi_valued.separator(file.rows[name])
        if separator:
            used.add(name)
            doubt = "values, or sentences?" if separator == "," else ""
            yield ProposedColumn(table, name, f"{name} split {separator}", doubt)
    file.used |= used


def _lacking(
    table: str, tables: _Files, known: Mapping[str, str]
) -> Iterator[ProposedColumn]:
    """Yields columns that are not found, and what there is in their places."""
    for column in table_schemas.TABLES[table].names:
        if column not in known and naming.SPECS[column].required:
            ways = [*tables[table].unread, *[_ROWS] * (table == schema.WATCHES)]
            doubt = "; ".join([_LACKING, *ways * (column == schema.TIME)])
            yield ProposedColumn(table, column, "", doubt)
        elif column not in known and tables[table].has_words_in(column):
            yield ProposedColumn(table, column, "", _LEFT_OUT)
    for name in tables[table].rows.columns if table == schema.WATCHES else []:
        is_click = naming.is_called(name, schema.CLICKED)
        if is_click and schema.IMPRESSIONS not in tables:
            doubt = f"{name} says clicks: are these impressions?"
            yield ProposedColumn(table, schema.CLICKED, "", doubt)
        if naming.is_share(name) and schema.WATCH_SECONDS not in known:
            doubt = f"{name} is a share: write it times the duration as seconds"
            yield ProposedColumn(table, schema.WATCH_SECONDS, "", doubt)


def _fitting(
    column: str, table: str, tables: _Files, way: str, known: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Returns the columns that one way finds for a column of a table, and doubts."""
    file = tables[table]
    if way != "name":
        listed = file.with_values_of(tables.get(schema.VIDEOS), column)
        guessed = listed or (file.guessed(column, known) if way != "listed" else [])
        partly = sorted(file.partly_called(column), key=lambda n: n not in guessed)
        names = partly if way == "a part of its name" else guessed
        values = [v for v in map(file.rows.get_column, names) if not _holds_several(v)]
        single = [each.name for each in values]
        if names is guessed:
            is_sure, units = False, naming.DURATIONS
            doubt = "by its values alone"
            if column in units and any(map(columns_by_value.is_in_unit, values[:1])):
                doubt = "by the unit in its name"
                is_sure = column == schema.DURATION_SECONDS and len(single) == 1
            return single, [doubt] * (not is_sure)
        is_sure = all(n in guessed and naming.is_known(n, column) for n in single[:1])
        return single, ["by a part of its name"] * (not is_sure)
    if column in file.ids:
        return [file.ids[column]], list(_doubts_of_id(column, file, tables))
    if column == schema.TIME:
        names, doubt = file.times()
        return names, [doubt]
    return file.called(column), []


def _holds_several(values: pl.Series) -> bool:
    is_list = multi_valued.is_multi_valued(values.dtype)
    return is_list or bool(multi_valued.separator(values))


def _doubts_of_id(column: str, file: _File, tables: _Files) -> Iterator[str]:
    """Yields doubts about a column of ids, by its name and the file that lists them."""
    name = file.ids[column]
    ids = column_matches.IDS
    table = next(table for table, key in ids.items() if key == column)
    listing = tables.get(table, file)
    # The ids that a file lists are those of the watches.
    events = tables[schema.WATCHES] if listing is file else file
    own = events.ids.get(column, name)
    keys = {t: tables[t].rows[tables[t].ids[c]] for t, c in ids.items() if t in tables}
    shares = {t: column_matches.share_of_keys(events.rows[own], keys[t]) for t in keys}
    share = shares.pop(table, 0)
    is_told = own == listing.ids[column] or max(shares.values(), default=0) < 1
    is_sure = share == 1 and is_told and listing.likeness(column) > 0
    if not is_sure and not naming.is_called(name, column):
        yield f"by its values alone{'' if is_told else ': users or videos?'}"
    if column == schema.USER_ID and file.has_few(name):
        yield f"only {file.rows[name].n_unique()} values: are these users?"
    is_whole = listing.rows.height < _MOST_ROWS and listing not in (file, events)
    if share < column_matches.SHARE and is_whole:
        yield f"only {share:.0%} of its values are in {listing.name}"
    if file.rows[name].null_count() and file is not tables[schema.WATCHES]:
        yield "some are null: leave them out by --bad_rows=drop"


def _in_unit(column: str, values: pl.Series, tables: _Files) -> tuple[str, str]:
    """Returns a column's name with its unit, and a doubt about its values."""
    name = values.name
    if column in naming.DURATIONS and values.dtype in times.TEXT:
        return name, ""
    if column in naming.DURATIONS:
        factor = naming.factor_of(name)
        if factor is not None:
            return name + factor, ""
        if (values > _MOST_MEDIAN_SECONDS).sum() > (values > 0).sum() / 2:
            return f"{name}/1000", "no unit in its name, by size milliseconds"
        return name, "no unit in its name, taken as seconds"
    if column == schema.AGE and (values > table_schemas.MOST_AGE).any():
        year = 1970 + max(tables[schema.WATCHES].seconds(), default=0) // _YEAR
        year += _BUDDHIST * ((values > year).sum() > values.len() / 2)
        return f"{year} - {name}", ""
    if column == schema.AGE and values.n_unique() < _FEW_AGES:
        return name, "few values: codes of ages?"
    if column == schema.TOPIC:
        separator = multi_valued.separator(values)
        own = f"{name} split {separator}" if separator else name
        is_list = separator or multi_valued.is_multi_valued(values.dtype)
        return own, "of several values the first is the topic" if is_list else ""
    return name, ""
