"""The files of each table of a user's log: one file, or a folder of parts.

A folder may have subfolders, and Hive partitions (`dt=2024-05-01/part.parquet`) with
keys that become columns. Only hidden files of a folder are left out (`.crc`,
`_SUCCESS`); an unreadable file is an error.
"""

import dataclasses
import os
import pathlib
import re
import urllib.parse
from collections.abc import Iterator, Mapping

import polars as pl

from ytdnn.base import errors, schema, table_schemas, user_paths
from ytdnn.log import raw_log
from ytdnn.log.sources import parquet_files

PATH = "__path__"  # hidden column: the file of a row
_HIDDEN = (".", "_")
_KEY = re.compile(r"(?P<key>[^=/]+)=(?P<value>[^=/]*)")
_MISSING = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")
# Endings of tables in forms that are not read: they are refused, not passed over.
_OTHERS = re.compile(
    r"\.(zip|zst|bz2|xz|7z|tar|tgz|gz|txt|jsonl?|ndjson|avro|orc|xlsx?)"
)


@dataclasses.dataclass(frozen=True)
class TableFiles:
    """The files of a table.

    Attributes:
      paths: One file, or the parts in order.
      folder: Folder of the parts; None: it is one file.
    """

    paths: list[pathlib.Path]
    folder: pathlib.Path | None = None

    @property
    def place(self) -> pathlib.Path:
        """The file or folder, for messages."""
        return self.paths[0] if self.folder is None else self.folder


@dataclasses.dataclass(frozen=True)
class LogFiles:
    """The files of a log.

    Attributes:
      tables: Files of each table in the directory.
      unread: Other tables in the directory, which are not read.
    """

    tables: dict[str, TableFiles]
    unread: list[str]


def find(given: str, named: Mapping[str, str]) -> LogFiles:
    """Returns the files of each table, by its default or mapped name.

    Args:
      given: The directory.
      named: Mapped names of tables' files or folders.

    Raises:
      errors.UserError: The directory or a mapped table does not exist, or a file cannot
        be read.
    """
    directory = pathlib.Path(given)
    if not given or not directory.is_dir():
        raise errors.UserError(
            f"expected a directory of event-log tables in --data_dir, received "
            f"{given!r} ({user_paths.kind(directory) if given else 'nothing'})"
        )
    with raw_log.readable(given):
        names = {table: named.get(table, table) for table in table_schemas.TABLES}
        located = {table: files_of(directory, name) for table, name in names.items()}
        content = sorted(path.name for path in directory.iterdir())
    for table in dict.fromkeys([*named, schema.WATCHES]):
        if located[table] is None:
            advice = f": name yours with --files={table}=FILE" * (table not in named)
            raise errors.UserError(
                f"expected {_forms(names[table])} in {directory}, found "
                f"{raw_log.brief(', '.join(content)) or 'nothing'}"
                f"{advice if content else ''}"
            )
    tables = {table: each for table, each in located.items() if each is not None}
    names_read = {each.place.name for each in tables.values()}
    unread = [name for name in content if name not in names_read and is_table(name)]
    return LogFiles(tables, unread)


def is_table(name: str) -> bool:
    """Whether a file has the name of a readable table."""
    return name.lower().endswith(parquet_files.TABLES)


def may_be_table(path: pathlib.Path) -> bool:
    """Whether a file has the name of a table, perhaps in a form that is not read."""
    return is_table(path.name) or _OTHERS.fullmatch(path.suffix.lower()) is not None


def is_csv(path: pathlib.Path) -> bool:
    """Whether a table is in CSV, by its name."""
    return path.name.lower().endswith(parquet_files.CSV)


def _forms(name: str) -> str:
    if is_table(name):
        return name
    return (
        f"{name}.parquet, .feather, .csv or .tsv (or .gz, .zst), or a folder {name} of "
        f"such files"
    )


def files_of(directory: pathlib.Path, name: str) -> TableFiles | None:
    """Returns the files of a table in a directory by its name; None without any."""
    place = directory / name  # which may be in another folder
    ends = ("",) if is_table(name) else ("", *parquet_files.TABLES)
    names = [f"{place.name}{end}" for end in ends]
    paths = [
        path
        for path in sorted(place.parent.glob("*"))
        if path.name in names or (_is_other(path, place.name) and not is_table(name))
    ]
    if len(paths) > 1:
        raise errors.UserError(
            f"expected one format of {name} in {directory}, found several "
            f"({', '.join(path.name for path in paths)}): keep one of them"
        )
    if not paths:
        return None
    (path,) = paths
    if path.is_dir() and not is_table(path.name):
        parts = _parts(path)
        return TableFiles(parts, path) if parts else None
    _require_table(path)
    return TableFiles(paths)


