"""A tiny run on a world with live days, and built-in arms played in it."""

import dataclasses
import pathlib

import pytest

from tests import planted, untrained
from tests.conftest import MadeOnce
from ytdnn import configs
from ytdnn.lab.live import arms, play
from ytdnn.run import pipeline

WORLD = configs.WorldConfig(
    num_users=120,
    num_videos=160,
    num_topics=3,
    num_days=20,
    live_days=4,
    watches_per_user=20,
)
BUILT_IN = arms.parse(["logging", "popularity", "bound"])


@pytest.fixture(scope="session")
def workdir(made_once: MadeOnce) -> pathlib.Path:
    """A run with a bundle of exact search."""
    directory = made_once("live", lambda home: make(home / "run")) / "run"
    untrained.serve_only()
    return directory


def make(directory: pathlib.Path) -> None:
    config = planted.tiny_config()
    training = dataclasses.replace(config.ranking.training, epochs=1, batch_size=256)
    config = dataclasses.replace(
        config,
        data=configs.DataConfig(world=WORLD),
        ranking=dataclasses.replace(config.ranking, training=training),
        index=configs.IndexConfig(search=configs.ExactConfig()),
    )
    pipeline.prepare(directory, config)
    pipeline.train(directory, config)
    pipeline.export(directory, config)


@pytest.fixture(scope="session")
def played(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[play.LiveOutcome, pathlib.Path]:
    """The built-in arms, played to the end, and where their days lie."""
    directory = tmp_path_factory.mktemp("live") / "test"
    return play.play(play.Test(WORLD, BUILT_IN, WORLD.live_days), directory), directory
