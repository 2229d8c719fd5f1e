"""A column of the user's own, from Parquet to a recommendation, with one flag."""

import json
import pathlib

import pytest

from tests import full_log
from tests.run.cli import conftest

TINY = (
    "--config.candidates.embedding_dim=8",
    "--config.candidates.tower=8",
    "--config.candidates.training.epochs=1",
    "--config.ranking.tower=8",
    "--config.ranking.training.epochs=1",
    "--config.composition.num_candidates=10",
    "--config.index.search=exact",
)
OWN = "--features=videos.genre,videos.stars,users.segment"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return full_log.write(tmp_path_factory.mktemp("log"), full_log.tables())


@pytest.mark.thorough
def test_own_columns_reach_both_networks_and_the_bundle(
    cli: conftest.Cli, log: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    at = f"--workdir={tmp_path}/run"
    cli.ok("prepare", "--source=log", f"--data_dir={log}", at)
    before = (tmp_path / "run" / "config.json").read_text()
    wrong = cli.error("train", at, "--features=videos.genr", *TINY)
    assert "did you mean videos.genre?" in wrong
    # Before anything is trained, and the run's config is what it was.
    assert not (tmp_path / "run" / "candidates").exists()
    assert (tmp_path / "run" / "config.json").read_text() == before
    assert cli("train", at, OWN, *TINY).status == 0
    assert cli("export", at).status == 0
    read = {
        stage: json.loads((tmp_path / "run" / stage / "manifest.json").read_text())[
            "facts"
        ]["features"]
        for stage in ("candidates", "ranking")
    }
    assert "users.segment" in read["candidates"]
    assert {"users.segment", "videos.genre", "videos.stars"} <= set(read["ranking"])
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"segment": "old", "time": 1_603_000_000, "k": 3}))
    answer = cli.ok(
        "recommend", f"--bundle={tmp_path}/run/bundle", f"--request={request}"
    )
    assert "Title" in answer.out
