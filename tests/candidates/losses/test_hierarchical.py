import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.candidates import model, tower_inputs
from ytdnn.candidates.losses import hierarchical
from ytdnn.log import events
from ytdnn.training import candidates

_LN2 = np.log(2.0)


def _model(num_videos, leaves):
    config = setting.config(loss=configs.HierarchicalSoftmaxConfig(), embedding_dim=2)
    candidate_model = model.CandidateModel(config, tower_inputs.TowerInputs(num_videos))
    candidate_model.head.leaves.assign([0, *leaves])
    return candidate_model


def test_three_videos_by_hand():
    # Leaves 3, 4, 5: node 1 parts video 1 (right) from node 2, which parts the others.
    candidate_model = _model(3, [3, 4, 5])
    candidate_model.videos.table.assign([[9, 9], [_LN2, 0], [0, 0], [9, 9]])
    loss = hierarchical.HierarchicalSoftmax(candidate_model)
    queries, labels = tf.constant([[1.0, 5.0]] * 3), tf.constant([1, 2, 3])
    # σ(ln 2) = 2/3 to the right; the left third is halved.
    probabilities = np.exp(-loss.losses(queries, labels))
    np.testing.assert_allclose(probabilities, [2 / 3, 1 / 6, 1 / 6], rtol=1e-5)


@pytest.mark.parametrize("num_videos", [1, 2, 5, 8, 23])
def test_probabilities_sum_to_one(num_videos):
    candidate_model = _model(num_videos, range(num_videos, 2 * num_videos))
    candidate_model.bias.assign(tf.random.normal([num_videos + 1], seed=1))
    candidate_model.videos.table.assign(tf.random.normal([num_videos + 1, 2], seed=2))
    loss = hierarchical.HierarchicalSoftmax(candidate_model)
    labels = tf.range(1, num_videos + 1)
    queries = tf.repeat(tf.constant([[0.3, -0.7]]), num_videos, axis=0)
    probabilities = np.exp(-loss.losses(queries, labels))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_label_out_of_vocabulary_costs_nothing():
    loss = hierarchical.HierarchicalSoftmax(_model(3, [3, 4, 5]))
    assert float(loss.losses(tf.ones([1, 2]), tf.constant([0]))[0]) == 0.0


def test_served_products_are_log_probabilities_to_first_order():
    candidate_model = _model(23, range(23, 46))
    candidate_model.bias.assign(tf.random.normal([24], seed=1))
    candidate_model.videos.table.assign(tf.random.normal([24, 2], seed=2))
    loss = hierarchical.HierarchicalSoftmax(candidate_model)
    labels = tf.range(1, 24)
    vectors = candidate_model.video_vectors()
    errors = []
    for length in (0.0, 0.01, 0.02):
        query = np.array([0.6, -0.8], np.float32) * length
        exact = -loss.losses(tf.repeat(query[np.newaxis], 23, axis=0), labels).numpy()
        errors.append(np.abs(vectors @ np.append(query, 1.0) - exact).max())
    assert errors[0] < 1e-5
    assert errors[2] == pytest.approx(4 * errors[1], rel=0.2)  # of second order


@pytest.mark.thorough
def test_the_planted_tastes_are_learned(data, tmp_path):
    config = planted.tiny_config()
    training = configs.TrainingConfig(
        epochs=20, patience=20, batch_size=64, learning_rate=0.01
    )
    loss = configs.HierarchicalSoftmaxConfig()
    changed = dataclasses.replace(config.candidates, training=training, loss=loss)
    config = dataclasses.replace(config, candidates=changed)
    candidates.train(config, data, tmp_path / "candidates")
    trained = model.load(tmp_path / "candidates", data)
    users, ends = data.windows.first_watches(events.Split.TEST)
    scores = trained.user_vectors(data, users, ends) @ trained.video_vectors().T
    taste = np.array([int(v.split()[1]) % 2 for v in data.videos["video_id"]])
    own = np.array([int(u[1:]) % 2 for u in data.users["user_id"][users]])
    assert np.mean(taste[scores.argmax(axis=1)] == own) > 0.9
