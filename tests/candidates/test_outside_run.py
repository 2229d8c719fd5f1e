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
from ytdnn.candidates.losses import pairwise
from ytdnn.features import sequences
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
    assert found["bags"].shape == (1, 1, 64)
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
    "loss",
    [pairwise.BPR(), pairwise.WARP(30, 0.7), pairwise.GBCE(30, 5, calibration=0.5)],
)
def test_a_keras_loss_is_the_one_of_a_run(loss: tf.keras.losses.Loss) -> None:
    counts = tf.constant([[1.0, 1.0], [1.0, 0.0]])
    found = loss.call(tf.constant(LABELS), tf.constant(SCORES))
    expected = loss.scored(SCORES[:, 0], tf.constant(SCORES[:, 1:]), counts)
    np.testing.assert_array_equal(found, expected)
    again = type(loss).from_config(loss.get_config())
    np.testing.assert_array_equal(again.call(LABELS, SCORES), found)
    assert float(loss(LABELS, SCORES)) == pytest.approx(float(np.mean(expected)))
