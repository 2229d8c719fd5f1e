"""A sweep: draws, pruning, going on after a kill, and what it leaves."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import artifacts, errors, progress, registries
from ytdnn.lab.pages import sweep_page
from ytdnn.lab.studies import answer_times, default_spaces, sweep_trials, sweeping
from ytdnn.run.cli import given_settings, resolved_config
from ytdnn.run.pipeline import tracker

optuna = pytest.importorskip("optuna")

SPACE = configs.read_space(
    {
        "candidates.embedding_dim": [16, 32],
        "candidates.similarity": ["dot", "cosine"],
        "candidates.temperature": configs.Range(
            0.05, 0.3, log=True, when=(("candidates.similarity", "cosine"),)
        ),
        "candidates.dropout": configs.Range(0.0, 0.5),
        "candidates.history_length": configs.Range(10, 20, whole=True),
    }
)
EPOCHS = 4


def planned(directory: pathlib.Path, **changed: Any) -> sweeping.Sweep:
    world = configs.WorldConfig(
        num_users=60, num_videos=60, num_days=20, watches_per_user=20
    )
    training = configs.TrainingConfig(epochs=1, batch_size=256)
    base = configs.Config(
        data=configs.DataConfig(world=world),
        candidates=configs.CandidatesConfig(
            embedding_dim=16, training=training, tower=(8,)
        ),
        evaluation=configs.EvaluationConfig(baselines=(), num_resamples=20),
    )
    given: dict[str, Any] = {
        "directory": directory,
        "base": base,
        "stage": "candidates",
        "metric": "ndcg@10",
        "space": SPACE,
        "apply": given_settings.apply,
    }
    return sweeping.Sweep(**given | changed)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replaces trainings by a metric that the settings say; may interrupt them."""
    state: dict[str, Any] = {"epochs": 0, "interrupt_at": None}

    def make(
        sweep: sweeping.Sweep, config: configs.Config, directory: pathlib.Path, say: Any
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for epoch in range(1, EPOCHS + 1):
            state["epochs"] += 1
            if state["epochs"] == state["interrupt_at"]:
                raise KeyboardInterrupt
            metrics = {"ndcg@10": value_of(config) * epoch / EPOCHS}
            progress.tell_observers("candidates", epoch, metrics)
        (directory / "value").write_text(repr(value_of(config)))

    def value(sweep: sweeping.Sweep, directory: pathlib.Path) -> float:
        return float((directory / "value").read_text())

    monkeypatch.setattr(sweeping, "_make", make)
    monkeypatch.setattr(sweeping, "_value", value)
    monkeypatch.setattr(answer_times, "median_ms", lambda *given: 1.0)
    return state


def value_of(config: configs.Config) -> float:
    candidates = config.candidates
    found = candidates.embedding_dim / 100 - abs(candidates.dropout - 0.2)
    return found + (candidates.similarity == "cosine") * candidates.temperature


def nothing(line: str) -> None:
    del line


@pytest.mark.thorough
@pytest.mark.parametrize("interrupt_at", [1, 5, 11, 18, 26, 33])
def test_an_interrupted_sweep_ends_as_an_undisturbed_one(
    tmp_path: pathlib.Path, made: dict[str, Any], interrupt_at: int
) -> None:
    undisturbed = sweeping.run(planned(tmp_path / "whole"), 12, None, nothing)
    made |= {"epochs": 0, "interrupt_at": interrupt_at}
    with pytest.raises(KeyboardInterrupt):
        sweeping.run(planned(tmp_path / "killed"), 12, None, nothing)
    made["interrupt_at"] = None
    resumed = sweeping.run(planned(tmp_path / "killed"), 12, None, nothing)
    without_time = [
        tuple(dataclasses.replace(one, seconds=None) for one in found.trials)
        for found in (undisturbed, resumed)
    ]
    assert without_time[0] == without_time[1]
    assert resumed.best is not None
    assert len(resumed.trials) == 12


def test_it_finds_better_settings_and_prunes_worse_ones(
    tmp_path: pathlib.Path, made: dict[str, Any]
) -> None:
    sweep = planned(tmp_path)
    found = sweeping.run(sweep, 30, None, nothing)
    states = [trial.state for trial in found.trials]
    assert set(states) == {"complete", "pruned"}
    assert found.best is not None
    assert found.best.value == max(t.value for t in found.trials if t.value is not None)
    assert found.best.value > found.default_value
    assert len(found.best.curve) == EPOCHS
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert all(len(trial.curve) < EPOCHS for trial in pruned)
    assert sum(found.importances.values()) == pytest.approx(1.0)
    # A condition decides whether a setting is asked.
    for trial in found.trials:
        is_cosine = trial.settings["candidates.similarity"] == "cosine"
        assert ("candidates.temperature" in trial.settings) == is_cosine
    # The models of the others are gone.
    kept = [path.name for path in (tmp_path / "trials").iterdir()]
    assert kept == [f"{found.best.number:04d}"]
    # The file of the best is a config to run.
    config = resolved_config.load(str(sweeping.write_best(sweep, found)))
    assert config == given_settings.apply(sweep.base, found.best.settings)
    page = sweep_page.draw(found)
    assert f"Trial {found.best.number} is the best" in page
    assert page.count("<svg") == 3
    # Nothing is left to do.
    assert sweeping.run(sweep, 30, None, nothing).trials == found.trials


def test_the_first_trials_keep_most_of_the_base_config(
    tmp_path: pathlib.Path, made: dict[str, Any]
) -> None:
    base = {
        "candidates.embedding_dim": 16,
        "candidates.dropout": 0.0,
        "candidates.history_dropout": 0.2,
        "candidates.content.enabled": True,
        "candidates.training.batch_size": 4096,
    }
    space = {
        "candidates.embedding_dim": [8, 16, 32],
        "candidates.dropout": configs.Range(0.0, 0.5),
        "candidates.history_dropout": configs.Range(0.0, 0.5),
        "candidates.content.enabled": [True, False],
        "candidates.training.batch_size": [128, 256],  # not that of the base
    }
    config = given_settings.apply(
        planned(tmp_path).base,
        {key: sweep_trials.text_of(value) for key, value in base.items()},
    )
    sweep = planned(tmp_path, base=config, space=configs.read_space(space))
    found = sweeping.run(sweep, 40, None, nothing)
    same = [
        sum(
            trial.settings[key] == str(sweep_trials.text_of(value))
            for key, value in base.items()
        )
        for trial in found.trials
    ]
    assert 2.0 < np.mean(same[:10]) < 4.0
    sizes = {trial.settings["candidates.training.batch_size"] for trial in found.trials}
    assert sizes == {"128", "256"}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"space": configs.read_space({"candidates.embedding_dim": [8, 16]})}, "space"),
        ({"base": configs.Config(seed=7)}, "config"),
    ],
)
def test_another_sweep_is_refused(
    tmp_path: pathlib.Path, made: dict[str, Any], changed: dict[str, Any], part: str
) -> None:
    sweeping.run(planned(tmp_path), 1, None, nothing)
    epochs = made["epochs"]
    with pytest.raises(errors.UserError, match=f"expected the {part} of the sweep"):
        sweeping.run(planned(tmp_path, **changed), 1, None, nothing)
    # The base run is not replaced by that of another config.
    assert made["epochs"] == epochs + (EPOCHS if part == "space" else 0)


