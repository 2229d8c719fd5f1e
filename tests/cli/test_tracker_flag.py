"""`--tracker`: which commands tell a tracker, and of what."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import extras
from tests.cli import conftest, fakes
from ytdnn import registries


class Kept:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.results: dict[str, float] = {}
        self.ended: list[bool] = []
        self.run_id = "17"

    def __call__(self, run: Any) -> "Kept":
        self.runs.append(run)
        return self

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        raise AssertionError("the stand-ins train nothing")

    def on_results(self, values: Mapping[str, float]) -> None:
        self.results |= values

    def close(self, is_finished: bool) -> None:
        self.ended.append(is_finished)


@pytest.fixture
def kept() -> Iterator[Kept]:
    with extras.registered():
        found = Kept()
        registries.TRACKERS.register("kept")(found)
        yield found


def test_a_run_tells_settings_and_results(
    cli: conftest.Cli, rooms: fakes.Rooms, kept: Kept, workdir: pathlib.Path
) -> None:
    assert cli("run", f"--workdir={workdir}", "--tracker=kept").status == 0
    assert kept.runs[0].name == workdir.name
    assert kept.runs[0].settings["candidates.embedding_dim"] == 64
    shown = rooms.shown[0].lists["candidates"].values
    assert kept.results == {"test/candidates/recall@5": shown["recall@5"]}
    assert kept.ended == [True]
    assert cli("train", f"--workdir={workdir}", "--tracker=kept").status == 0
    assert kept.runs[1].known_id == "17"
    kept.results.clear()
    assert cli("evaluate", f"--workdir={workdir}", "--tracker=kept").status == 0
    assert kept.results


def test_an_interrupted_run_is_not_finished(
    cli: conftest.Cli, rooms: fakes.Rooms, kept: Kept, workdir: pathlib.Path
) -> None:
    rooms.fails_in = "ranking"
    assert cli("run", f"--workdir={workdir}", "--tracker=kept").status != 0
    assert kept.ended == [False]


def test_an_unknown_tracker_is_one_line(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    found = cli.error("run", f"--workdir={workdir}", "--tracker=mlfow")
    assert found == (
        "expected a tracker (mlflow, wandb), received 'mlfow': did you mean mlflow?"
    )
