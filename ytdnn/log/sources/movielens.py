"""MovieLens as an event log (Harper and Konstan, ACM TiiS 5(4), 2015).

Every rating is a watch, and an impression that was clicked if the rating is at least
four. There is no watch time, so `watch_seconds` is absent and the ranker's weights are
one. A film's title and a user's age and gender are read if the edition has them; in the
1M edition the age is the lower bound of upstream's bucket (1 means "under 18"). Genres,
occupations and ZIP codes are own columns of the log (docs/features.md).

| layout | editions | files |
|---|---|---|
| `parquet` | any, converted | interactions, items, users `.parquet` |
| `csv` | latest-small, 20M, 25M, 32M | ratings.csv, movies.csv |
| `dat` | 1M, 10M | ratings.dat, movies.dat, users.dat (1M): `::` between fields |
| `tab` | 100K | u.data, u.item, u.user: tab and `|` between fields, Latin-1 |
"""

import pathlib
from collections.abc import Callable, Sequence

import polars as pl

from ytdnn.base import configs, errors, registries, schema, table_schemas
from ytdnn.log import raw_log
from ytdnn.log.sources import archives, casting, csv_files, download, parquet_files

_CLICKED_FROM = 4.0  # stars
_RATING = "rating"
_ITEM = {schema.VIDEO_ID: "item_id"}
_HEADERLESS = {schema.USER_ID: "user_id", **_ITEM, schema.TIME: "timestamp"}
_HEADER = {
    schema.USER_ID: "userId",
    schema.VIDEO_ID: "movieId",
    schema.TIME: "timestamp",
}

Tables = dict[str, raw_log.Origin]  # raw rows of watches, videos and users


@registries.LOGS.register("movielens")
def read(config: configs.DataConfig) -> raw_log.EventLog:
    """Reads an edition in its upstream layout, or the same tables as Parquet.

    Args:
      config: `dir` is a directory or zip, `name` the edition to download when `dir`
        is empty, `where` a filter over the ratings' own columns (files without a
        header have `user_id, item_id, rating, timestamp`).

    Raises:
      errors.UserError: The path does not exist, or has no supported layout.
    """
    if config.columns:
        raise errors.UserError(
            f"expected no --columns with --source=movielens, which has fixed columns, "
            f"received {','.join(config.columns)}: use --source=log for own tables"
        )
    path = pathlib.Path(config.dir) if config.dir else download.fetch(config.name)
    layout, tables = _read_layout(archives.directory_of(path, _MEMBERS), path)
    ratings = tables[schema.WATCHES]
    _require_columns(ratings)
    rows = parquet_files.filter_rows(ratings.rows, config.where, ratings.file)
    tables[schema.WATCHES] = raw_log.Origin(rows, ratings.file, ratings.names)
    origins = {
        table: raw_log.Origin(
            casting.normalise(table, raw.rows, raw.file, raw.names), raw.file, raw.names
        )
        for table, raw in tables.items()
    }
    origins[schema.IMPRESSIONS] = _impressions(tables[schema.WATCHES])
    order = (schema.WATCHES, schema.IMPRESSIONS, schema.VIDEOS, schema.USERS)
    facts = {"source": "movielens", "layout": layout, "where": config.where}
    return raw_log.from_origins({k: origins[k] for k in order if k in origins}, facts)


def _impressions(ratings: raw_log.Origin) -> raw_log.Origin:
    """Returns the ratings as impressions; the rating stays as the raw `clicked`."""
    column = table_schemas.Column(_RATING, "number")
    dtype = ratings.rows.collect_schema()[_RATING]
    place = f"ratings ({_RATING} of {ratings.file})"
    stars, *raw = casting.cast(column, _RATING, dtype, place)
    clicked = (stars >= _CLICKED_FROM).alias(schema.CLICKED)
    given = [value.alias(raw_log.raw(schema.CLICKED)) for value in raw]
    rows = casting.normalise(
        schema.IMPRESSIONS,
        ratings.rows.with_columns(clicked, *given),
        ratings.file,
        ratings.names,
        keep=[raw_log.raw(schema.CLICKED)] if given else [],
    )
    names = {**ratings.names, schema.CLICKED: _RATING}
    return raw_log.Origin(rows, ratings.file, names)


def _read_layout(directory: pathlib.Path, shown: pathlib.Path) -> tuple[str, Tables]:
    """Reads the edition in a directory, or in a folder one level below.

    Args:
      directory: Directory of the files.
      shown: Path given by the user, for messages.

    Raises:
      errors.UserError: There is no supported layout, or a file is missing.
    """
    inside = sorted(path for path in directory.iterdir() if path.is_dir())
    for folder in [directory, *inside]:
        for marker, (layout, reader) in _READERS.items():
            if (folder / marker).is_file():
                return layout, reader(folder)
    content = sorted(path.name for path in directory.iterdir())
    raise errors.UserError(
        f"expected MovieLens in {shown} (one of {', '.join(_READERS)}), found "
        f"{raw_log.brief(', '.join(content)) or 'nothing'}: point --data_dir at the "
        f"unpacked edition or its zip"
    )


