"""A small log with every table and column, of random events and queries."""

import pathlib

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.log import prepare, prepared

NUM_USERS = 30
NUM_VIDEOS = 25
NUM_UNWATCHED = 5
_START = 1_600_000_000
_SPAN = 40 * 86_400
_WORDS = (
    "Guitar",
    "solo",
    "live",
    "東京",
    "タワー",
    "さくら",
    "한국어",
    "naïve",
    "don’t",
)
_WORDS += ("ΣΊΣΥΦΟΣ", "mp3", "🎸", "हिन्दी", "ภาษา", "—", "co\u00adop", "№7", "Ǆungla")


def tables(seed: int = 0) -> dict[str, pl.DataFrame]:
    """Returns all five tables, events in order of time."""
    rng = np.random.default_rng(seed)
    return {
        "watches": _watches(rng, 40 * NUM_USERS),
        "searches": _searches(rng, 15 * NUM_USERS),
        "impressions": _impressions(rng, 40 * NUM_USERS),
        "videos": _videos(rng.uniform(50, 500, NUM_VIDEOS)),
        "users": pl.DataFrame(
            {
                "user_id": [f"u{i}" for i in range(NUM_USERS)],
                "age": [None if i % 7 == 0 else 20.0 + i for i in range(NUM_USERS)],
                "gender": [["F", "M", None][i % 3] for i in range(NUM_USERS)],
                "country": [["DE", "JP"][i % 2] for i in range(NUM_USERS)],
                "language": [["de", "ja", None][i % 3] for i in range(NUM_USERS)],
                "segment": [["new", "old", None][i % 3] for i in range(NUM_USERS)],
                "points": [None if i % 5 == 0 else i - 9.5 for i in range(NUM_USERS)],
            }
        ),
    }


def _videos(durations: np.ndarray) -> pl.DataFrame:
    """Returns the watched videos, and some that are in no other table."""
    every = range(NUM_VIDEOS + NUM_UNWATCHED)
    return pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in every],
            "duration_seconds": [*durations, *([None] * NUM_UNWATCHED)],
            "upload_time": [
                None if i % 6 == 0 else _START - i * 86_400 + 5 for i in every
            ],
            "language": [["de", "ja", None][i % 3] for i in every],
            "channel_id": [None if i % 8 == 0 else i % 4 for i in every],
            "topic": [["cats", "music", None, "news"][i % 4] for i in every],
            "title": [f"Title {i}" for i in every],
            "genre": [["fun", None, "art"][i % 3] for i in every],
            "stars": [None if i % 4 == 0 else 2.5 - i for i in every],
        }
    )


def _events(rng: np.random.Generator, size: int) -> dict[str, list]:
    return {
        "user_id": [f"u{i}" for i in rng.integers(NUM_USERS, size=size)],
        "time": np.sort(rng.integers(_START, _START + _SPAN, size)).tolist(),
        "device": rng.choice(["phone", "tv", None], size).tolist(),
    }


def _watches(rng: np.random.Generator, size: int) -> pl.DataFrame:
    columns = _events(rng, size) | {
        "video_id": [f"v{i}" for i in rng.integers(NUM_VIDEOS, size=size)],
        "watch_seconds": rng.uniform(0, 400, size),
        "logged_in": rng.choice([True, False, None], size).tolist(),
    }
    return pl.DataFrame(columns)


def _searches(rng: np.random.Generator, size: int) -> pl.DataFrame:
    queries = [
        " ".join(rng.choice(_WORDS, rng.integers(1, 5)).tolist()) for _ in range(size)
    ]
    return pl.DataFrame(_events(rng, size) | {"query": queries})


def _impressions(rng: np.random.Generator, size: int) -> pl.DataFrame:
    columns = _events(rng, size) | {
        "video_id": [f"v{i}" for i in rng.integers(NUM_VIDEOS, size=size)],
        "clicked": rng.random(size) < 0.3,
        "watch_seconds": rng.uniform(1, 400, size),
        "position": [None if i % 9 == 0 else i % 5 for i in range(size)],
        "source": [["tower", "popular", None][i % 3] for i in range(size)],
        "score": [None if i % 9 == 0 else i / size for i in range(size)],
        "seed_video_id": [None if i % 2 else f"v{i % 7}" for i in range(size)],
        "page_id": [i // 5 for i in range(size)],
        "propensity": [None if i % 11 == 0 else (i + 1) / size for i in range(size)],
    }
    return pl.DataFrame(columns)


def write(directory: pathlib.Path, log: dict[str, pl.DataFrame]) -> pathlib.Path:
    """Writes tables as Parquet."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in log.items():
        table.write_parquet(directory / f"{name}.parquet")
    return directory


def prepared_data(
    directory: pathlib.Path,
    log: dict[str, pl.DataFrame],
    token_count: int = 2,
    **settings: object,
) -> prepared.PreparedData:
    """Prepares tables under `directory / "data"`.

    Args:
      directory: Of the files.
      log: The tables.
      token_count: Number of searches from which a token has a vector.
      **settings: Of `configs.DataConfig`.
    """
    path = write(directory / "log", log)
    config = configs.DataConfig(source="log", dir=str(path), **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs.DataConfig, "min_search_token_count", token_count)
        return prepare.prepare(config, directory / "data")