def test_a_tracker_that_refuses_ends_a_sweep_before_its_base_run(
    tmp_path: pathlib.Path, made: dict[str, Any]
) -> None:
    def refuse(run: tracker.TrackedRun) -> None:
        raise ConnectionError("no route to the server")

    with extras.registered():
        registries.TRACKERS.register("refusing")(refuse)
        with pytest.raises(errors.UserError, match="no route to the server"):
            sweeping.run(planned(tmp_path, tracker="refusing"), 1, None, nothing)
    assert not made["epochs"]


def test_settings_that_cannot_be_are_left_out(
    tmp_path: pathlib.Path, made: dict[str, Any]
) -> None:
    given = {
        "candidates.ensemble_size": [1],
        "candidates.distillation": [0.5],  # of one network
    }
    sweep = planned(tmp_path, space=configs.read_space(given))
    found = sweeping.run(sweep, 2, None, nothing)
    assert [trial.state for trial in found.trials] == ["pruned"] * 2
    assert "distillation" in found.trials[0].refused
    assert found.best is None
    assert sweeping.best_directory(sweep, found) == sweep.defaults


@pytest.mark.thorough
def test_trials_of_a_real_training_are_compared_once(tmp_path: pathlib.Path) -> None:
    space = configs.read_space({"candidates.embedding_dim": [4, 8]})
    sweep = planned(tmp_path, space=space)
    lines: list[str] = []
    found = sweeping.run(sweep, 1, None, lines.append)
    (trial,) = found.trials
    assert trial.value is not None
    assert trial.curve == ((1, trial.value),)
    assert trial.milliseconds is not None
    assert trial.milliseconds > 0.0
    reports = sweeping.evaluated(sweep, found, lines.append)
    assert all((path / "report.json").is_file() for path in reports)
    lines.clear()
    assert sweeping.evaluated(sweep, found, lines.append) == reports
    assert [
        line for line in lines if "skipped" not in line and "left out" not in line
    ] == []


def test_the_spaces_of_the_product_are_settings() -> None:
    size = configs.LogSize(watches=1000, users=100, videos=100, impressions=1000)
    for stage, space in default_spaces.DEFAULT.items():
        for key, values in space(size).items():
            drawn = (
                values.values if isinstance(values, configs.Options) else [values.low]
            )
            for value in drawn:
                given = {
                    name: sweep_trials.text_of(needed)
                    for name, needed in values.when[:1]
                }
                config = given_settings.apply(
                    configs.Config(), given | {key: sweep_trials.text_of(value)}
                )
                assert key.startswith(f"{stage}.")
                assert configs.flat(configs.to_dict(config))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": 3}, "expected a list of values"),
        ({"a": "words"}, "expected a list of values"),
        ({"a": []}, "expected one value or more"),
    ],
)
def test_a_space_that_is_none_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, errors.UserError), match=message):
        configs.read_space(given)


def test_trials_begin_at_what_the_contest_chose(tmp_path: pathlib.Path) -> None:
    base = dataclasses.replace(
        planned(tmp_path).base, candidates=configs.Config().candidates
    )
    sweep = planned(tmp_path, base=base)
    assert sweep.config({}) == base
    facts = {"watches": 100_000, "users": 900, "vocabulary": 1_700}
    for name, known in (("data", facts), ("contest", {"winner": "narrow"})):
        with artifacts.publish(sweep.defaults / name, name, {}, {}, dict(known)):
            pass
    found = sweep.config({"candidates.dropout": "0.1"}).candidates
    assert (found.embedding_dim, found.tower, found.dropout) == (32, (128, 64), 0.1)
    assert found.auto == ()  # a trial holds no contest of its own
    assert sweep.config({}) == base
