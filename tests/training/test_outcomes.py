"""A ranker of outcomes: naming a column is enough for it to be predicted."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.base.metrics import binary, recalibration
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import building, heads, outcome_heads
from ytdnn.ranking import model as ranking_model
from ytdnn.training import ranker_calibration, ranking


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("outcomes")
    log = planted.add_outcomes(planted.write_log(directory / "log"))
    config = configs.DataConfig(
        source="log", dir=str(log), ranking_fraction=0.4, outcomes=("price",)
    )
    return prepare.prepare(config, directory / "data")


def _config(**changed: object) -> configs.Config:
    config = planted.tiny_config(ranking_epochs=4)
    ranker = dataclasses.replace(config.ranking, **changed)  # type: ignore[arg-type]
    return dataclasses.replace(config, ranking=ranker)


def _test_rows(data: prepared.PreparedData) -> np.ndarray:
    return np.flatnonzero(data.impressions.splits == events.Split.TEST)


@pytest.mark.thorough
def test_outcomes_are_learned_with_the_click(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    ranking.train(_config(), data, tmp_path / "ranking")
    model = ranking_model.load(tmp_path / "ranking", data)
    manifest = artifacts.read_manifest(tmp_path / "ranking", ranking_model.KIND)
    assert manifest.facts["outcomes"] == ["liked", "disliked", "price"]
    rows = _test_rows(data)
    found = model.predictions(data, rows)
    assert binary.auc(data.impressions.clicked[rows], found.order) > 0.8
    observed = np.asarray(data.impressions.outcomes)[rows]
    for place, name in enumerate(("liked", "disliked")):
        known = np.isfinite(observed[:, place])
        chances = found.outcomes[name][known]
        happened = observed[known, place] > 0.0
        assert binary.auc(happened, chances) > 0.75, name
        assert chances.sum() == pytest.approx(happened.sum(), rel=0.3), name
    assert binary.auc(observed[:, 2] > 0.0, found.outcomes["price"]) > 0.7
    assert found.outcomes["price"].sum() == pytest.approx(observed[:, 2].sum(), rel=0.3)


def test_weights_choose_what_is_predicted(data: prepared.PreparedData) -> None:
    weights = ("liked=0", "disliked=0")
    model = building.build(_config(loss_weights=weights).ranking, data)
    assert [one.name for one in model.measured.outcomes] == ["price"]
    none = building.build(_config(loss_weights=(*weights, "price=0")).ranking, data)
    assert none.measured.outcomes == ()
    assert len(none.head.biases) == len(model.head.biases) - 1
    with pytest.raises(errors.UserError, match="received likes: did you mean liked"):
        building.build(_config(loss_weights=("likes=1",)).ranking, data)


def test_a_refit_keeps_the_lines_of_the_outcomes_it_has() -> None:
    line = recalibration.Line(0.5, 2.0)
    known = heads.Calibration(clicks=line, outcomes=(line,))
    learned = [
        outcome_heads.PredictedOutcome(name, place, "binary", 0.1)
        for place, name in enumerate(("shared", "liked"))
    ]
    facts = {"calibration": dataclasses.asdict(known), "outcomes": ["liked"]}
    found = ranker_calibration.carried(facts, learned)
    assert found.clicks == line
    assert found.outcomes == (recalibration.IDENTITY, line)


def test_predictions_are_brought_to_the_validation_window() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0.01, 0.2, 20_000)
    log_odds = 0.5 * np.log(true / (1.0 - true)) - 1.0
    amounts = rng.exponential(0.3 * true)
    learned = [
        outcome_heads.PredictedOutcome("liked", 0, "binary", 0.1),
        outcome_heads.PredictedOutcome("price", 1, "amount", 0.1, most=2.0),
    ]
    pairs = [
        np.column_stack(
            [1.0 / (1.0 + np.exp(-log_odds)), rng.random(len(true)) < true]
        ),
        np.column_stack([0.2 * true, amounts]),
    ]
    halves = [[pair[start::2] for pair in pairs] for start in (0, 1)]
    liked, price = ranker_calibration._lines(learned, halves)
    assert liked.slope == pytest.approx(2.0, rel=0.15)
    said = learned[0].predict(tf.constant(log_odds, tf.float32), liked).numpy()
    assert np.abs(said - true).mean() < 0.01
    # c · σ(z) = 0.2 · true
    share = 0.1 * true
    of_price = tf.constant(np.log(share / (1.0 - share)), tf.float32)
    said = learned[1].predict(of_price, price).numpy()
    assert said.sum() == pytest.approx(amounts.sum(), rel=0.02)
