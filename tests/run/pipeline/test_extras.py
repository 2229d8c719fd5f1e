"""A run with a part of each kind from an installed package."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterator

import polars as pl
import pytest

import ytdnn
from tests import extras, full_log, planted
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.ranking import model as ranking_model
from ytdnn.run.cli import main
from ytdnn.run.pipeline import graph, runner
from ytdnn.run.pipeline import workdir as run_workdir

pytestmark = pytest.mark.thorough  # tests/base/test_registry.py and others are cheaper
K = 5


def _config() -> configs.Config:
    """Returns the settings; the package is installed."""
    base = planted.untaught_config()
    values = configs.to_dict(base)
    values["candidates"]["loss"] = {"kind": "margin", "num_negatives": 16}
    values["candidates"]["training"]["epochs"] = 1
    values["ranking"]["head"] = {"kind": "long_view", "least_seconds": 20.0}
    config = configs.from_dict(values)
    return dataclasses.replace(
        config,
        composition=configs.CompositionConfig(
            num_candidates=12,
            sources=(("all_time_popular", 0.5),),
            rerankers=("short_first",),
        ),
        evaluation=dataclasses.replace(base.evaluation, metrics=("tail_share",)),
        ranking=dataclasses.replace(
            base.ranking,
            features=configs.FeaturesConfig(add=("weekend",)),
            head=config.ranking.head,
        ),
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    home = tmp_path_factory.mktemp("extras")
    (home / "package").mkdir()
    with extras.installed(home / "package"):
        config = _config()
        ytdnn.prepare(home / "run", config, tables=full_log.tables())
        ytdnn.train(home / "run", config)
        ytdnn.evaluate(home / "run", config)
        ytdnn.export(home / "run", config)
        yield home / "run"


def manifest(workdir: pathlib.Path, kind: str) -> artifacts.Manifest:
    return artifacts.read_manifest(workdir / kind, kind)


def test_the_loss_has_trained_and_marks_the_model(workdir: pathlib.Path) -> None:
    assert manifest(workdir, "candidates").inputs["loss"] == "ytdnn-extras 1.0"
    kept = json.loads((workdir / "config.json").read_text())["config"]
    assert kept["candidates"]["loss"]["kind"] == "margin"


def test_the_source_proposes_in_the_served_graph(workdir: pathlib.Path) -> None:
    found = ytdnn.Recommender.load(workdir / "bundle").candidates("u3")
    assert set(found["source"]) == {"tower", "all_time_popular"}


def test_the_metric_and_the_section_are_in_the_report(workdir: pathlib.Path) -> None:
    report = json.loads((workdir / "evaluation" / "report.json").read_text())
    for model in ("popularity", "candidates", "system"):
        entry = report["lists"][model]
        assert 0.0 <= entry["values"]["tail_share@10"] <= 1.0
        assert len(entry["intervals"]["tail_share@10"]) == 2
    page = (workdir / "evaluation" / "report.html").read_text()
    assert "share of the tail" in page
    assert "Weakest slices" in re.findall(r"<h2>(.*?)</h2>", page)


def test_outputs_are_recognised_by_the_versions_of_parts(workdir: pathlib.Path) -> None:
    of_package = {
        kind: {k for k, v in manifest(workdir, kind).inputs.items() if "extras" in v}
        for kind in ("candidates", "ranking", "evaluation")
    }
    source = "candidate source all_time_popular"
    assert of_package == {
        "candidates": {"loss"},
        "ranking": {"head", "feature weekend"},
        "evaluation": {source, "re-ranker short_first", "metric tail_share"},
    }
    config = run_workdir.require_config(workdir)
    for step in graph.every(config):
        if (workdir / step.name).exists():
            assert runner.staleness(step, config, workdir) == ""


def test_the_ranker_has_the_head(workdir: pathlib.Path) -> None:
    recommender = ytdnn.Recommender.load(workdir / "bundle")
    assert "long view" in recommender.bundle.score_meaning
    scores = recommender.recommend("u3", k=K)["score"]
    assert len(scores)
    assert scores.is_between(0.0, 1.0).all()


def test_the_ranker_reads_the_feature(workdir: pathlib.Path) -> None:
    kept = json.loads((workdir / "ranking" / ranking_model.STATISTICS).read_text())
    assert "weekend" in kept["features"]


def test_the_reranker_moves_videos_up_and_says_so(workdir: pathlib.Path) -> None:
    bundle = ytdnn.Recommender.load(workdir / "bundle")
    found = bundle.recommend({"watched_video_ids": [], "k": 12}, k=12)
    videos = bundle.data.videos
    short = set(videos.filter(pl.col("duration_seconds") <= 60)["video_id"])
    moved = found.filter(pl.col("placed_by") == "reranked")["video_id"]
    assert 0 < len(short) < len(videos)
    assert set(moved) <= short
    scores = found.with_columns(
        (pl.col("score").log() + 2.0 * pl.col("video_id").is_in(list(short))).alias(
            "by"
        )
    )["by"]
    assert scores.is_sorted(descending=True)


def test_the_command_runs(
    workdir: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["list", "users", f"--workdir={workdir}"]) == 0
    assert "u3" in capsys.readouterr().out.split()
