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
from ytdnn.log import event_log
from ytdnn.log.sources import files

PATH = "__path__"  # hidden column: the file of a row
_HIDDEN = (".", "_")
_KEY = re.compile(r"(?P<key>[^=/]+)=(?P<value>[^=/]*)")
_MISSING = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")
_CONVERT = 'python -c "import polars; polars.{read}({name!r}).write_parquet({out!r})"'
_ADVICE = {
    ".zip": "unpack it with `unzip`",
    ".zst": "unpack it with `zstd -d`",
    ".bz2": "unpack it with `bunzip2`",
    ".xz": "unpack it with `unxz`",
    ".7z": "unpack it",
    ".tar": "unpack it",
    ".tgz": "unpack it",
    ".tsv": "write commas instead of tabs, as .csv",
    ".txt": "write commas and a header, as .csv",
    ".jsonl": "read_ndjson",
    ".ndjson": "read_ndjson",
    ".json": "read_json",
    ".feather": "read_ipc",
    ".arrow": "read_ipc",
    ".ipc": "read_ipc",
    ".avro": "read_avro",
    ".orc": "export it as Parquet or CSV",
    ".xlsx": "save it as CSV",
    ".xls": "save it as CSV",
    ".gz": "unpack it with `gunzip`",
}


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


def find(given: str, own: Mapping[str, str]) -> LogFiles:
    """Returns the files of each table, by its default or mapped name.

    Args:
      given: The directory.
      own: Mapped names of tables' files or folders.

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
    with event_log.readable(given):
        names = {table: own.get(table, table) for table in table_schemas.TABLES}
        found = {table: _files_of(directory, name) for table, name in names.items()}
        content = sorted(path.name for path in directory.iterdir())
    for table in dict.fromkeys([*own, schema.WATCHES]):
        if found[table] is None:
            raise _missing(table, names[table], directory, content, table not in own)
    tables = {table: one for table, one in found.items() if one is not None}
    read = {one.place.name for one in tables.values()}
    unread = [name for name in content if name not in read and is_table(name)]
    return LogFiles(tables, unread)


def _missing(
    table: str, name: str, directory: pathlib.Path, content: list[str], is_open: bool
) -> errors.UserError:
    if name in content and (directory / name).is_dir():
        return errors.UserError(
            f"expected Parquet or CSV files in the folder {directory / name}, found "
            f"none: write its parts as .parquet or .csv, or one file"
        )
    advice = f": name yours with --files={table}=FILE" if is_open and content else ""
    return errors.UserError(
        f"expected {_forms(name)} in {directory}, found "
        f"{event_log.brief(', '.join(content)) or 'nothing'}{advice}"
    )


def is_table(name: str) -> bool:
    """Whether a file has the name of a readable table."""
    return name.lower().endswith((*files.PARQUET, *files.CSV))


def is_csv(path: pathlib.Path) -> bool:
    """Whether a table is in CSV, by its name."""
    return path.name.lower().endswith(files.CSV)


def _forms(name: str) -> str:
    if is_table(name):
        return name
    return (
        f"{name}.parquet, .pq, .csv or .csv.gz, or a folder {name} of Parquet or CSV "
        f"files"
    )


def _files_of(directory: pathlib.Path, name: str) -> TableFiles | None:
    ends = ("",) if is_table(name) else (*files.PARQUET, *files.CSV)
    candidates = [directory / f"{name}{end}" for end in ends]
    found = [path for path in candidates if os.path.lexists(path)]
    for path in found:
        _require_regular(path)
    folder = directory / name
    if not is_table(name):
        found += [folder] if os.path.lexists(folder) else []
        found += _others(directory, name)
    if len(found) > 1:
        raise errors.UserError(
            f"expected one format of {name} in {directory}, found several "
            f"({', '.join(path.name for path in found)}): keep one of them"
        )
    if not found:
        return None
    if found[0] == folder and folder.is_dir():
        parts = _parts(folder)
        return TableFiles(parts, folder) if parts else None
    if not is_table(found[0].name):
        raise _unreadable(found[0])
    return TableFiles(found)


def _require_regular(path: pathlib.Path) -> None:
    if path.is_dir():
        raise errors.UserError(
            f"expected a file in {path}, found a directory: name a folder of parts "
            f"{path.name.partition('.')[0]}, without an ending"
        )
    if not path.is_file():
        raise errors.UserError(
            f"expected a file in {path}, found {user_paths.kind(path)}: write the "
            f"table to a file"
        )


def _others(directory: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Returns files of a table in forms that are not read."""
    compressed = re.compile(rf"{re.escape(name)}(\.(csv|parquet|json|jsonl|tsv|txt))?")
    return [
        path
        for path in sorted(directory.iterdir())
        if path.suffix.lower() in _ADVICE
        and not is_table(path.name)
        and compressed.fullmatch(path.name[: -len(path.suffix)])
    ]


