"""LightGBM as a baseline: what it reads, what it learns, and where it is reported."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import boosted_trees, shown_lists, tuned_baselines
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import building

pytest.importorskip("lightgbm")

FEW = ({"num_leaves": 7, "learning_rate": 0.2}, {"num_leaves": 2, "learning_rate": 0.2})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "_ROUNDS", 60)
    # More threads than free cores wait for each other.
    monkeypatch.setitem(boosted_trees._BOOSTING, "num_threads", 1)


def part_of(columns: dict[str, Any], size: int) -> boosted_trees.Inputs:
    shown = logged.impressions(num_users=10, size=size)
    times = np.random.default_rng(1).integers(0, 50, size)
    return boosted_trees.Inputs(columns, shown, times, None)


def test_an_index_of_many_values_is_told_by_earlier_training_impressions() -> None:
    rng, parts = np.random.default_rng(0), []
    for size in (400, 60):
        videos = rng.integers(0, 200, size)
        videos[:100:5] = 7
        parts.append(part_of({"video": videos, "position": rng.random(size)}, size))
    training, other = parts
    encoding = boosted_trees.Encoding(training, ["position"])
    clicked = training.shown.clicked
    for part in (training, other):
        matrix = encoding.matrix(part)
        assert (
            matrix[:, 0] == np.float32(np.median(training.columns["position"]))
        ).all()
        for row in range(60):
            video, time = part.columns["video"][row], part.times[row]
            before = (training.columns["video"] == video) & (training.times < time)
            for place, values in enumerate((clicked, training.shown.weights * clicked)):
                above = values[before].sum() + 20.0 * values.mean()
                expected = above / (before.sum() + 20.0)
                assert matrix[row, 1 + place] == pytest.approx(expected, rel=1e-5)
    as_logged = encoding.matrix(training, is_logged=True)[:, 0]
    assert np.allclose(as_logged, training.columns["position"])
    assert encoding.categorical == []


def test_weights_of_clicks_teach_seconds_over_impressions_without_a_click() -> None:
    """Odds are Σ seconds / number of unclicked: 1 click of 30 s to 3 without is 10."""
    part = part_of({"same": np.zeros(4_000)}, 4_000)
    part.shown.clicked = np.tile([True, False, False, False], 1_000)
    part.shown.weights = np.where(part.shown.clicked, 30.0, 1.0)
    trees = boosted_trees.Trees(part, part, settings=FEW[:1])
    grown = trees.grown("binary", lambda one: one.shown.weights)
    logit = grown.predict(trees.encoding.matrix(part)[:1], raw_score=True)
    assert np.exp(logit) == pytest.approx(10.0, rel=0.01)
    found = trees.predict(part, part)
    assert found.click_probability == pytest.approx(0.25, rel=0.01)
    assert found.seconds == pytest.approx(0.25 * 30.0, rel=0.01)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """Users of one country click on even videos, of the other on odd ones."""
    directory = tmp_path_factory.mktemp("interaction")
    log, rng = directory / "log", np.random.default_rng(0)
    log.mkdir()
    users = [f"u{number}" for number in range(40)]
    countries = ["DE" if number % 2 else "FR" for number in range(40)]
    pl.DataFrame({"user_id": users, "country": countries}).write_parquet(
        log / "users.parquet"
    )
    watches = [(f"u{t % 40}", f"v{t % 97}", t) for t in range(1_000)]
    pl.DataFrame(watches, ["user_id", "video_id", "time"], orient="row").write_parquet(
        log / "watches.parquet"
    )
    shown = []
    for time in range(200, 1_000, 4):
        for video in rng.permutation(8).tolist():
            user = int(rng.integers(40))
            clicked = bool(rng.random() < (0.8 if (user + video) % 2 else 0.1))
            shown.append((f"u{user}", f"v{video}", time, clicked, 9.0 * clicked))
    names = ["user_id", "video_id", "time", "clicked", "watch_seconds"]
    pl.DataFrame(shown, names, orient="row").write_parquet(log / "impressions.parquet")
    config = configs.DataConfig(
        source="log", dir=str(log), test_fraction=0.3, ranking_fraction=0.4
    )
    return prepare.prepare(config, directory / "data")


def test_it_learns_what_no_count_sees_and_is_the_best_baseline(
    data: prepared.PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosted_trees.Trees.__init__, "__defaults__", ((), FEW))
    monkeypatch.setattr(boosted_trees.fit, "__defaults__", (FEW,))
    config = configs.Config(
        evaluation=configs.EvaluationConfig(
            baselines=("auto", "lightgbm"), num_resamples=50
        )
    )
    ranking = building.build(config.ranking, data, None)
    report = fakes.evaluate_models(
        data, None, ranking, {}, config, events.Split.TEST
    ).report
    own, other = (report.impressions[n].values for n in ("lightgbm", "popularity"))
    for kind, metric in (("clicks", "grouped_auc"), ("seconds", "first_half_share")):
        assert report.best_baselines[kind].name == "lightgbm"
        assert own[metric] > 0.7 > 0.6 > other[metric]
    assert report.shown_lists is not None
    assert report.shown_lists.systems["lightgbm"]["first_half_share"][0] > 0.7
    assert "lightgbm" in report.shown_lists.ahead
    assert "lightgbm" in shown_lists.BASELINES


def test_it_makes_no_lists_and_needs_a_ranker() -> None:
    config = configs.EvaluationConfig(baselines=("lightgbm", "markov"))
    assert tuned_baselines.chosen(config) == ["markov"]
    whole = configs.Config(evaluation=config)
    assert tuned_baselines.step_config(whole)["baselines"] == ["markov"]
    (line,) = boosted_trees.left_out(config)
    assert "lightgbm" in line
    assert boosted_trees.left_out(configs.EvaluationConfig()) == ()


def test_a_missing_package_is_named(
    data: prepared.PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranking = building.build(configs.RankingConfig(), data, None)
    monkeypatch.setattr(boosted_trees.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.UserError, match=r"lightgbm.*\[lightgbm\]"):
        boosted_trees.scorer(data, ranking)
