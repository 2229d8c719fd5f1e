"""The whole way on a tiny world: once, twice, killed, and through the bundle."""

import json
import pathlib
import random
import shutil
import signal
import subprocess
import time
from typing import Any

import jsonschema
import polars as pl
import pytest

from tests import quick
from tests.lab.pages import browser
from tests.run.cli import conftest
from ytdnn.base import schema
from ytdnn.evaluation import report_schema

Path = pathlib.Path

ROOT = Path(__file__).parents[3]
TINY = (
    "--config.data.world.num_users=120",
    "--config.data.world.num_videos=80",
    "--config.data.world.watches_per_user=30",
    "--config.candidates.embedding_dim=8",
    "--config.candidates.tower=16",
    "--config.candidates.loss.num_negatives=64",
    "--config.candidates.training.epochs=3",
    "--config.candidates.training.batch_size=256",
    "--config.ranking.tower=16",
    "--config.ranking.training.epochs=2",
    "--config.ranking.training.batch_size=1024",
    "--config.composition.num_candidates=20",
    # Its bundle is measured on the same test.
    "--config.composition.live=false",
    "--config.advance=test",
    "--k=5,10",
)
UNREPEATABLE = ("scann", "latency", "made")  # ScaNN's build differs each time
NUM_KILLS = 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, made once for this module, in a process of its own."""
    workdir = tmp_path_factory.mktemp("end_to_end") / "run"
    result = run_apart(workdir)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert f"bundle: {workdir}/bundle" in result.stdout
    (workdir.parent / "printed.txt").write_text(result.stdout)
    return workdir


def run_apart(workdir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(workdir), cwd=ROOT, capture_output=True, text=True, check=False
    )


def command(workdir: Path) -> list[str]:
    return [*quick.PROGRAM, "run", f"--workdir={workdir}", *TINY]


def repeatable(report: Any) -> Any:
    """Returns a report without what another run may measure differently."""
    if not isinstance(report, dict):
        return report
    return {
        key: repeatable(value)
        for key, value in report.items()
        if not any(word in key.split("_") for word in UNREPEATABLE)
    }


def report_of(workdir: Path) -> Any:
    found = json.loads((workdir / "evaluation" / "report.json").read_text())
    found.pop("name")  # of the workdir
    return repeatable(found)


@pytest.mark.thorough
def test_a_run_leaves_the_layout_of_the_design(finished: Path) -> None:
    assert {path.name for path in finished.iterdir() if path.name[0] != "."} == {
        "data",
        "contest",
        "candidates",
        "index",
        "ranking",
        "choice",
        "to_test",
        "baselines",
        "bundle",
        "config.json",
        "evaluation",
    }
    assert {path.name for path in (finished / "evaluation").iterdir()} == {
        "manifest.json",
        "report.json",
        "report.html",
        "users.parquet",
    }
    assert not list(finished.glob(".*.partial"))


@pytest.mark.thorough
def test_a_run_prints_a_page_that_ends_with_its_result(finished: Path) -> None:
    printed = (finished.parent / "printed.txt").read_text()
    lines = printed.replace(str(finished), "runs/mine").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 80
    assert any("95 % interval" in line for line in lines[-25:])


@pytest.mark.thorough
def test_the_report_has_the_numbers_of_both_stages(finished: Path) -> None:
    report = json.loads((finished / "evaluation" / "report.json").read_text())
    assert {"candidates", "system", "popularity"} <= set(report["lists"])
    for name in ("recall@10", "precision@10", "hit_rate@10", "map@10", "ndcg@10"):
        assert 0.0 <= report["lists"]["candidates"]["values"][name] <= 1.0
    values = report["impressions"]["ranker"]["values"]
    assert 0.0 <= values["auc"] <= 1.0
    assert values["weighted_per_user_loss"] >= 0.0


@pytest.mark.thorough
def test_a_second_run_skips_all_and_shows_the_table(
    cli: conftest.Cli, finished: Path
) -> None:
    result = cli.ok("run", f"--workdir={finished}")
    assert result.out.count("skipped: ") == 10
    assert "nDCG@10" in result.out
    assert f"report: {finished}/evaluation/report.html" in result.out


@pytest.mark.thorough
def test_the_page_of_a_real_run_opens_in_a_browser(finished: Path) -> None:
    with browser.start() as chromium:
        path = finished / "evaluation" / "report.html"
        chromium.open(path, width=360)
        assert chromium.complaints == []
        assert chromium.requests == [path.resolve().as_uri()]
        assert chromium.ask("document.querySelectorAll('h2').length") == 11
        assert chromium.ask("document.documentElement.scrollWidth") == 360


@pytest.mark.thorough
def test_the_report_is_what_the_schema_says(finished: Path) -> None:
    validator = jsonschema.Draft202012Validator(report_schema.schema())
    report = json.loads((finished / "evaluation" / "report.json").read_text())
    validator.validate(report)
    assert report["name"] == "run"
    assert report["training"]["candidates"]["epochs"] == [1, 2, 3]
    assert len(report["training"]["ranking"]["scalars"]["loss"]) == 2
    assert report["leaks"]["users_with_changed_future"] > 0


@pytest.mark.thorough
def test_validation_has_a_directory_of_its_own(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    before = (copy / "evaluation" / "report.json").read_bytes()
    result = cli.ok("evaluate", f"--workdir={copy}", "--split=validation")
    assert "validation" in result.out
    report = json.loads((copy / "evaluation_validation" / "report.json").read_text())
    assert report["protocol"]["split"] == "validation"
    assert (copy / "evaluation" / "report.json").read_bytes() == before


@pytest.mark.thorough
def test_runs_are_compared_for_some_videos(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    report = finished / "evaluation" / "report.json"
    before = report.read_bytes()
    ids = pl.read_parquet(finished / "data" / "videos.parquet")["video_id"]
    named = tmp_path / "some.txt"
    named.write_text("\n".join(map(str, ids.head(30))))
    found = cli.document("compare", finished, finished, f"--videos={named}")
    assert found["status"] == 0
    assert found["headline"]["verdict"] == "no difference"
    recall = {
        f"{one['model']}/{one['metric']}": one["second"] for one in found["differences"]
    }["candidates/recall@10"]
    out = tmp_path / "alone"
    shutil.copytree(finished, out)
    assert cli("evaluate", f"--workdir={out}", f"--videos={named}").status == 0
    alone = json.loads((out / "evaluation" / "report.json").read_text())
    assert alone["lists"]["candidates"]["values"]["recall@10"] == recall
    assert alone["lists"] != json.loads(before)["lists"]
    assert report.read_bytes() == before
    result = cli("compare", finished, tmp_path, f"--videos={named}")
    assert result.status == 2
    assert "expected the directory of a run" in result.err


@pytest.mark.thorough
def test_a_bundle_scores_as_its_run(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    # Of so few users another processor's digits may choose the candidates' order.
    out, own = tmp_path / "report", shutil.copytree(finished, tmp_path / "run")
    result = cli.ok("export", f"--workdir={own}", "--config.ranking.enabled=true")
    data, bundle = f"--data={own / 'to_test/data'}", f"--bundle={own / 'bundle'}"
    result = cli.ok("evaluate", data, bundle, f"--out={out}", "--k=5,10")
    of_run = json.loads((finished / "evaluation" / "report.json").read_text())["lists"]
    of_bundle = json.loads((out / "report.json").read_text())["lists"]
    for model in ("popularity", "candidates", "system"):
        for name, value in of_run[model]["values"].items():
            assert of_bundle[model]["values"][name] == pytest.approx(value), name
    if "system-scann" in of_bundle:  # 80 videos: ScaNN scores them all
        assert of_bundle["system-scann"]["values"] == of_bundle["system"]["values"]
    # The gate: equal to its run, so neither below nor above.
    gates = {
        "recall@10 < 0.999 * baseline": 0,
        "candidates/ndcg@10 > baseline + 0.001": 0,
        "system/hit_rate@5 <= baseline": 1,
    }
    for gate, status in gates.items():
        result = cli("compare", finished, out, f"--fail_if={gate}")
        assert result.status == status, result.out
        assert ("failed: " in result.out) is bool(status)


@pytest.mark.thorough
def test_predictions_of_another_system_are_scored(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    known = finished / "to_test" / "data"  # up to the test, as the run's own lists
    users = pl.read_parquet(known / "users.parquet")["user_id"]
    videos = pl.read_parquet(known / "videos.parquet")
    # Everyone gets all videos by training watches: popularity, ties alike.
    frame = users.to_frame().join(
        videos.select("video_id", pl.col("train_count").alias("score")), how="cross"
    )
    path = tmp_path / "peer.csv"
    frame.write_csv(path)
    result = cli.ok(
        "evaluate", f"--predictions={path}", f"--workdir={finished}", "--k=5,10"
    )
    out = tmp_path / "peer_evaluation"
    assert f"report: {out}" in result.out
    found = json.loads((out / "report.json").read_text())["lists"]
    assert found["peer"] == found["popularity"]
    theirs = json.loads((finished / "evaluation" / "report.json").read_text())["lists"]
    for name in ("ndcg@10", "recall@5"):
        assert found["peer"]["values"][name] == theirs["popularity"]["values"][name]
    own = f"--workdir={finished}", f"--out={finished / 'evaluation'}"
    said = cli.error("evaluate", f"--predictions={path}", *own)
    assert "expected --out to be no evaluation of a run" in said
    result = cli.ok("compare", finished, out, "--models=candidates,peer")
    assert "candidates → peer" in result.out


def test_explain_needs_no_run(cli: conftest.Cli) -> None:
    result = cli.ok("evaluate", "--explain")
    assert "hit_rate: " in result.out
    assert "weighted_per_user_loss: " in result.out


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["evaluate"], "expected --workdir=DIR, --predictions=FILE or --bundle=DIR"),
        (["evaluate", "--split=train"], "expected --split to be one of test, valid"),
        (["evaluate", "--predictions=a.csv"], "expected --data=DIR, the prepared set"),
        (["evaluate", "--predictions=a", "--bundle=b"], "received both"),
        (["evaluate", "--predictions=a", "--write_requests=a"], "received both"),
        (["evaluate", "--workdir=w", "--out=o"], "--out belongs to --predictions"),
        (["evaluate", "--bundle=b", "--data=none"], "expected a data artefact in none"),
        (["compare", "one"], "expected ytdnn compare FIRST SECOND, received 1"),
        (["compare", "a", "b", "c"], "expected flags as --NAME=VALUE, received 'c'"),
        (["compare", "none", "none"], "expected a run, the directory of an evaluation"),
        (["compare", "a", "b", "--fail_if=x"], "expected --fail_if as"),
        (["compare", "a", "b", "--models=x"], "expected --models=MODEL,MODEL"),
    ],
)
def test_a_mistake_of_evaluate_or_compare_is_one_line(
    cli: conftest.Cli, argv: list[str], line: str
) -> None:
    assert line in cli.error(*argv)


@pytest.mark.thorough
def test_recommendations_for_a_user(cli: conftest.Cli, finished: Path) -> None:
    found = cli.document("recommend", f"--workdir={finished}", "--user=u3", "--k=4")
    assert [video["rank"] for video in found["videos"]] == [1, 2, 3, 4]
    similar = cli.document("similar", f"--workdir={finished}", "--video=v1", "--k=2")
    assert len(similar["videos"]) == 2
    assert set(similar["artefacts"]) >= {"data", "bundle"}
    result = cli.ok("recommend", f"--workdir={finished}", "--user=u3", "--k=4")
    for word in ("Watched", "Recommended", "title", "milliseconds: ytdnn serve"):
        assert word in result.out
    assert "did you mean u" in cli.error(
        "recommend", f"--workdir={finished}", "--user=u333"
    )


@pytest.mark.thorough
def test_recommendations_from_the_bundle_alone(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "bundle", tmp_path / "bundle")
    request = tmp_path / "request.json"
    request.write_text(json.dumps({schema.WATCHED_VIDEO_IDS: ["v1", "v2"], "k": 3}))
    flags = ("recommend", f"--bundle={tmp_path}/bundle", f"--request={request}")
    result = cli.ok(*flags)
    assert "last 2 of 2" in result.out
    assert cli(*flags, "--index=exact").status == 0
    of_run = cli("recommend", f"--workdir={finished}", f"--request={request}")
    lists = [each.out.partition("further")[0] for each in (of_run, result)]
    assert lists[0] == lists[1]
    request.write_text("[1, 2")
    assert "expected JSON such as" in cli.error(*flags)


ASKED = "expected --workdir or --bundle, with --user, --request, or --users and --out"
MISTAKES = [
    ([], ASKED),
    (["--user=u1"], ASKED),
    (["--workdir=w", "--user=u", "--bundle=b"], ASKED),
    (["--workdir=w", "--user=u", "--request=r"], ASKED),
    (["--workdir=w", "--request=r"], "expected a data artefact in w/data"),
    (["--workdir=w", "--user=u", "--k=ten"], "expected a data artefact in w/data"),
    (["--bundle=b", "--request=r"], "expected a bundle artefact in b, found no"),
    (["--bundle=b", "--request=r", "--index=lsh"], "expected --index to be one of"),
]


@pytest.mark.parametrize(("flags", "line"), MISTAKES)
def test_a_mistake_is_one_line(cli: conftest.Cli, flags: list[str], line: str) -> None:
    assert cli.error("recommend", *flags).startswith(line)


@pytest.mark.thorough
def test_a_bundle_of_other_data_is_refused(
    cli: conftest.Cli, finished: Path, tmp_path: Path
) -> None:
    workdir = tmp_path / "run"
    shutil.copytree(finished / "bundle", workdir / "bundle")
    cli("prepare", f"--workdir={workdir}", *TINY[:2], "--config.data.world.seed=9")
    error = cli.error("recommend", f"--workdir={workdir}", "--user=u1")
    assert error.startswith(f"{workdir}/bundle was made from data ")


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_killed_run_ends_with_the_same_table(finished: Path, tmp_path: Path) -> None:
    started = time.perf_counter()
    assert run_apart(tmp_path / "whole").returncode == 0
    whole_seconds = time.perf_counter() - started
    expected = report_of(finished)
    assert report_of(tmp_path / "whole") == expected
    rng = random.Random(20)
    for number in range(NUM_KILLS):
        workdir = tmp_path / f"killed_{number}"
        kill_after(workdir, rng.uniform(0.0, whole_seconds))
        result = run_apart(workdir)
        assert result.returncode == 0, result.stderr
        assert report_of(workdir) == expected
        shutil.rmtree(workdir)


def kill_after(workdir: Path, seconds: float) -> None:
    with subprocess.Popen(
        command(workdir), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
