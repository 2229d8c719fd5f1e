"""Cosine contrastive loss: values by hand, and that it trains."""

import numpy as np
import pytest
import tensorflow as tf

from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.candidates import losses, model
from ytdnn.candidates.losses import contrastive

CONFIG = contrastive.CosineContrastiveConfig(margin=0.5, negative_weight=4.0)


def test_values_by_hand() -> None:
    scores = tf.constant([[0.75, 0.25, 1.0], [1.0, 0.5, -1.0]])
    loss = contrastive.CosineContrastive(CONFIG)
    found = loss.call(tf.zeros_like(scores), scores)
    # (1 - 3/4) + 4 * (0 + 1/2) / 2; nothing above the margin.
    np.testing.assert_allclose(found, [0.25 + 1.0, 0.0])


def test_it_is_chosen_by_name_and_a_step_lowers_it(data) -> None:
    values = configs.to_dict(configs.Config())
    values["candidates"]["loss"] = configs.to_dict(CONFIG)
    assert configs.from_dict(values).candidates.loss == CONFIG
    config = setting.config(loss=CONFIG, similarity="cosine")
    tf.keras.utils.set_random_seed(0)
    candidate_model = model.build(config, data)
    loss = losses.make(config, candidate_model, setting.counts(data))
    batch = setting.batch(data)
    before, gradient = setting.gradient(loss, candidate_model, batch)
    table = candidate_model.videos.table
    rows = np.concatenate([np.zeros_like(gradient[:1]), gradient])
    table.assign_sub(tf.constant(0.5 * rows))
    after, _ = setting.gradient(loss, candidate_model, batch)
    assert after < before
    assert before == pytest.approx(1.0, abs=0.5)  # cosines near 0
