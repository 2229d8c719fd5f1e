"""Numbers that are not finite end a training with one line."""

import numpy as np
import pytest
import tensorflow as tf

from tests import refusals
from ytdnn.base import errors
from ytdnn.training import device_strategy


class _Model(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.table = tf.Variable(tf.ones([3]), name="videos/table")


def _guard():
    model = _Model()
    on = device_strategy.make("none")
    return device_strategy.FiniteGuard(
        "candidates", model, lambda: "kept at x", on
    ), model


def test_a_bad_loss_names_its_step_and_the_bad_input():
    watcher, _ = _guard()
    good, bad = {"age": tf.zeros([2])}, {"age": tf.constant([0.0, np.nan])}
    watcher.watch("step 1", tf.constant(1.0), good)
    watcher.watch("step 2", tf.constant(np.nan), bad)
    message = r"candidates loss .* at step 2 \(age\).* kept at x"
    with pytest.raises(errors.UserError, match=message):
        watcher.watch("step 3", tf.constant(np.nan), good)


def test_bad_weights_are_seen_before_they_are_saved():
    watcher, model = _guard()
    watcher.watch("step 1", tf.constant(1.0), {})
    watcher.check_weights("step 1")
    model.table.assign([1.0, np.inf, 1.0])
    with pytest.raises(errors.UserError, match=r"step 1 \(videos/table\)"):
        watcher.check_weights("step 1")


def test_weights_that_are_finite_but_beyond_use_are_named():
    watcher, model = _guard()
    model.table.assign([1.0, -1e30, 1.0])
    assert refusals.line(watcher.check_weights, "the end of epoch 1") == (
        "the candidates weights are not numbers below 1e+09 at the end of epoch 1 "
        "(videos/table): lower training.learning_rate or table_learning_rate; "
        "kept at x"
    )
