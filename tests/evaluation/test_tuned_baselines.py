"""The baselines of a run: chosen on validation, kept, and named where left out."""

import pathlib

import pytest

from tests import planted
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.evaluation import lists, tuned_baselines, user_cases
from ytdnn.log import events, prepared

CONFIG = configs.EvaluationConfig()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """In `data` of the workdir."""
    return planted.prepared_data(tmp_path_factory.mktemp("tuned"))


def made(data: prepared.PreparedData, seconds: float = 10_000.0, **config) -> dict:
    rules = configs.EvaluationConfig(**config)
    workdir, settings = data.directory.parent, configs.Config(evaluation=rules)
    tuned_baselines.make(settings, workdir, {}, seconds)
    kind = tuned_baselines.KIND
    return artifacts.read_manifest(workdir / kind, kind).facts


def test_every_baseline_is_fitted_and_the_best_settings_are_kept(
    data: prepared.PreparedData,
) -> None:
    facts = made(data)
    assert list(facts["settings"]) == tuned_baselines.chosen(CONFIG)
    assert facts["left_out"] == {}
    tried = {}
    for beta in (0.3, 0.6, 0.9):
        training = tuned_baselines.candidate_models.TrainingData(data)
        cases = tuned_baselines._cases(data, CONFIG)
        model = tuned_baselines._fitted("rp3beta", {"beta": beta}, training)
        tried[beta] = tuned_baselines._quality(model, training, cases)
    chosen = facts["settings"]["rp3beta"]["beta"]
    assert tried[chosen] == max(tried.values())
    assert facts["validation"]["rp3beta"] == pytest.approx(tried[chosen])


def test_lists_read_are_those_of_the_fitted_model(data: prepared.PreparedData) -> None:
    facts = made(data)
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    makers = tuned_baselines.makers(data.directory.parent, data)
    assert makers is not None
    training = tuned_baselines.candidate_models.TrainingData(data)
    for name in ("markov", "ease", "rp3beta"):
        settings = facts["settings"][name]
        model = tuned_baselines._fitted(name, settings, training)
        expected = lists.from_candidate_model(model, data)(cases, 5)
        assert makers[name](cases, 5).tolist() == expected.tolist()


def test_what_does_not_fit_is_named(
    data: prepared.PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuned_baselines, "_LEAST_SECONDS", 0.0)
    facts = made(data, seconds=0.0)
    assert list(facts["settings"]) == ["recent_popularity"]
    assert "ease" in facts["left_out"]
    (line,) = tuned_baselines.left_out(data.directory.parent)
    assert "ease (some " in line
    # What is asked for by name is fitted in any case.
    assert list(made(data, 0.0, baselines=("ease",))["settings"]) == ["ease"]
    monkeypatch.setattr(tuned_baselines, "MOST_WATCHES", 10)
    reasons = made(data)["left_out"]
    assert reasons["markov"] == "more than 10 watches"


def test_a_run_without_them_has_none(tmp_path: pathlib.Path) -> None:
    assert tuned_baselines.left_out(tmp_path) == []
