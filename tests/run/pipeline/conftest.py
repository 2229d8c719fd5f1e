"""A run made as a notebook makes it: frames in memory, then one call a step."""

import dataclasses
import pathlib

import polars as pl
import pytest

import ytdnn
from tests import planted
from tests.conftest import MadeOnce


@dataclasses.dataclass(frozen=True)
class Made:
    """A run, with what its calls were given and returned."""

    workdir: pathlib.Path
    tables: dict[str, pl.DataFrame]
    config: ytdnn.Config
    bundle: pathlib.Path


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    return planted.frames(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="session")
def made(tables: dict[str, pl.DataFrame], made_once: MadeOnce) -> Made:
    workdir = made_once("notebook", planted.make_run) / "run"
    return Made(workdir, tables, planted.RUN_CONFIG, workdir / "bundle")