def _require_columns(ratings: raw_log.Origin) -> None:
    with raw_log.readable(ratings.file):
        columns = ratings.rows.collect_schema()
    for name in [*ratings.names.values(), _RATING]:
        if name not in columns:
            raise errors.UserError(
                f"expected column {name} in {ratings.file}, found "
                f"{raw_log.brief(', '.join(columns))}: this is no MovieLens file; "
                f"use --source=log for own tables"
            )


def _read_parquet(folder: pathlib.Path) -> Tables:
    tables = {}
    for table, name in (
        (schema.WATCHES, "interactions"),
        (schema.VIDEOS, "items"),
        (schema.USERS, "users"),
    ):
        path = folder / f"{name}.parquet"
        if table == schema.VIDEOS:
            _require(path)
        if path.is_file():
            rows = parquet_files.scan_parquet([path])
            known = {**_HEADERLESS, schema.ORDER: "seq"}
            needed = _HEADERLESS if table == schema.WATCHES else {}
            columns = rows.collect_schema()
            names = {k: v for k, v in known.items() if v in columns or k in needed}
            tables[table] = raw_log.Origin(rows, str(path), names)
    return tables


def _read_csv(folder: pathlib.Path) -> Tables:
    ratings, movies = folder / "ratings.csv", _require(folder / "movies.csv")
    ids = [_HEADER[schema.USER_ID], _HEADER[schema.VIDEO_ID]]
    names = {schema.VIDEO_ID: _HEADER[schema.VIDEO_ID]}
    return {
        schema.WATCHES: raw_log.Origin(
            csv_files.scan_csv([ratings], ids), str(ratings), _HEADER
        ),
        schema.VIDEOS: raw_log.Origin(
            csv_files.scan_csv([movies], ids[1:]), str(movies), names
        ),
    }


def _read_dat(folder: pathlib.Path) -> Tables:
    # Between the single colons of "::" lie empty columns.
    columns = ["user_id", "_1", "item_id", "_2", _RATING, "_3", "timestamp"]
    ratings = _scan_headerless(folder / "ratings.dat", ":", columns)
    tables = {schema.VIDEOS: "movies.dat", schema.USERS: "users.dat"}
    people = [schema.USER_ID, schema.GENDER, schema.AGE]
    return _with_lines(ratings, folder, tables, "::", people)


def _read_tab(folder: pathlib.Path) -> Tables:
    columns = ["user_id", "item_id", _RATING, "timestamp"]
    ratings = _scan_headerless(folder / "u.data", "\t", columns)
    tables = {schema.VIDEOS: "u.item", schema.USERS: "u.user"}
    people = [schema.USER_ID, schema.AGE, schema.GENDER]
    return _with_lines(ratings, folder, tables, "|", people)


_READERS: dict[str, tuple[str, Callable[[pathlib.Path], Tables]]] = {
    "interactions.parquet": ("parquet", _read_parquet),
    "ratings.csv": ("csv", _read_csv),
    "ratings.dat": ("dat", _read_dat),
    "u.data": ("tab", _read_tab),
}
# What is read of a zip.
_MEMBERS = (
    *_READERS,
    *("items.parquet", "users.parquet", "movies.csv"),
    *("movies.dat", "users.dat", "u.item", "u.user"),
)


def _require(path: pathlib.Path) -> pathlib.Path:
    if not path.is_file():
        raise errors.UserError(
            f"expected {path.name} beside the ratings in {path.parent}, found none: "
            f"unpack the whole edition"
        )
    return path


def _scan_headerless(
    path: pathlib.Path, separator: str, columns: Sequence[str]
) -> raw_log.Origin:
    frame = csv_files.scan_csv(
        [path],
        ["user_id", "item_id"],
        separator=separator,
        has_header=False,
        new_columns=list(columns),
        quote_char=None,
    )
    rows = frame.drop([name for name in columns if name.startswith("_")])
    return raw_log.Origin(rows, str(path), _HEADERLESS)


def _with_lines(
    ratings: raw_log.Origin,
    folder: pathlib.Path,
    tables: dict[str, str],
    separator: str,
    people: Sequence[str],
) -> Tables:
    """Returns the ratings, and films and users from small headerless files."""
    origins = {schema.WATCHES: ratings}
    columns = {schema.VIDEOS: ["item_id", "title"], schema.USERS: people}
    for table, name in tables.items():
        path = folder / name
        if table == schema.VIDEOS:
            _require(path)
        if path.is_file():
            rows = _read_lines(path, separator, columns[table])
            names = _ITEM if table == schema.VIDEOS else {}
            origins[table] = raw_log.Origin(rows, str(path), names)
    return origins


def _read_lines(
    path: pathlib.Path, separator: str, columns: Sequence[str]
) -> pl.LazyFrame:
    """Returns the first fields of each line; the first is an id.

    The text is UTF-8 as in 10M, else Latin-1 as in 100K and 1M.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split(separator)[: len(columns)]
        if len(fields) < len(columns) or not fields[0].strip().isdecimal():
            raise errors.UserError(
                f"expected {separator.join(columns)}{separator}… with an integer id "
                f"in row {number} of {path}, found {raw_log.brief(line)!r}"
            )
        rows.append([int(fields[0]), *fields[1:]])
    types = {name: pl.String() for name in columns} | {columns[0]: pl.Int64()}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    return frame.with_row_index(raw_log.ROW).lazy()
