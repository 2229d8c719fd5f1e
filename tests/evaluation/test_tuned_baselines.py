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
    training = tuned_baselines.model_interface.TrainingData(data)
    cases = tuned_baselines._cases(data, CONFIG)
    for name in ("rp3beta", "recent_popularity"):
        tried = [
            (tuned_baselines._quality(model, training, cases), settings)
            for settings in tuned_baselines._GRIDS[name]
            for model in [tuned_baselines._fitted(name, settings, training)]
        ]
        best = max(value for value, _ in tried)
        assert (facts["validation"][name], facts["settings"][name]) in tried
        assert facts["validation"][name] == pytest.approx(best)


def test_recent_popularity_counts_its_period(data: prepared.PreparedData) -> None:
    training = tuned_baselines.model_interface.TrainingData(data)
    times = training.watches["time"]
    for seconds in (3_600, 86_400):
        settings = {"seconds": seconds}
        model = tuned_baselines._fitted("recent_popularity", settings, training)
        recent = training.watches.filter(times >= times.max() - seconds)
        most = (
            recent["video"]
            .value_counts()
            .sort("count", "video", descending=[True, False])
        )
        assert int(model.scores.argmax()) == most["video"][0]


def test_lists_read_are_those_of_the_fitted_model(data: prepared.PreparedData) -> None:
    facts = made(data)
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    makers = tuned_baselines.makers(data.directory.parent, data)
    assert makers is not None
    training = tuned_baselines.model_interface.TrainingData(data)
    for name in ("markov", "ease", "rp3beta", "als"):
        model = tuned_baselines._fitted(name, facts["settings"][name], training)
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
    assert made(data)["left_out"]["markov"] == "more than 10 watches"


def test_a_run_without_them_has_none(tmp_path: pathlib.Path) -> None:
    assert tuned_baselines.left_out(tmp_path) == []
