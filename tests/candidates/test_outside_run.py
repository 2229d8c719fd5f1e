"""Towers, encoders, models and losses without a run: the page, and their configs."""

import math
import runpy

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from ytdnn.candidates.losses import pairwise
from ytdnn.layers import log_sum_exp

SCORES = np.array([[2.0, 0.5, 1.0], [0.1, 0.7, log_sum_exp.NEVER]], np.float32)
LABELS = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], np.float32)


def test_the_page_runs() -> None:
    found = runpy.run_path(str(extras.EXAMPLES / "outside_run.py"))
    assert found["users"].shape == (1, 1, 32)
    assert found["bags"].shape == (1, 1, 64)
    # Negatives 1.5 and 1 below the label.
    expected = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-1.0))) / 2
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-5)
    assert found["losses"].shape == (2,)


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
