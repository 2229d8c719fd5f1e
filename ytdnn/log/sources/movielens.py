"""MovieLens as an event log (Harper and Konstan, ACM TiiS 5(4), 2015).

Every rating is a watch, and an impression that was clicked if the rating is at least
four. There is no watch time, so `watch_seconds` is absent and the ranker's weights are
one. A film's title and a user's age and gender are read if the edition has them; in the
1M edition the age is the lower bound of upstream's bucket (1 means "under 18"). Genres,
occupations and ZIP codes are own columns of the log, which are features only if a
config names them.
"""

import pathlib

import polars as pl

from ytdnn.base import configs, errors, registries, schema, table_schemas
from ytdnn.log import event_log
from ytdnn.log.sources import archives, casting, download, files, movielens_layouts

CLICKED_FROM_RATING = 4.0


@registries.LOGS.register("movielens")
def read(config: configs.DataConfig) -> event_log.EventLog:
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
    directory = archives.directory_of(path, movielens_layouts.MEMBERS)
    edition = movielens_layouts.read(directory, path)
    ratings = edition.ratings
    frame = files.filter_rows(ratings.frame, config.where, ratings.file)
    origins = {
        schema.WATCHES: _origin(schema.WATCHES, frame, ratings),
        schema.IMPRESSIONS: _impressions(frame, ratings),
        schema.VIDEOS: _origin(schema.VIDEOS, edition.movies.frame, edition.movies),
    }
    if edition.users is not None:
        users = edition.users
        origins[schema.USERS] = _origin(schema.USERS, users.frame, users)
    facts = {"source": "movielens", "layout": edition.layout, "where": config.where}
    return event_log.from_origins(origins, facts)


def _origin(
    table: str, frame: pl.LazyFrame, source: movielens_layouts.RawTable
) -> event_log.Origin:
    rows = casting.normalise(table, frame, source.file, source.names)
    return event_log.Origin(rows, source.file, source.names)


def _impressions(
    frame: pl.LazyFrame, source: movielens_layouts.RawTable
) -> event_log.Origin:
    """Returns the ratings as impressions; the rating stays as the raw `clicked`."""
    names = {**source.names, schema.CLICKED: source.rating}
    own = {key: name for key, name in names.items() if key != schema.CLICKED}
    rating = table_schemas.Column(source.rating, "number", "stars")
    dtype = frame.collect_schema()[source.rating]
    place = f"ratings ({source.rating} of {source.file})"
    stars, *raw = casting.cast(rating, source.rating, dtype, place)
    clicked = (stars >= CLICKED_FROM_RATING).alias(schema.CLICKED)
    given = [value.alias(event_log.raw(schema.CLICKED)) for value in raw]
    rows = casting.normalise(
        schema.IMPRESSIONS,
        frame.with_columns(clicked, *given),
        source.file,
        own,
        keep=[event_log.raw(schema.CLICKED)] if given else [],
    )
    return event_log.Origin(rows, source.file, names)
