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
    log = planted.write_log(tmp_path_factory.mktemp("frames") / "log")
    return {path.stem: pl.read_parquet(path) for path in sorted(log.iterdir())}


@pytest.fixture(scope="session")
def made(tables: dict[str, pl.DataFrame], made_once: MadeOnce) -> Made:
    config = planted.tiny_config()

    def make(home: pathlib.Path) -> None:
        workdir = home / "run"
        ytdnn.prepare(workdir, config, tables=tables)
        ytdnn.train(workdir, config)
        ytdnn.export(workdir, config)

    workdir = made_once("notebook", make) / "run"
    return Made(workdir, tables, config, workdir / "bundle")