def _unreadable(path: pathlib.Path) -> errors.UserError:
    """Returns the error of a file of an unsupported format, with advice."""
    if not path.is_file():
        found, advice = user_paths.kind(path), "write the table to a file"
    else:
        found = f"{path.suffix or 'a file without an ending'}"
        advice = _ADVICE.get(path.suffix.lower(), "write it as .parquet or .csv")
    if advice.startswith("read_"):
        out = str(path.with_suffix(".parquet"))
        command = _CONVERT.format(read=advice, name=str(path), out=out)
        advice = f"convert it with `{command}` and move it away"
    return errors.UserError(
        f"expected Parquet or CSV in {path}, found {found}: {advice}"
    )


def _parts(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the parts of a folder and of the folders in it, in the order of names.

    Raises:
      errors.UserError: A part is no table, or Parquet and CSV are mixed.
    """
    found = sorted(_walk(folder))
    for path in found:
        if not path.is_file() or not is_table(path.name):
            raise _unreadable(path)
    kinds = {is_csv(path): path for path in found}
    if len(kinds) > 1:
        raise errors.UserError(
            f"expected parts in the same format in {folder}, found Parquet and CSV "
            f"({kinds[False].name}, {kinds[True].name}): write all parts in the same "
            f"format"
        )
    return found


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
        folders[:] = [one for one in folders if not one.startswith(_HIDDEN)]
        for name in names:
            if not name.startswith(_HIDDEN):
                yield pathlib.Path(place) / name


def keys(found: TableFiles) -> dict[str, dict[str, str | None]]:
    """Returns the value of each Hive key for each part; empty without keys.

    Raises:
      errors.UserError: The parts have different keys.
    """
    if found.folder is None:
        return {}
    of_parts = {str(path): _keys(path, found.folder) for path in found.paths}
    first = of_parts[str(found.paths[0])]
    for path, of_path in of_parts.items():
        if list(of_path) != list(first):
            raise errors.UserError(
                f"expected in {path} the partitions of {found.paths[0]} "
                f"({', '.join(first) or 'none'}), found "
                f"{', '.join(of_path) or 'none'}: write all parts with the same "
                f"partitions"
            )
    return {key: {path: of[key] for path, of in of_parts.items()} for key in first}


def _keys(path: pathlib.Path, folder: pathlib.Path) -> dict[str, str | None]:
    parts = map(_KEY.fullmatch, path.relative_to(folder).parent.parts)
    found = {part["key"]: urllib.parse.unquote(part["value"]) for part in parts if part}
    return {k: None if v == _MISSING else v for k, v in found.items()}


def with_keys(
    frame: pl.LazyFrame, values: Mapping[str, Mapping[str, str | None]]
) -> pl.LazyFrame:
    """Returns rows with the keys of their parts as columns, integers or text.

    A key that is also a column of the files is not changed.

    Args:
      frame: Frame scanned with `include_file_paths=PATH`.
      values: Values from `keys`.
    """
    there = frame.collect_schema().names()
    made = []
    for key, of_path in values.items():
        if key in there:
            continue
        whole = all(v is None or _INTEGER.fullmatch(v) for v in of_path.values())
        dtype = pl.Int64 if whole else pl.String
        text = pl.col(PATH).replace_strict(of_path, return_dtype=pl.String)
        made.append(text.cast(dtype).alias(key))
    return frame.with_columns(made).drop(PATH)
