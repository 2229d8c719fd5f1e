"""Systems side by side: the split they get, the worker, the limits, and the page."""

import ast
import json
import pathlib
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.benchmarks import measure
from experiments.side_by_side import __main__ as driver
from experiments.side_by_side import cells, logs, page, splits, worker
from tests import small_log
from ytdnn import configs
from ytdnn.log import prepare, prepared
from ytdnn.run.pipeline import external_evaluations

RULES = configs.EvaluationConfig()
SYSTEM = """
GRID = [{"videos": ["v0"]}, {"videos": ["v1", "v2"]}, {"videos": ["v3"]}]
fit = lambda watches, videos: (set(watches["user_id"]), videos)
def recommend(fitted, users, k):
    asked = [user for user in users if user in fitted[0]]
    pairs = [(user, video) for user in asked for video in fitted[1][:k]]
    return pl.DataFrame(pairs, ["user_id", "video_id"], orient="row")
"""


def prepared_set(home: pathlib.Path, protocol: str) -> prepared.PreparedData:
    (home / "log").mkdir()
    small_log.watches(videos=30).write_csv(home / "log" / "watches.csv")
    config = configs.DataConfig(
        source="log", dir=str(home / "log"), protocol=protocol, test_fraction=0.25
    )
    return prepare.prepare(config, home / "data")


@pytest.mark.parametrize("protocol", ["temporal", "leave_one_out"])
def test_a_split_has_all_that_is_known_and_no_answer(
    tmp_path: pathlib.Path, protocol: str
) -> None:
    splits.write(prepared_set(tmp_path, protocol), RULES, tmp_path / "split")
    log = small_log.watches(videos=30)
    sizes = []
    for part in ("test", "validation"):
        watches, users, answers = (
            pl.read_parquet(tmp_path / "split" / f"{part}_{name}.parquet")
            for name in ("watches", "users", "answers")
        )
        pairs = ["user_id", "video_id"]
        assert watches.join(log, on=[*pairs, "time"], how="semi").equals(watches)
        assert answers.join(watches, on=pairs, how="semi").is_empty()
        assert set(answers["user_id"]) == set(users["user_id"])
        # A user's answers are the next watches after those that are known.
        later = log.join(watches, on=[*pairs, "time"], how="anti")
        of_users = later.join(users, on="user_id").group_by("user_id")
        first = of_users.agg(pl.col("video_id").sort_by("time").first())
        assert first.join(answers, on=pairs, how="semi").height == users.height
        sizes.append(watches.height)
    test, validation = sizes
    assert validation < test < log.height
    if protocol == "leave_one_out":
        assert sizes == [log.height - 12, log.height - 24]


