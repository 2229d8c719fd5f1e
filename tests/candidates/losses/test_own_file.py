"""A Keras loss of the user's own: the documented file, and a loss that is refused."""

import types

import pytest
import tensorflow as tf

from tests import extras
from tests.candidates.losses import setting
from ytdnn.base import errors
from ytdnn.candidates import losses, model
from ytdnn.candidates.losses import pairwise

with extras.registered():
    margin = extras.module(extras.EXAMPLES / "ytdnn_extras" / "margin.py")


class Mean(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_pred)


def make(data, loss):
    tf.keras.utils.set_random_seed(0)
    candidate_model = model.build(setting.config(), data)
    learner = losses.Learner(candidate_model, setting.counts(data), "float32", (), 0.0)
    drawn = types.SimpleNamespace(num_negatives=16, proposal_exponent=0.0)
    return pairwise.Pairwise(loss, drawn, learner, "loss own"), candidate_model


def test_the_file_of_the_page_has_gradients(data) -> None:
    config = margin.MarginConfig()
    loss, candidate_model = make(data, margin.MarginSoftmax(config, None))
    with tf.GradientTape() as tape:
        total, weights = loss(setting.batch(data), tf.constant([0, 1]))
    found = tape.gradient(total, candidate_model.videos.table)
    values = found.values if isinstance(found, tf.IndexedSlices) else found
    assert float(total) > 0.0
    assert float(weights) > 0.0
    assert float(tf.reduce_max(tf.abs(values))) > 0.0


def test_a_mean_over_the_batch_is_refused(data) -> None:
    loss, _ = make(data, Mean())
    with pytest.raises(errors.UserError, match=r"shape \[batch\] from Mean.call.*\(\)"):
        loss(setting.batch(data), tf.constant([0, 1]))
