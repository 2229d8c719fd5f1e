"""Towers, encoders, models and losses without a run: the page, and their configs."""

import json
import math
import runpy
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import model, tower_inputs, user_tower
from ytdnn.candidates.losses import contrastive, pairwise
from ytdnn.features import base_feature, sequences
from ytdnn.features.sequences import search_bag
from ytdnn.layers import softmax
from ytdnn.ranking import heads, network

HISTORY = {
    schema.WATCH_ROWS: tf.constant([[0, 3, 17, 25]]),
    schema.WATCH_ROW_TIMES: tf.constant([[0, 60, 120, 180]], tf.int64),
    schema.FIRST_ROWS: tf.constant([[1]]),
}
SEARCHES = {
    schema.SEARCH_TOKENS: tf.constant([[4, 7, 0]]),
    schema.FIRST_TOKENS: tf.constant([[0]]),
    schema.END_TOKENS: tf.constant([[2]]),
}
ENCODERS = {
    "bags": configs.BagsConfig(),
    "learned bags": configs.BagsConfig(),
    "self_attention": configs.SelfAttentionConfig(),
    "hstu": configs.HSTUConfig(),
    "beside bags": configs.SelfAttentionConfig(beside_bags=True),
}
SCORES = np.array([[2.0, 0.5, 1.0], [0.1, 0.7, softmax.NEVER]], np.float32)
LABELS = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], np.float32)


def _config(name: str = "bags") -> configs.CandidatesConfig:
    return configs.CandidatesConfig(
        embedding_dim=8,
        history_length=4,
        tower=(16,),
        decay_rates=(0.8,),
        learned_bags=2 if name == "learned bags" else 0,
        encoder=ENCODERS[name],
        label=configs.NextWatchConfig(slice_length=1),
    )


def _same(made: Any, again: Any, *args: Any) -> None:
    """Checks that a layer made of a config gives the same with the same weights."""
    found = made(*args)
    again(*args)
    again.set_weights(made.get_weights())
    tf.nest.map_structure(np.testing.assert_array_equal, again(*args), found)


def test_the_page_runs() -> None:
    found = runpy.run_path(str(extras.EXAMPLES / "outside_run.py"))
    assert found["users"].shape == (1, 1, 32)
    _same(found["tower"], found["again"], found["history"])
    assert found["state"].shape == (1, 1, 32)
    # Negatives 1.5 and 1 below the label.
    expected = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-1.0))) / 2
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-5)
    assert found["losses"].shape == (2,)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_made_again_of_its_config(name: str) -> None:
    made = sequences.make(_config(name), 30)
    given = json.loads(json.dumps(made.get_config()))
    _same(made, type(made).from_config(given), HISTORY)


def test_the_encoder_of_searches_is_made_again_of_its_config() -> None:
    made = search_bag.SearchBag(_config(), 9, name="searches")
    _same(made, search_bag.SearchBag.from_config(made.get_config()), SEARCHES)


def _inputs() -> tower_inputs.TowerInputs:
    measured = {"age": base_feature.Measured(), "example_age": base_feature.Measured()}
    values = {
        "vocabulary_size": 30,
        "num_tokens": 9,
        "features": list(measured),
        "measured": {name: vars(one) for name, one in measured.items()},
        "own_encoder": "",
    }
    return tower_inputs.from_dict(values)


def test_a_tower_with_features_is_made_again_of_its_config() -> None:
    made = user_tower.UserTower(_config(), _inputs())
    given = json.loads(json.dumps(made.get_config()))
    ages = {"age": tf.constant([[0.4]]), "example_age": tf.constant([[0.2]])}
    _same(made, user_tower.UserTower.from_config(given), HISTORY | SEARCHES | ages)


def test_a_model_is_made_again_of_its_config() -> None:
    made = model.CandidateModel(_config(), tower_inputs.TowerInputs(30))
    again = model.CandidateModel.from_config(json.loads(json.dumps(made.get_config())))
    for one in (made, again):
        one.query_vectors(HISTORY)
    again.set_weights(made.get_weights())
    np.testing.assert_array_equal(
        again.query_vectors(HISTORY), made.query_vectors(HISTORY)
    )
    np.testing.assert_array_equal(again.video_vectors(), made.video_vectors())


def test_a_ranker_is_made_again_of_its_config() -> None:
    config = configs.RankingConfig(embedding_dim=4, tower=(8,), history_length=4)
    clicks = heads.Clicks(probability=0.2, seconds=40.0)
    measured = network.Statistics(30, {}, clicks)
    made = network.RankingNetwork(config, (), measured)
    given = json.loads(json.dumps(made.get_config()))
    again = network.RankingNetwork.from_config(given)
    videos = tf.constant([[1, 2]])
    tensors = {
        schema.IMPRESSION_VIDEOS: videos,
        schema.HISTORY_VIDEOS: tf.constant([[0, 3, 5, 7]]),
    }
    _same(made, again, tensors)


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        (pairwise.BPR(), pairwise.bpr),
        (pairwise.WARP(30, margin=0.7), pairwise.warp(30, 0.7)),
        (
            pairwise.GBCE(30, num_negatives=5, calibration=0.5),
            pairwise.gbce(30, configs.GBCEConfig(num_negatives=5, calibration=0.5)),
        ),
    ],
)
def test_a_keras_loss_is_the_function_of_a_run(
    loss: tf.keras.losses.Loss, function: pairwise.Scored
) -> None:
    counts = tf.constant([[1.0, 1.0], [1.0, 0.0]])
    found = loss.call(tf.constant(LABELS), tf.constant(SCORES))
    expected = function(SCORES[:, 0], tf.constant(SCORES[:, 1:]), counts)
    np.testing.assert_array_equal(found, expected)
    again = type(loss).from_config(loss.get_config())
    np.testing.assert_array_equal(again.call(LABELS, SCORES), found)
    assert float(loss(LABELS, SCORES)) == pytest.approx(float(np.mean(expected)))


def test_the_contrastive_loss_is_made_again_of_its_config() -> None:
    config = contrastive.CosineContrastiveConfig(margin=0.3)
    made = contrastive.CosineContrastive(config)
    again = contrastive.CosineContrastive.from_config(made.get_config())
    np.testing.assert_array_equal(again.call(LABELS, SCORES), made.call(LABELS, SCORES))
    assert float(made.call(LABELS, SCORES)[0]) == pytest.approx(-1.0 + 10 * 0.45)
