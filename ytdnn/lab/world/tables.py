"""The world as tables of the event log, a part for each crowd.

A world that goes on behind its log (`live_days`) is cut where the log ends: later
events, uploads and users are not in the tables.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ytdnn.base import configs, schema
from ytdnn.lab.world import (
    corpus,
    event_recorder,
    generate,
    people,
    policy,
    titles_and_queries,
    words,
)

VECTOR = "vector"
_LEAF_DIM, _CHANNEL_DIM, _LANGUAGE_DIM = 16, 16, 4
_STREAM = 0x76656374  # apart from all other draws of the world
# Standard deviation of the noise where that of the factors is 1.
_NOISE = 0.5


class CategoryColumn(NamedTuple):
    """A column of few distinct values.

    Attributes:
      values: The distinct values, None for missing.
      codes: Their places, one for each row.
    """

    values: list[str] | list[str | None]
    codes: np.ndarray

    def decoded(self) -> np.ndarray:
        """Returns the column, an array of objects."""
        return np.array(self.values, object)[self.codes]


Table = dict[str, np.ndarray | CategoryColumn]


def parts_of(world: generate.World) -> Iterator[dict[str, Table]]:
    """Yields watches, searches, impressions and users of one crowd after the other."""
    end = world.end_of_log if world.config.live_days else None
    for number in range(world.num_crowds):
        crowd = world.crowd(number)
        yield events_tables(world, crowd.play(), until=end) | {
            schema.USERS: users_table(crowd.users, world.config.num_days)
        }


def events_tables(
    world: generate.World,
    happened: event_recorder.Events,
    sources: Sequence[str] = policy.SOURCES,
    until: int | None = None,
) -> dict[str, Table]:
    """Returns watches, searches and impressions, in order of time.

    Args:
      world: The world.
      happened: The events of its users.
      sources: Names of the sources that filled the pages.
      until: Seconds; later events are left out. None: all are kept.
    """
    watches, searches, impressions = (
        _before(recorder.columns(), until)
        for recorder in (happened.watches, happened.searches, happened.impressions)
    )
    return {
        schema.WATCHES: _watches(watches),
        schema.SEARCHES: _searches(world, searches),
        schema.IMPRESSIONS: _impressions(impressions, sources),
    }


def _before(columns: dict[str, np.ndarray], until: int | None) -> dict[str, np.ndarray]:
    """Returns the rows before a time."""
    if until is None:
        return columns
    keep = columns["times"] < until
    return {name: values[keep] for name, values in columns.items()}


def _ids(prefix: str, indices: np.ndarray) -> CategoryColumn:
    """Returns ids, numbered from 0."""
    names = [f"{prefix}{i}" for i in range(indices.max(initial=-1) + 1)]
    return CategoryColumn(names, indices)


def _visit(columns: dict[str, np.ndarray]) -> Table:
    return {
        schema.USER_ID: _ids("u", columns["users"]),
        schema.TIME: columns["times"],
        schema.DEVICE: CategoryColumn(list(words.DEVICES), columns["devices"]),
    }


def _watches(columns: dict[str, np.ndarray]) -> Table:
    return _visit(columns) | {
        schema.VIDEO_ID: _ids("v", columns["videos"]),
        schema.WATCH_SECONDS: columns["seconds"].astype(np.float64).round(1),
        schema.LOGGED_IN: columns["logged_in"],
    }


def _searches(world: generate.World, columns: dict[str, np.ndarray]) -> Table:
    numbers, codes = np.unique(columns["queries"], return_inverse=True)
    shared = world.shared
    written = titles_and_queries.queries(
        numbers, shared.topics.num_leaves, shared.videos, world.metadata
    )
    return _visit(columns) | {
        schema.QUERY: CategoryColumn(written, codes),
        schema.LOGGED_IN: columns["logged_in"],
    }


def _impressions(columns: dict[str, np.ndarray], sources: Sequence[str]) -> Table:
    seeds, propensities = columns["seeds"], columns["propensities"]
    seed_ids = _ids("v", np.maximum(seeds, 0))
    table = _visit(columns) | {
        schema.VIDEO_ID: _ids("v", columns["videos"]),
        schema.CLICKED: columns["clicked"],
        schema.WATCH_SECONDS: columns["seconds"].astype(np.float64).round(1),
        schema.PAGE_ID: columns["pages"],
        schema.POSITION: columns["positions"].astype(np.int64),
        schema.SOURCE: CategoryColumn(list(sources), columns["sources"]),
        schema.SCORE: columns["scores"].astype(np.float64).round(4),
        schema.SEED_VIDEO_ID: _or_none(seed_ids, seeds >= 0),
    }
    outcomes = schema.LIKED, schema.DISLIKED
    table |= {name: columns[name] for name in outcomes if name in columns}
    if not np.isnan(propensities).all():
        table[schema.PROPENSITY] = propensities.astype(np.float64)
    return table


def _or_none(column: CategoryColumn, there: np.ndarray) -> CategoryColumn:
    values: list[str | None] = [*column.values, None]
    return CategoryColumn(values, np.where(there, column.codes, len(column.values)))


def videos_table(world: generate.World, until: int | None = None) -> Table:
    """Returns the table of videos as the log has it: metadata with its noise.

    Args:
      world: The world.
      until: Seconds; later uploads are left out. None: the end of the log.
    """
    videos, metadata = world.shared.videos, world.metadata
    topics = [
        f"{words.topic_name(leaf // words.LEAVES_PER_TOPIC)} {words.leaf_word(leaf)}"
        for leaf in range(world.shared.topics.num_leaves)
    ]
    channels = [
        titles_and_queries.channel_name(channel)
        for channel in range(videos.channels.max() + 1)
    ]
    languages = list(words.LANGUAGES)
    table: Table = {
        schema.VIDEO_ID: _ids("v", np.arange(len(videos))),
        schema.UPLOAD_TIME: videos.upload_times,
        schema.DURATION_SECONDS: videos.duration_seconds,
        schema.LANGUAGE: _or_none(
            CategoryColumn(languages, metadata.languages), metadata.languages >= 0
        ),
        schema.CHANNEL_ID: CategoryColumn(channels, videos.channels),
        schema.TOPIC: _or_none(
            CategoryColumn(topics, metadata.leaves), metadata.leaves >= 0
        ),
        schema.TITLE: CategoryColumn(_titles(world), np.arange(len(videos))),
    }
    if world.config.vector_dim:
        table[VECTOR] = video_vectors(world.config, world.shared.topics, videos)
    end = world.end_of_log if until is None else until
    return _kept(table, videos.upload_times < end)


def _kept(table: Table, keep: np.ndarray) -> Table:
    """Returns some rows of a table."""
    return {
        name: column._replace(codes=column.codes[keep])
        if isinstance(column, CategoryColumn)
        else column[keep]
        for name, column in table.items()
    }


def _titles(world: generate.World) -> list[str | None]:
    videos, metadata = world.shared.videos, world.metadata
    serial = np.where(videos.series >= 0, videos.episodes, 0)
    shown = (metadata.subjects, metadata.extras)
    columns = (videos.languages, *shown, videos.channels, serial)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [None if row[1] < 0 else titles_and_queries.title(*row) for row in rows]


def users_table(users: people.Users, days: float) -> Table:
    """Returns the table of the users who have joined by a day of the world."""
    countries = [country for country, *_ in words.COUNTRIES]
    table: Table = {
        schema.USER_ID: _ids("u", users.first + np.arange(len(users))),
        schema.AGE: users.ages.astype(np.float64),
        schema.GENDER: CategoryColumn(list(words.GENDERS), users.genders),
        schema.COUNTRY: CategoryColumn(countries, users.countries),
        schema.LANGUAGE: CategoryColumn(list(words.LANGUAGES), users.languages),
    }
    return _kept(table, users.joined_days < days)


def video_vectors(
    config: configs.WorldConfig, topics: corpus.Topics, videos: corpus.Videos
) -> np.ndarray:
    """Returns the vectors of all videos, `[num_videos, vector_dim] float32`.

    They are as an encoder of frames and sound would make them: factors of the leaf, the
    channel and the language, and the style, mixed into all coordinates, plus noise.
    Quality, appeal and popularity are not in them.

    Args:
      config: With the width of a vector.
      topics: The tree of topics.
      videos: The corpus.
    """
    rng = np.random.default_rng([config.seed, _STREAM])
    languages = int(videos.languages.max()) + 1
    parts = [
        _factors(topics.num_leaves, _LEAF_DIM, rng)[videos.leaves],
        _factors(int(videos.channels.max()) + 1, _CHANNEL_DIM, rng)[videos.channels],
        _factors(languages, _LANGUAGE_DIM, rng)[videos.languages],
        videos.styles,
    ]
    factors = np.concatenate(parts, axis=1).astype(np.float32)
    mixing = rng.standard_normal((factors.shape[1], config.vector_dim))
    mixing /= np.sqrt(factors.shape[1])
    noise = rng.standard_normal((len(videos), config.vector_dim), dtype=np.float32)
    signal: np.ndarray = factors @ mixing.astype(np.float32)
    return signal + np.float32(_NOISE) * noise


def _factors(number: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Returns factors of variance one, `[number, dim]`."""
    return rng.standard_normal((number, dim))
