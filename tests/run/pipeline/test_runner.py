"""Files that make a prepared set stale, and what is refused before the first step."""

import os
import pathlib
import sys
from collections.abc import Sequence

import pytest

from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.evaluation import boosted_trees
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
    assert bool(runner._newer_source(graph.DATA, config, data)) == is_stale


def test_a_file_in_the_place_of_an_artefact_is_told_at_once(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "bundle").write_text("a file")
    with pytest.raises(errors.UserError, match="found a file: move it"):
        runner.staleness(graph.BUNDLE, configs.Config(), tmp_path)


@pytest.mark.parametrize(
    ("name", "package"), [("lightgbm", "lightgbm"), ("als", "implicit.als")]
)
@pytest.mark.parametrize(
    "several",
    [graph.STEPS, graph.trained(), (graph.BASELINES, graph.EVALUATION)],
    ids=["run", "train", "evaluate"],
)
def test_a_baseline_without_its_package_is_refused_before_the_first_step(
    several: Sequence[graph.Step],
    name: str,
    package: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(boosted_trees.importlib.util, "find_spec", lambda name: None)
    rules = configs.EvaluationConfig(baselines=("auto", name))
    said: list[str] = []
    with pytest.raises(errors.UserError, match=rf"package {package[:8]}.*pip install"):
        runner.run(several, configs.Config(evaluation=rules), tmp_path, said.append)
    assert said == []
