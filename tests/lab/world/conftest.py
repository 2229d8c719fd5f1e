"""A world small enough to be played in a test, as frames and as it truly is."""

import polars as pl
import pytest

from ytdnn import configs
from ytdnn.lab.world import generate
from ytdnn.log import sources

CONFIG = configs.WorldConfig(
    num_users=1_000,
    num_videos=3_000,
    num_topics=8,
    num_days=30,
    watches_per_user=60,
    seed=7,
)


@pytest.fixture(scope="session")
def world() -> generate.World:
    return generate.World(CONFIG)


@pytest.fixture(scope="session")
def log() -> dict[str, pl.DataFrame]:
    found = sources.read(configs.DataConfig(world=CONFIG)).tables
    return {name: frame.collect() for name, frame in found.items()}
