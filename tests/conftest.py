"""Shared by all tests. Importing ytdnn first selects Keras 2 for the whole process."""

import fcntl
import gc
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

import ytdnn
from tests import extras, scheduling
from ytdnn.base import machine_facts

assert ytdnn.__version__

# Tracing makes objects by the million that stay: at Python's threshold the collector
# takes an eighth of the time.
gc.set_threshold(50_000)

# Tests assert behaviour, not time: a busy machine fails no property. The examples of a
# suite are the same each time; `--hypothesis-profile=default` draws others.
hypothesis.settings.register_profile("ytdnn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ytdnn")

# ranx would compile its metrics for most of a minute; of tiny lists it needs no speed.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

MadeOnce = Callable[[str, Callable[[pathlib.Path], object]], pathlib.Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the dearest files first for several workers."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: scheduling.place(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives a worker the files of a room together, by which `made` runs are shared."""
    if config.getvalue("dist") != "loadfile":
        return None
    return scheduling.by_room(config, log)


@pytest.fixture(scope="session", autouse=True)
def graphs_as_written() -> None:
    """Leaves out TensorFlow's graph optimiser, a fifth of the time of many tests.

    It makes graphs faster that run often; a test runs most of its graphs once or twice.
    Processes that tests start have it, and `make test-slow`, which sets the variable.
    """
    if "YTDNN_OPTIMISED_GRAPHS" not in os.environ:
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="module", autouse=True)
def small_collector() -> Iterator[None]:
    """Keeps what earlier files left out of each later garbage collection.

    A worker ends with gigabytes of graphs; collecting among them takes seconds.
    """
    yield
    machine_facts.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def no_added_parts() -> Iterator[None]:
    """Forgets the parts that a file's tests register."""
    with extras.registered():
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a directory once for all workers of a suite; each has a copy of its own."""
    own = tmp_path_factory.mktemp("made")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def once(name: str, make: Callable[[pathlib.Path], object]) -> pathlib.Path:
        directory, finished = shared / f"{name}.made", shared / f"{name}.finished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir()
                make(directory)
                finished.touch()
        if not (own / name).exists():
            shutil.copytree(directory, own / name)
        return own / name

    return once


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
def untrained_run(made_once: MadeOnce) -> Any:
    """A `tests.untrained.Run`: every table and source, fresh weights, exported."""
    from tests import untrained  # loads TensorFlow

    return untrained.opened(made_once("untrained", untrained.make))


@pytest.fixture(scope="session")
def repository() -> pathlib.Path:
    """The root of the checkout."""
    return pathlib.Path(__file__).parents[1]
