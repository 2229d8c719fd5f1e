"""`--tracker`: which commands tell a tracker, and of what."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import extras
from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.base import registries
from ytdnn.run.pipeline import log_size, tracker
from ytdnn.run.pipeline import workdir as run_workdir


class Kept:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.results: dict[str, float] = {}
        self.ended: list[bool] = []
        self.settings: dict[str, Any] = {}
        self.run_id = "17"

    def __call__(self, run: Any) -> "Kept":
        self.runs.append(run)
        return self

    def on_settings(self, settings: Mapping[str, Any]) -> None:
        self.settings |= settings

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
    log = workdir.with_name("log")
    log.mkdir()
    (log / "watches.csv").write_text("user_id,video_id,time\na,v,1700000000\n")
    of_log = ("--source=log", f"--data_dir={log}")
    assert cli("run", f"--workdir={workdir}", "--tracker=kept", *of_log).status == 0
    assert kept.runs[0].name == workdir.name
    chosen = log_size.resolved(run_workdir.require_config(workdir), workdir)
    # The log's size has chosen some.
    assert chosen.candidates.embedding_dim != configs.Config().candidates.embedding_dim
    assert kept.settings == tracker.flat(configs.to_dict(chosen))
    shown = rooms.shown[0].lists["candidates"].values
    assert kept.results == {"test/candidates/recall@5": shown["recall@5"]}
    assert kept.ended == [True]
    assert cli("train", f"--workdir={workdir}", "--tracker=kept").status == 0
    assert kept.runs[1].known_id == "17"
    kept.results.clear()
    assert cli("evaluate", f"--workdir={workdir}", "--tracker=kept").status == 0
    assert kept.results


def test_an_unknown_tracker_is_one_line(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    assert cli.error("run", f"--workdir={workdir}", "--tracker=mlfow") == (
        "expected a tracker (mlflow, wandb), received 'mlfow': did you mean mlflow?"
    )


def test_a_tracker_that_refuses_does_so_before_the_work(
    cli: conftest.Cli,
    rooms: fakes.Rooms,
    workdir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(run: tracker.TrackedRun) -> None:
        raise ConnectionError("no route to the server")

    def evaluate(*_: object, **__: object) -> None:
        raise AssertionError("evaluated without a tracker")

    assert cli("run", f"--workdir={workdir}").status == 0
    monkeypatch.setattr("ytdnn.run.pipeline.evaluate", evaluate)
    with extras.registered():
        registries.TRACKERS.register("refusing")(refuse)
        flags = (f"--workdir={workdir}", "--tracker=refusing")
        assert "no route to the server" in cli.error("evaluate", *flags)
