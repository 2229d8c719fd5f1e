"""Which files of a source make its prepared set stale."""

import os
import pathlib

import pytest

from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.run.pipeline import graph, runner


def _prepared(directory: pathlib.Path, facts: dict[str, object]) -> pathlib.Path:
    with artifacts.publish(directory / "run" / "data", "data", {}, {}, facts):
        pass
    return directory / "run" / "data"


@pytest.mark.parametrize(
    ("own", "name", "is_stale"),
    [
        (True, "logs/watches/part.csv", True),
        (True, "logs/videos.parquet", True),
        (True, "logs/README.md", False),
        (True, "logs/other.parquet", False),
        (False, "logs/user_features.csv", True),
        (False, "logs/README.md", False),
    ],
)
def test_a_changed_file_counts_where_prepare_reads_it(
    tmp_path: pathlib.Path, own: bool, name: str, is_stale: bool
) -> None:
    logs = tmp_path / "logs"
    tables = {"watches": str(logs / "watches"), "videos": str(logs / "videos.parquet")}
    data = _prepared(tmp_path, {"files": tables} if own else {"edition": "1k"})
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("x")
    later = (data / artifacts.MANIFEST).stat().st_mtime + 60
    os.utime(path, (later, later))
    config = configs.Config(data=configs.DataConfig(source="log", dir=str(logs)))
    found = runner._newer_source(graph.DATA, config, data)
    assert bool(found) == is_stale
