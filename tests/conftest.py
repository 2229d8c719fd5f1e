"""Shared by all tests. Importing ytdnn first selects Keras 2 for the whole process."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

import ytdnn

assert ytdnn.__version__

# Tests assert behaviour, not time: a busy machine fails no property.
hypothesis.settings.register_profile("ytdnn", deadline=None)
hypothesis.settings.load_profile("ytdnn")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], pathlib.Path]:
    """Finds a real data set under `YTDNN_DATA`, or skips the test."""

    def find(name: str) -> pathlib.Path:
        root = os.environ.get("YTDNN_DATA", "")
        if not root or not (pathlib.Path(root) / name).is_dir():
            pytest.skip(f"needs real data: set YTDNN_DATA to a folder with {name}")
        return pathlib.Path(root) / name

    return find


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `tests.untrained.Run`: every table and source, fresh weights, exported."""
    from tests import untrained  # loads TensorFlow

    return untrained.make(tmp_path_factory.mktemp("untrained"))


@pytest.fixture(scope="session")
def repository() -> pathlib.Path:
    """The root of the checkout."""
    return pathlib.Path(__file__).parents[1]
