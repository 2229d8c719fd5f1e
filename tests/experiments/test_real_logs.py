"""Each protocol of a report beside its best baseline, with the paired interval."""

import dataclasses
import json
import pathlib
from typing import Any

import polars as pl
import pytest

from experiments import real_logs
from tests.evaluation import example
from ytdnn.base import errors
from ytdnn.evaluation import report_files, report_parts

USERS = 40


def evaluation(directory: pathlib.Path, learns_on: bool = True) -> pathlib.Path:
    """Writes an evaluation whose candidates are .2 of nDCG above two baselines."""
    values: dict[str, Any] = example.report()
    values["lists"]["markov"] = json.loads(json.dumps(values["lists"]["popularity"]))
    if learns_on:
        values["lists"]["as_trained"] = values["lists"]["candidates"]
    skills = {"popularity": 0.1, "markov": 0.3, "candidates": 0.5}
    for name, skill in skills.items():
        values["lists"][name]["values"]["ndcg@10"] = skill
    report = example.typed(values)
    best = report_parts.BestBaseline(
        name="click_rate", judge="auc", ahead={"auc": (0.05, 0.02, 0.08)}
    )
    users = pl.DataFrame(
        {"user_id": [f"u{n}" for n in range(USERS)], "answers": [1] * USERS}
    ).with_columns(
        (pl.int_range(USERS) % 2 * 0.2 - 0.1 + skill).alias(f"{name}/ndcg@10")
        for name, skill in skills.items()
    )
    report = dataclasses.replace(report, best_baselines={"clicks": best})
    with report_files.publish(directory, report_files.Result(report, users, {})):
        return directory


def test_the_best_baseline_of_each_protocol_is_beside_ytdnn(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    known = {"what": "news", "command": "ytdnn run --workdir=runs/news", "machine": "m"}
    given = {"title": "Logs", "notes": ["kept"], "tables": [], "measured": [known]}
    path.write_text(json.dumps(given))
    monkeypatch.setattr(real_logs, "FILE", path)
    with pytest.raises(errors.UserError, match=r"\(news\), received other"):
        real_logs.main([f"other={evaluation(tmp_path / 'a')}"])
    real_logs.main([f"news={tmp_path / 'a'},{tmp_path / 'a'}"])
    written = json.loads(path.read_text())
    assert (written["title"], written["notes"]) == ("Logs", ["kept"])
    (table,) = written["tables"]
    own = example.report()["impressions"]["ranker"]["values"]["auc"]
    assert table["rows"] == [
        [
            *("news", "lists (3,812 users)", "nDCG@10", "0.500, 0.500"),
            *("Markov chain 0.300", ", ".join(["+0.200 (+0.200 to +0.200)"] * 2)),
        ],
        [
            *("news", "impressions, by clicks", "AUC", f"{own:.3f}, {own:.3f}"),
            f"click rate so far {own - 0.05:.3f}",
            ", ".join(["+0.050 (+0.020 to +0.080)"] * 2),
        ],
    ]
    assert written["measured"] == [known | {"commit": "0" * 8, "date": "2026-11-24"}]


def test_models_as_they_were_trained_are_refused(tmp_path: pathlib.Path) -> None:
    found = report_files.read(evaluation(tmp_path / "a", learns_on=False))
    with pytest.raises(errors.UserError, match="went on learning"):
        list(real_logs.rows("log", found))
