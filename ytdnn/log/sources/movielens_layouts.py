"""The file layouts of MovieLens's editions.

| layout | editions | files |
|---|---|---|
| `parquet` | any, converted | interactions, items, users `.parquet` |
| `csv` | latest-small, 20M, 25M, 32M | ratings.csv, movies.csv |
| `dat` | 1M, 10M | ratings.dat, movies.dat, users.dat (1M): `::` between fields |
| `tab` | 100K | u.data, u.item, u.user: tab and `|` between fields, Latin-1 |
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import polars as pl

from ytdnn.base import errors, schema
from ytdnn.log import event_log
from ytdnn.log.sources import csv_files, files

_HEADERLESS = {
    schema.USER_ID: "user_id",
    schema.VIDEO_ID: "item_id",
    schema.TIME: "timestamp",
}
_HEADER = {
    schema.USER_ID: "userId",
    schema.VIDEO_ID: "movieId",
    schema.TIME: "timestamp",
}


@dataclasses.dataclass(frozen=True)
class RawTable:
    """A file's rows with `event_log.ROW`, and its own name of schema columns."""

    frame: pl.LazyFrame
    file: str
    names: dict[str, str]
    rating: str = "rating"


@dataclasses.dataclass(frozen=True)
class Edition:
    """The tables of an edition; `users` only with demographics."""

    layout: str
    ratings: RawTable
    movies: RawTable
    users: RawTable | None = None


def read(directory: pathlib.Path, shown: pathlib.Path) -> Edition:
    """Reads the edition in `directory`, or in a folder one level below.

    Args:
      directory: Directory of the files.
      shown: Path given by the user, for messages.

    Raises:
      errors.UserError: There is no supported layout, or a file is missing.
    """
    inside = sorted(path for path in directory.iterdir() if path.is_dir())
    for folder in [directory, *inside]:
        for marker, reader in _READERS.items():
            if (folder / marker).is_file():
                return reader(folder)
    found = sorted(path.name for path in directory.iterdir())
    raise errors.UserError(
        f"expected MovieLens in {shown} (one of {', '.join(_READERS)}), found "
        f"{event_log.brief(', '.join(found)) or 'nothing'}: point --data_dir at the "
        f"unpacked edition or its zip"
    )


def _read_parquet(folder: pathlib.Path) -> Edition:
    path = folder / "interactions.parquet"
    names = dict(_HEADERLESS)
    ratings = files.scan_parquet([path])
    if "seq" in ratings.collect_schema():
        names[schema.ORDER] = "seq"
    items = _required(folder / "items.parquet")
    movies = RawTable(
        files.scan_parquet([items]), str(items), {schema.VIDEO_ID: "item_id"}
    )
    users = folder / "users.parquet"
    table = None
    if users.is_file():
        table = RawTable(files.scan_parquet([users]), str(users), {})
    return Edition("parquet", _ratings(ratings, path, names), movies, table)


def _read_csv(folder: pathlib.Path) -> Edition:
    path, movies = folder / "ratings.csv", _required(folder / "movies.csv")
    ratings = csv_files.scan_csv(path, ["userId", "movieId"])
    return Edition(
        "csv",
        _ratings(ratings, path, _HEADER),
        RawTable(
            csv_files.scan_csv(movies, ["movieId"]),
            str(movies),
            {schema.VIDEO_ID: "movieId"},
        ),
    )


def _read_dat(folder: pathlib.Path) -> Edition:
    path = folder / "ratings.dat"
    # Between the single colons of "::" lie empty columns.
    columns = ["user_id", "_1", "item_id", "_2", "rating", "_3", "timestamp"]
    ratings = _scan_headerless(path, ":", columns).drop("_1", "_2", "_3")
    movies = _read_lines(_required(folder / "movies.dat"), "::", ["item_id", "title"])
    users = None
    if (folder / "users.dat").is_file():
        users = _read_lines(
            folder / "users.dat", "::", [schema.USER_ID, schema.GENDER, schema.AGE]
        )
    return Edition("dat", _ratings(ratings, path, _HEADERLESS), movies, users)


def _read_tab(folder: pathlib.Path) -> Edition:
    path = folder / "u.data"
    columns = ["user_id", "item_id", "rating", "timestamp"]
    ratings = _scan_headerless(path, "\t", columns)
    movies = _read_lines(_required(folder / "u.item"), "|", ["item_id", "title"])
    users = None
    if (folder / "u.user").is_file():
        users = _read_lines(
            folder / "u.user", "|", [schema.USER_ID, schema.AGE, schema.GENDER]
        )
    return Edition("tab", _ratings(ratings, path, _HEADERLESS), movies, users)


_READERS: dict[str, Callable[[pathlib.Path], Edition]] = {
    "interactions.parquet": _read_parquet,
    "ratings.csv": _read_csv,
    "ratings.dat": _read_dat,
    "u.data": _read_tab,
}

# What is read of a zip.
MEMBERS = (
    "interactions.parquet",
    "items.parquet",
    "users.parquet",
    "ratings.csv",
    "movies.csv",
    "ratings.dat",
    "movies.dat",
    "users.dat",
    "u.data",
    "u.item",
    "u.user",
)


def _ratings(
    frame: pl.LazyFrame, path: pathlib.Path, names: dict[str, str]
) -> RawTable:
    with event_log.readable(str(path)):
        found = frame.collect_schema()
    missing = [name for name in [*names.values(), "rating"] if name not in found]
    if missing:
        raise errors.UserError(
            f"expected column {missing[0]} in {path}, found "
            f"{event_log.brief(', '.join(found))}: this is no MovieLens file; use "
            f"--source=log for own tables"
        )
    return RawTable(frame, str(path), names)


def _required(path: pathlib.Path) -> pathlib.Path:
    if not path.is_file():
        raise errors.UserError(
            f"expected {path.name} beside the ratings in {path.parent}, found none: "
            f"unpack the whole edition"
        )
    return path


def _scan_headerless(
    path: pathlib.Path, separator: str, columns: Sequence[str]
) -> pl.LazyFrame:
    return csv_files.scan_csv(
        path,
        ["user_id", "item_id"],
        separator=separator,
        has_header=False,
        new_columns=list(columns),
        quote_char=None,
    )


def _read_lines(path: pathlib.Path, separator: str, columns: Sequence[str]) -> RawTable:
    """Reads the first fields of a small headerless file; the first is an id."""
    rows = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        fields = line.split(separator)[: len(columns)]
        if len(fields) < len(columns) or not fields[0].strip().isdecimal():
            raise errors.UserError(
                f"expected {separator.join(columns)}{separator}… with an integer id "
                f"in row {number} of {path}, found {event_log.brief(line)!r}"
            )
        rows.append([int(fields[0]), *fields[1:]])
    types = {name: pl.String() for name in columns} | {columns[0]: pl.Int64()}
    frame = pl.DataFrame(rows, schema=types, orient="row").with_row_index(event_log.ROW)
    names = {schema.VIDEO_ID: "item_id"} if columns[0] == "item_id" else {}
    return RawTable(frame.lazy(), str(path), names)


def _text(path: pathlib.Path) -> str:
    """UTF-8 as in 10M, else Latin-1 as in 100K and 1M."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
