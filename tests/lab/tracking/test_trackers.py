"""Trackers are told of settings, epochs and results; a later command goes on."""

import json
import pathlib
import sys
import types
from typing import Any

import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import errors, progress, registries
from ytdnn.run.pipeline import tracker

CONFIG = configs.Config(seed=7)
EPOCHS = ({"loss": 2.0, "ndcg@10": 0.1}, {"loss": 1.5, "ndcg@10": 0.3})


def train(name: str, workdir: pathlib.Path, first: int = 1) -> str:
    """Trains two epochs, or from a later one; returns the tracker's id of the run."""
    with tracker.tracked(name, workdir, lambda: CONFIG) as told:
        for epoch in range(first, 3):
            progress.tell_observers("candidates", epoch, EPOCHS[epoch - 1])
        assert told is not None
        told.on_results({"test/candidates/ndcg@10": 0.25})
        return told.run_id


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a file store of MLflow."""
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    return tracking.MlflowClient()


def test_mlflow_holds_settings_epochs_and_results(
    store: Any, tmp_path: pathlib.Path
) -> None:
    found = store.get_run(train("mlflow", tmp_path / "mine"))
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "mine"
    assert found.data.params["seed"] == "7"
    assert found.data.params["candidates.embedding_dim"] == str(
        CONFIG.candidates.embedding_dim
    )
    assert found.data.metrics["test/candidates/ndcg_at_10"] == 0.25
    epochs = store.get_metric_history(found.info.run_id, "candidates/ndcg_at_10")
    assert [(one.step, one.value) for one in epochs] == [(1, 0.1), (2, 0.3)]


def test_a_killed_run_goes_on_in_mlflow(store: Any, tmp_path: pathlib.Path) -> None:
    def killed() -> None:
        with tracker.tracked("mlflow", tmp_path, lambda: CONFIG):
            progress.tell_observers("candidates", 1, EPOCHS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    ids = json.loads((tmp_path / tracker.FILE).read_text())
    assert store.get_run(ids["mlflow"]).info.status == "FAILED"
    assert train("mlflow", tmp_path, first=2) == ids["mlflow"]
    assert store.get_run(ids["mlflow"]).info.status == "FINISHED"
    history = store.get_metric_history(ids["mlflow"], "candidates/loss")
    assert [one.step for one in history] == [1, 2]
    assert train("mlflow", tmp_path / "other") != ids["mlflow"]


class FakeWandb(types.ModuleType):
    """The part of wandb that is used, which keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.asked: list[dict[str, Any]] = []
        self.logged: list[dict[str, float]] = []
        self.summary: dict[str, float] = {}
        self.ended: list[int] = []
        self.config = self
        self.settings: dict[str, Any] = {}

    def init(self, **asked: Any) -> "FakeWandb":
        self.asked.append(asked)
        return self

    def update(self, settings: dict[str, Any], allow_val_change: bool) -> None:
        assert allow_val_change
        self.settings |= settings

    def define_metric(self, name: str, step_metric: str) -> None:
        assert (name, step_metric) == ("candidates/*", "candidates/epoch")

    def log(self, values: dict[str, float]) -> None:
        self.logged.append(values)

    def finish(self, exit_code: int) -> None:
        self.ended.append(exit_code)


def test_weights_and_biases_is_told_the_same(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    run_id = train("wandb", tmp_path)
    assert train("wandb", tmp_path) == run_id
    assert [one["id"] for one in wandb.asked] == [run_id, run_id]
    assert wandb.settings["seed"] == 7
    assert wandb.logged[1] == {
        "candidates/loss": 1.5,
        "candidates/ndcg@10": 0.3,
        "candidates/epoch": 2,
    }
    assert wandb.summary == {"test/candidates/ndcg@10": 0.25}
    assert wandb.ended == [0, 0]


def test_a_package_that_lacks_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(errors.UserError, match=r"pip install .*\[wandb\]"):
        train("wandb", tmp_path)
    with pytest.raises(errors.UserError, match=r"tracker \(mlflow, wandb\), received"):
        train("mlflw", tmp_path)


def test_a_tracker_that_refuses_the_run_is_one_line(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://x")
    with pytest.raises(errors.UserError, match="expected the tracker mlflow to accept"):
        train("mlflow", tmp_path / "run")
    wandb = FakeWandb()
    monkeypatch.setattr(wandb, "init", lambda **_: 1 / 0)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    with pytest.raises(errors.UserError, match=r"tracker wandb .* division by zero"):
        train("wandb", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_fails_ends_no_training(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        run_id = "1"

        def on_settings(self, *_: Any) -> None:
            raise ConnectionError("no route to the server")

        def on_epoch(self, *_: Any) -> None:
            raise ConnectionError("no route to the server")

        def on_results(self, *_: Any) -> None:
            raise ConnectionError("no route to the server")

        def close(self, is_finished: bool) -> None:
            assert is_finished

    with extras.registered():
        registries.TRACKERS.register("broken")(lambda run: Broken())
        assert train("broken", tmp_path) == "1"
    said = capsys.readouterr().err
    assert said.count("no route to the server") == 1
    assert "the run goes on" in said
