"""A log unlike the world is checked and prepared whole."""

import json
import pathlib

import polars as pl
import pytest

from tests import alien_log
from tests.run.cli import conftest
from ytdnn.log import prepared


def test_everything_of_it_is_read(cli: conftest.Cli, tmp_path: pathlib.Path) -> None:
    truth = alien_log.write(tmp_path / "log")
    flags = ("--source=log", f"--data_dir={tmp_path / 'log'}", alien_log.FLAGS)
    found = cli.ok("check", *flags, "--json")
    assert json.loads(found.out)["mistakes"] == []
    assert cli("prepare", *flags, f"--workdir={tmp_path / 'run'}").status == 0
    data = prepared.load(tmp_path / "run" / "data")
    assert (data.num_users, data.num_videos) == (60, 40)
    assert data.videos["video_id"].min() == 2**54 + 1
    assert sum(len(shard.read().watches) for shard in data.log.shards) == 1_800
    titles = dict(data.videos.select("video_id", "title").rows())
    assert titles[2**54 + 2] == "музыка, 1"
    # Of what users watch the truth explains nine tenths and its share of the rest.
    shard = data.log.shards[0].read()
    ids = data.videos["video_id"].to_list()
    first = ids[int(shard.watches.videos[0]) - 1]
    assert isinstance(truth.is_liked(data.users["user_id"][0], first), bool)


_TINY = (
    "--config.candidates.embedding_dim=8",
    "--config.candidates.tower=16",
    "--config.candidates.training.epochs=40",
    "--config.ranking.embedding_dim=8",
    "--config.ranking.tower=16",
    "--config.ranking.training.epochs=12",
    "--config.ranking.enabled=true",
    "--config.composition.num_candidates=15",
    "--config.evaluation.num_resamples=50",
    "--k=5,10",
)


@pytest.mark.thorough
def test_it_goes_the_whole_way_and_its_truth_is_found(
    cli: conftest.Cli, tmp_path: pathlib.Path
) -> None:
    """By `run` and `recommend`: lists hold the liked kind, one in four by chance."""
    truth = alien_log.write(tmp_path / "log", num_videos=80)
    workdir = f"--workdir={tmp_path / 'run'}"
    source = ("--source=log", f"--data_dir={tmp_path / 'log'}", alien_log.FLAGS)
    cli.ok("run", *source, workdir, *_TINY)
    report = json.loads((tmp_path / "run" / "evaluation" / "report.json").read_text())
    values = {name: report["lists"][name]["values"] for name in report["lists"]}
    # Hits of 46 users tell little; the truth below judges.
    for model in ("popularity", "candidates", "system"):
        assert values[model]["hit_rate@5"] > 0.0
    for ranker in ("--ranker", "--noranker"):
        out = tmp_path / "lists.parquet"
        cli.ok("recommend", workdir, "--users=all", "--k=5", ranker, f"--out={out}")
        share, _ = truth.worth(pl.read_parquet(out), 5)
        assert share > 0.5
