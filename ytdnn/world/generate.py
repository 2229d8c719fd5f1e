"""The world's event log as arrays by schema table and column."""

import numpy as np

from ytdnn import configs, schema
from ytdnn.world import behaviour, corpus, people, words

Table = dict[str, np.ndarray]


def generate(config: configs.World) -> dict[str, Table]:
    """Returns all five tables of a world, the same for the same config.

    Events are in order of time; users are "u0", "u1", … and videos "v0", "v1", …

    Args:
      config: Size, span and seed.

    Returns:
      `{table: {column: array}}`; the arrays of a table are equally long.
    """
    streams = np.random.SeedSequence(config.seed).spawn(4)
    users_rng, videos_rng, behaviour_rng, query_rng = map(
        np.random.default_rng, streams
    )
    users = people.make_users(config, users_rng)
    videos = corpus.make_videos(config, videos_rng)
    events = behaviour.simulate(config, users, videos, behaviour_rng)
    return {
        schema.WATCHES: _watches(events.watches.columns()),
        schema.SEARCHES: _searches(events.searches.columns(), query_rng),
        schema.IMPRESSIONS: _impressions(events.impressions.columns()),
        schema.VIDEOS: _videos(videos),
        schema.USERS: _users(users),
    }


def _ids(prefix: str, indices: np.ndarray) -> np.ndarray:
    return _pick([f"{prefix}{i}" for i in range(indices.max(initial=-1) + 1)], indices)


def _pick(values: list[str] | tuple[str, ...], indices: np.ndarray) -> np.ndarray:
    picked: np.ndarray = np.array(values, object)[indices]
    return picked


def _watches(columns: Table) -> Table:
    return {
        schema.USER_ID: _ids("u", columns["users"]),
        schema.VIDEO_ID: _ids("v", columns["videos"]),
        schema.TIME: columns["times"],
        schema.WATCH_SECONDS: columns["seconds"].astype(np.float64).round(1),
        schema.DEVICE: _pick(words.DEVICES, columns["devices"]),
        schema.LOGGED_IN: columns["logged_in"],
    }


def _searches(columns: Table, rng: np.random.Generator) -> Table:
    """Queries are a topic's name, one of its words, or both."""
    forms, picks = rng.random((2, len(columns["topics"])))
    queries = np.empty(len(forms), object)
    for i, topic in enumerate(columns["topics"]):
        name, vocabulary = words.topic_words(int(topic))
        word = vocabulary[int(picks[i] * len(vocabulary))]
        queries[i] = name if forms[i] < 0.3 else f"{name} {word}"
        if forms[i] > 0.7:
            queries[i] = word
    return {
        schema.USER_ID: _ids("u", columns["users"]),
        schema.TIME: columns["times"],
        schema.QUERY: queries,
        schema.DEVICE: _pick(words.DEVICES, columns["devices"]),
        schema.LOGGED_IN: columns["logged_in"],
    }


def _impressions(columns: Table) -> Table:
    return {
        schema.USER_ID: _ids("u", columns["users"]),
        schema.VIDEO_ID: _ids("v", columns["videos"]),
        schema.TIME: columns["times"],
        schema.CLICKED: columns["clicked"],
        schema.WATCH_SECONDS: columns["seconds"].astype(np.float64).round(1),
        schema.PAGE_ID: columns["pages"],
        schema.POSITION: columns["positions"],
        schema.SOURCE: _pick(behaviour.SOURCES, columns["sources"]),
        schema.SCORE: columns["scores"].astype(np.float64),
        schema.DEVICE: _pick(words.DEVICES, columns["devices"]),
    }


def _videos(videos: corpus.Videos) -> Table:
    names = [words.topic_words(i)[0] for i in range(videos.topics.max(initial=0) + 1)]
    return {
        schema.VIDEO_ID: _ids("v", np.arange(len(videos))),
        schema.UPLOAD_TIME: videos.upload_times,
        schema.DURATION_SECONDS: videos.duration_seconds.astype(np.float64),
        schema.LANGUAGE: videos.languages,
        schema.CHANNEL_ID: _ids("c", videos.channels),
        schema.TOPIC: _pick(names, videos.topics),
        schema.TITLE: videos.titles,
    }


def _users(users: people.Users) -> Table:
    countries = [country for country, *_ in words.COUNTRIES]
    languages = [language for _, language, _ in words.COUNTRIES]
    return {
        schema.USER_ID: _ids("u", np.arange(len(users))),
        schema.AGE: users.ages.astype(np.float64),
        schema.GENDER: _pick(words.GENDERS, users.genders),
        schema.COUNTRY: _pick(countries, users.countries),
        schema.LANGUAGE: _pick(languages, users.countries),
    }