def _is_other(path: pathlib.Path, name: str) -> bool:
    """Whether a file is a table's in a form that is not read."""
    is_named = pathlib.PurePath(path.stem).stem == name
    is_other = _OTHERS.fullmatch(path.suffix.lower()) and not is_table(path.name)
    return is_named and bool(is_other)


def _require_table(path: pathlib.Path, advice: str = "") -> None:
    """Checks that a file can be read, by its name.

    Raises:
      errors.UserError: It is of another format, or no file.
    """
    if path.is_file() and is_table(path.name):
        return
    kind = user_paths.kind(path)
    if path.is_file():
        kind = path.suffix or "a file without an ending"
    raise errors.UserError(
        f"expected Parquet, Arrow or CSV in {path}, found {kind}: {advice}write the "
        f"table to a file of .parquet or .csv"
    )


def _parts(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the parts of a folder and of the folders in it, in the order of names.

    Raises:
      errors.UserError: A part is no table, or formats are mixed.
    """
    paths = sorted(_walk(folder))
    for path in paths:
        _require_table(path, f"take it out of {folder}, or ")
    kinds = {_format(path): path.name for path in paths}
    if len(kinds) > 1:
        raise errors.UserError(
            f"expected parts in the same format in {folder}, found "
            f"{' and '.join(kinds)} ({', '.join(kinds.values())}): write all parts in "
            f"the same format"
        )
    return paths


def _format(path: pathlib.Path) -> str:
    if is_csv(path):
        return "CSV"
    return "Arrow" if path.name.lower().endswith(parquet_files.ARROW) else "Parquet"


def _walk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the files below a folder, links followed, hidden ones left out."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            raise errors.UserError(
                f"expected each folder once in {folder}, found {place} again by a "
                f"link: remove the link"
            )
        seen.add(real)
        folders[:] = [each for each in folders if not each.startswith(_HIDDEN)]
        for name in names:
            if not name.startswith(_HIDDEN):
                yield pathlib.Path(place) / name


def keys(table_files: TableFiles) -> dict[str, dict[str, str | None]]:
    """Returns the value of each Hive key for each part; empty without keys.

    Raises:
      errors.UserError: The parts have different keys.
    """
    if table_files.folder is None:
        return {}
    values = {str(path): _keys(path, table_files.folder) for path in table_files.paths}
    names = list(dict.fromkeys(tuple(each) for each in values.values()))
    if len(names) > 1:
        raise errors.UserError(
            f"expected parts with the same partitions in {table_files.folder}, found "
            f"{' and '.join(', '.join(each) or 'none' for each in names[:2])}: write "
            f"all parts with the same partitions"
        )
    return {key: {path: each[key] for path, each in values.items()} for key in names[0]}


def _keys(path: pathlib.Path, folder: pathlib.Path) -> dict[str, str | None]:
    parts = map(_KEY.fullmatch, path.relative_to(folder).parent.parts)
    keys = {part["key"]: urllib.parse.unquote(part["value"]) for part in parts if part}
    return {k: None if v == _MISSING else v for k, v in keys.items()}


def with_keys(
    frame: pl.LazyFrame, values: Mapping[str, Mapping[str, str | None]]
) -> pl.LazyFrame:
    """Returns rows with the keys of their parts as columns, integers or text.

    A key that is also a column of the files keeps the files' values, but for Hive's
    text of a missing one.

    Args:
      frame: Frame scanned with `include_file_paths=PATH`.
      values: Values from `keys`.
    """
    dtypes = frame.collect_schema()
    texts = [key for key in values if dtypes.get(key) == pl.String]
    columns = [pl.col(key).replace(_MISSING, None) for key in texts]
    for key in [key for key in values if key not in dtypes]:
        whole = all(v is None or _INTEGER.fullmatch(v) for v in values[key].values())
        text = pl.col(PATH).replace_strict(values[key], return_dtype=pl.String)
        columns.append(text.cast(pl.Int64 if whole else pl.String).alias(key))
    return frame.with_columns(columns).drop(PATH)
