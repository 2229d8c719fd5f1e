"""`ytdnn index tune`: its flags, and what it prints."""

import dataclasses
import pathlib
from typing import Any

import pytest

from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.lab.index_tuning import setting_search, tuning


def _tuned() -> setting_search.TuningResult:
    trial = setting_search.Trial(configs.IvfConfig(num_lists=7), 0.912, 0.5, 3.0, 12.0)
    return setting_search.TuningResult(
        kind="ivf",
        recall=0.9,
        k=20,
        num_videos=1_234,
        num_queries=50,
        exact_ms=2.25,
        chosen=trial,
        default=trial,
        trials=(trial,),
        curve=(trial,),
    )


def test_it_shows_the_table_the_setting_and_what_is_next(
    cli: conftest.Cli,
    rooms: fakes.Rooms,
    workdir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli("prepare", f"--workdir={workdir}")
    asked: dict[str, Any] = {}

    def tune_index(
        directory: Any, config: Any, **given: Any
    ) -> setting_search.TuningResult:
        asked.update(given)
        return _tuned()

    monkeypatch.setattr(tuning, "tune_index", tune_index)
    result = cli.ok(
        "index", "tune", f"--workdir={workdir}", "--kind=ivf", "--recall=0.9", "--k=20"
    )
    asked.pop("verbose")
    assert asked == {"kind": "ivf", "recall": 0.9, "k": 20}
    assert "ivf, the 20 best of 1,234 videos" in result.out
    assert "exact search is as good" not in result.out
    monkeypatch.setattr(
        tuning,
        "tune_index",
        lambda *given, **named: dataclasses.replace(_tuned(), exact_ms=0.5),
    )
    assert "exact search is as good" in cli("index", "tune", f"--workdir={workdir}").out
    assert "0.912" in result.out
    assert "--config.index.search=ivf --config.index.search.num_lists=7" in result.out
    assert f"next: ytdnn train --workdir={workdir}" in result.out


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (
            "--kind=exact",
            "expected --kind to be one of scann, ivf, received exact",
        ),
        ("--recall=much", "expected a positive number for --recall, received 'much'"),
        ("--k=-3", "expected --k to be a whole number of at least 1, received '-3'"),
    ],
)
def test_a_bad_value_is_a_line(
    cli: conftest.Cli,
    rooms: fakes.Rooms,
    workdir: pathlib.Path,
    flag: str,
    message: str,
) -> None:
    cli("prepare", f"--workdir={workdir}")
    assert cli.error("index", "tune", f"--workdir={workdir}", flag) == message


def test_index_alone_is_no_command(cli: conftest.Cli) -> None:
    assert "expected a command (" in cli.error("index")
