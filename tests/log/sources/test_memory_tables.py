"""Frames in memory go the way of files: the same set, the same messages."""

import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests import planted, refusals
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.log import prepare
from ytdnn.log.sources import memory_tables

CONFIG = configs.DataConfig(source="tables", ranking_fraction=0.4)
TABLES = ("watches", "impressions", "videos", "users")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return planted.write_log(tmp_path_factory.mktemp("tables") / "log")


@pytest.fixture
def given(log: pathlib.Path) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(log / f"{name}.parquet") for name in TABLES}


def as_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({column.name: column.to_list() for column in frame})


def files_of(directory: pathlib.Path) -> dict:
    return artifacts.read_manifest(directory, "data").files


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas"])
def test_a_set_of_frames_has_the_bytes_of_one_of_files(
    log: pathlib.Path, given: dict[str, pl.DataFrame], kind: str, tmp_path: pathlib.Path
) -> None:
    convert = {"polars": lambda f: f, "lazy": pl.DataFrame.lazy, "pandas": as_pandas}
    frames = {name: convert[kind](frame) for name, frame in given.items()}
    prepare.prepare(CONFIG, tmp_path / "data", memory_tables.from_frames(frames))
    of_files = configs.DataConfig(source="log", dir=str(log), ranking_fraction=0.4)
    prepare.prepare(of_files, tmp_path / "other")
    assert files_of(tmp_path / "data") == files_of(tmp_path / "other")


def test_fingerprints_follow_the_content(given: dict[str, pl.DataFrame]) -> None:
    def print_of(frame: pl.DataFrame) -> str:
        return memory_tables.from_frames({"watches": frame}).fingerprints["watches"]

    watches = given["watches"]
    first = print_of(watches)
    assert print_of(watches.clone()) == first
    others = [
        watches.with_columns(pl.col("time") + (pl.int_range(pl.len()) == 7)),
        watches.reverse(),
        watches.head(-1),
        watches.rename({"time": "when"}),
        watches.with_columns(pl.col("time").cast(pl.Int32)),
        watches.with_columns(extra=pl.lit(None)),
    ]
    prints = [print_of(other) for other in others]
    assert len({first, *prints}) == len(others) + 1
    words = [pl.DataFrame({"a": [word]}, {"a": pl.Categorical}) for word in "xy"]
    assert print_of(words[0]) != print_of(words[1])


def refused(given: dict, config: configs.DataConfig, directory: pathlib.Path) -> str:
    with pytest.raises(errors.UserError) as error:
        prepare.prepare(config, directory / "data", memory_tables.from_frames(given))
    return str(error.value)


def test_a_bad_row_is_named_as_in_a_file(
    given: dict[str, pl.DataFrame], tmp_path: pathlib.Path
) -> None:
    watches = as_pandas(given["watches"])
    watches["time"] = watches["time"].astype(object)
    watches.loc[4, "time"] = "yesterday"
    error = refused(given | {"watches": watches}, CONFIG, tmp_path)
    assert error.startswith(
        "expected watches.time to be a time (seconds since 1970, ISO text, dd.mm.yyyy, "
        "dd-mm-yyyy, dd/mm/yyyy), found 'yesterday' in row 5 of tables['watches']"
    )
    watches["time"] = np.where(watches.index == 4, np.nan, given["watches"]["time"])
    error = refused(given | {"watches": watches}, CONFIG, tmp_path)
    assert "found null in row 5 of tables['watches']" in error


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "expected a table watches, received none"),
        ({"users": pl.DataFrame()}, "expected a table watches, received users"),
        ({"watch": pl.DataFrame()}, "received 'watch': did you mean watches?"),
        ({"watches": "watches.csv"}, "in tables['watches'], received str"),
    ],
)
def test_what_are_no_tables_is_refused(given: dict, line: str) -> None:
    assert line in refusals.line(memory_tables.from_frames, given)


def test_a_set_cannot_be_made_again_without_its_frames(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match="frames in memory and cannot be read"):
        prepare.prepare(CONFIG, tmp_path / "data")