def test_the_worker_chooses_on_validation_and_fills_empty_lists(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made.py"
    file.write_text("import polars as pl\n" + SYSTEM)
    known = pl.DataFrame({"user_id": ["a", "a", "b"], "video_id": ["v8", "v9", "v9"]})
    for part, asked in (("validation", ["a", "b"]), ("test", ["a", "new"])):
        known.write_parquet(tmp_path / f"{part}_watches.parquet")
        pl.DataFrame({"user_id": asked}).write_parquet(
            tmp_path / f"{part}_users.parquet"
        )
    right = pl.DataFrame({"user_id": ["a", "b"], "video_id": ["v2", "v0"]})
    right.write_parquet(tmp_path / "validation_answers.parquet")
    words = ["worker", str(file), str(tmp_path), str(tmp_path)]
    for tune, videos, tried in (([], ["v0"], 0), (["--tune=60"], ["v0"], 3)):
        monkeypatch.setattr(sys, "argv", [*words, *tune])
        worker.main()
        spent = json.loads((tmp_path / "spent.json").read_text())
        assert (spent["settings"], spent["tried"]) == ({"videos": videos}, tried)
    right.filter(pl.col("user_id") == "a").write_parquet(
        tmp_path / "validation_answers.parquet"
    )
    worker.main()
    assert pl.read_parquet(tmp_path / "lists.parquet").rows() == [
        *[("a", "v1", 0.0), ("a", "v2", -1.0)],
        *[("new", "v9", -2.0), ("new", "v8", -3.0)],
    ]


def test_the_worker_measures_ndcg() -> None:
    made = pl.DataFrame({"user_id": ["a"] * 3, "video_id": ["v1", "v2", "v3"]})
    answers = {"user_id": ["a", "a", "b"], "video_id": ["v1", "v3", "v1"]}
    # Ranks 1 and 3 of two answers; the list of b is missing.
    expected = (1.0 + 0.5) / (1.0 + 1.0 / np.log2(3.0)) / 2.0
    assert worker.ndcg(made, pl.DataFrame(answers)) == pytest.approx(expected)


def test_walks_lead_to_what_is_watched_with_the_history() -> None:
    rp3beta = worker.load(cells.HERE / "systems" / "rp3beta.py")
    groups = {"a": "012", "b": "123", "c": "023", "x": "789", "y": "78"}
    pairs = [(user, f"v{n}") for user, watched in groups.items() for n in watched]
    watches = pl.DataFrame(pairs, ["user_id", "video_id"], orient="row")
    fitted = rp3beta.fit(watches, beta=0.3)
    first = rp3beta.recommend(fitted, pl.Series(["a", "y", "new"]), 1)
    assert first.rows() == [("a", "v3"), ("y", "v9")]


@pytest.mark.thorough
def test_ranx_has_the_same_ndcg(tmp_path: pathlib.Path) -> None:
    data = prepared_set(tmp_path, "temporal")
    splits.write(data, RULES, tmp_path / "split")
    users, answers, watches = (
        pl.read_parquet(tmp_path / "split" / f"test_{name}.parquet")
        for name in ("users", "answers", "watches")
    )
    made = users.join(data.videos.select("video_id"), how="cross").join(
        watches, on=["user_id", "video_id"], how="anti"
    )
    made = made.sample(fraction=0.7, shuffle=True, seed=0)
    made = made.with_columns(score=-pl.int_range(pl.len()).cast(pl.Float64))
    made.write_parquet(tmp_path / "lists.parquet")
    file = tmp_path / "lists.parquet"
    command = external_evaluations.evaluate(
        *("predictions", file, tmp_path / "data"),
        *(configs.EvaluationConfig(baselines=()), "test", tmp_path / "command"),
    )
    found = cells.evaluation(data, RULES, file, tmp_path / "evaluation")
    own = found.value("lists", cells.JUDGE)
    assert 0.1 < own < 0.9
    assert own == command.value("lists", cells.JUDGE)
    assert cells.ranx_ndcg(made, answers) == pytest.approx(own, abs=1e-9)


@pytest.mark.parametrize("system", cells.SYSTEMS)
def test_a_file_of_a_system_has_what_the_worker_calls(system: str) -> None:
    about = cells.constants(system)
    assert about["title"]
    assert about["LACKS"]
    assert 15 < about["code_lines"] < 100
    requirements = cells.HERE / "requirements" / f"{about['REQUIREMENTS']}.txt"
    assert requirements.exists() or not about["REQUIREMENTS"]
    text = (cells.HERE / "systems" / f"{system}.py").read_text()
    for name in ("GRID", "fit", "recommend"):
        assert f"\n{name}" in text or f"\ndef {name}(" in text
    assert "ytdnn" not in ast.unparse(ast.parse(text)).replace(about["title"], "")


def test_a_command_is_stopped_at_its_limits() -> None:
    def status(code: str, **limits: float) -> str:
        command = [sys.executable, "-c", code]
        with open("/dev/null", "wb") as output:
            return measure.limited(command, measure.Limits(**limits), output).status

    assert status("pass") == "done"
    assert status("raise SystemExit(3)") == "failed: exit status 3"
    spin = "while True: pass"
    assert status(spin, core_seconds=0.1) == "stopped: more than 0 core-minutes"
    hold = "x = bytearray(3 * 10**8); x[::4096] = x[::4096]\nwhile True: pass"
    assert status(hold, mebibytes=200.0).startswith("stopped: more than 0 GiB")


def record(log: str, system: str, ndcg: float, seconds: float, **more: Any) -> Any:
    quality = {cells.JUDGE: [ndcg, ndcg - 0.01, ndcg + 0.01], "hit_rate@10": [0.5]}
    return {
        **{"log": log, "system": system, "title": system.split(".")[0]},
        **{"status": "done", "quality": quality, "users": 7, "code_lines": 9},
        **{"seconds": {"all": seconds}, "lacks": "seconds", "command": "python -m x"},
        **{"commit": "0" * 8, "date": "2026-01-01", "machine": "m", **more},
    }


def records() -> list[Any]:
    stopped = record("ml-1m", "rp3beta", 0.0, 9.0, status="stopped: more than 9 GiB")
    del stopped["quality"]
    return [
        record("ml-100k", "ytdnn", 0.2, 50.0),
        record("ml-100k", "rp3beta", 0.1, 5.0, ahead=[0.1, 0.05, 0.15]),
        record("ml-1m", "ytdnn", 0.2, 50.0),
        stopped,
        record("ml-1m", "rp3beta.tuned", 0.3, 40.0, ahead=[-0.1, -0.15, -0.05]),
    ]


def test_the_page_begins_with_where_another_is_better(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FILE", tmp_path / "results.json")
    monkeypatch.setattr(page, "PICTURE", tmp_path / "picture.svg")
    monkeypatch.setattr(page.write_results, "main", lambda: None)
    before = {"why": {"ml-1m": "few videos"}, "protocol": "p", "notes": ["n"]}
    page.FILE.write_text(json.dumps({**before, "records": records()[:1]}))
    page.write(records()[1:])
    made = json.loads(page.FILE.read_text())
    assert made["lead"].startswith(
        "Another system is surely better on 1 of 2 logs: MovieLens-1M (rp3beta, tuned: "
        "few videos). ytdnn is surely better than all others run there on 1: "
        "MovieLens-100K; on the front of quality against time it is on 1 of the 2 "
    )
    first, second, lacks = made["tables"]
    level = record("ml-1m", "rp3beta", 0.19, 9.0, ahead=[0.01, -0.01, 0.03])
    lead = page.lead({"ml-1m": [level]}, {})
    assert "on 0; level with another on MovieLens-1M (rp3beta); on the" in lead
    assert [row[0] for row in first["rows"]] == ["ytdnn", "rp3beta"]
    assert [row[:2] for row in second["rows"]] == [
        ["rp3beta, tuned", "0.3000 (0.2900 to 0.3100)"],
        ["ytdnn", "0.2000 (0.1900 to 0.2100)"],
        ["rp3beta", "stopped: more than 9 GiB"],
    ]
    assert lacks["rows"] == [["rp3beta", "seconds"], ["ytdnn", "seconds"]]
    assert len(made["measured"]) == 5
    assert "<svg" in page.PICTURE.read_text()


def test_a_finished_cell_is_not_run_again(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in records():
        home = tmp_path / one["log"] / one["system"]
        home.mkdir(parents=True)
        (home / "record.json").write_text(json.dumps(one))
    out = f"--out={tmp_path}"
    driver.main([out, "--logs=ml-1m,ml-100k", "--systems=", "--tuned="])
    driver.main([out, "--table"])
    assert capsys.readouterr().out.count("MovieLens-1M\n") == 2
    bench = cells.Bench(tmp_path, None, measure.Limits())
    assert cells.other(bench, "ml-1m", "rp3beta", is_tuned=True) == records()[-1]


@pytest.mark.parametrize(
    "words",
    [["--logs=ml-2k"], ["--systems=als"], ["--tuned=x"], ["--run=ml-2k=x"]],
    ids=str,
)
def test_a_wrong_name_is_answered_with_the_right_ones(words: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"expected names of (ml-100k|implicit_als), "):
        driver.main(words)


def test_the_run_of_a_log_is_a_command(tmp_path: pathlib.Path) -> None:
    for name, log in logs.LOGS.items():
        if not log.law:
            words = logs.command(name, tmp_path, tmp_path / "run")[1:]
            assert words[:3] == ["-m", "ytdnn", "run"]
            assert (f"--data_dir={tmp_path / name}" in words) == log.has_data


def test_the_quick_form_has_three_logs_and_four_systems(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []

    def made(bench: cells.Bench, log: str, system: Any = None, **_: Any) -> Any:
        ran.append((log, system if isinstance(system, str) else "ytdnn"))
        return record(*ran[-1], 0.1, 1.0)

    monkeypatch.setattr(cells, "own", made)
    monkeypatch.setattr(cells, "other", made)
    driver.main(["--quick", f"--out={tmp_path}"])
    assert len(ran) == len(set(ran)) == 12
    assert [len({pair[i] for pair in ran}) for i in (0, 1)] == [3, 4]
