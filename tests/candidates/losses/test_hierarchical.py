"""The hierarchical softmax of docs/examples: its tree, its loss, its served vectors."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import extras, planted
from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.candidates import losses, model, user_tower
from ytdnn.log import events
from ytdnn.training import candidates

_LN2 = np.log(2.0)


@pytest.fixture(scope="module")
def example():
    """The module of the example, its loss registered for these tests."""
    with extras.registered():
        yield extras.module(extras.EXAMPLES / "hierarchical_softmax.py")


def _model(example, num_videos, leaves):
    config = setting.config(loss=example.HierarchicalSoftmaxConfig(), embedding_dim=2)
    candidate_model = model.CandidateModel(config, user_tower.TowerInputs(num_videos))
    candidate_model.head.leaves.assign([0, *leaves])
    return candidate_model


def test_three_videos_by_hand(example):
    # Leaves 3, 4, 5: node 1 parts video 1 (right) from node 2, which parts the others.
    candidate_model = _model(example, 3, [3, 4, 5])
    candidate_model.videos.table.assign([[9, 9], [_LN2, 0], [0, 0], [9, 9]])
    loss = example.HierarchicalSoftmax(candidate_model)
    queries, labels = tf.constant([[1.0, 5.0]] * 3), tf.constant([1, 2, 3])
    # σ(ln 2) = 2/3 to the right; the left third is halved.
    probabilities = np.exp(-loss.losses(queries, labels))
    np.testing.assert_allclose(probabilities, [2 / 3, 1 / 6, 1 / 6], rtol=1e-5)
    assert float(loss.losses(tf.ones([1, 2]), tf.constant([0]))[0]) == 0.0


@pytest.mark.parametrize("num_videos", [1, 5, 23])
def test_probabilities_sum_to_one_and_are_served_to_first_order(example, num_videos):
    candidate_model = _model(example, num_videos, range(num_videos, 2 * num_videos))
    candidate_model.bias.assign(tf.random.normal([num_videos + 1], seed=1))
    candidate_model.videos.table.assign(tf.random.normal([num_videos + 1, 2], seed=2))
    loss = example.HierarchicalSoftmax(candidate_model)
    labels, vectors = tf.range(1, num_videos + 1), candidate_model.video_vectors()
    errors_of = []
    for length in (1.0, 0.0, 0.01, 0.02):
        query = np.array([0.6, -0.8], np.float32) * length
        queries = tf.repeat(query[np.newaxis], num_videos, axis=0)
        exact = -loss.losses(queries, labels).numpy()
        assert np.exp(exact).sum() == pytest.approx(1.0, abs=1e-5)
        errors_of.append(np.abs(vectors @ np.append(query, 1.0) - exact).max())
    assert errors_of[1] < 1e-5
    if num_videos > 5:  # the error is of second order
        assert errors_of[3] == pytest.approx(4 * errors_of[2], rel=0.2)


@pytest.mark.parametrize("size", [1, 2, 3, 21, 300])
def test_leaves_from_left_to_right_fill_the_tree(example, size):
    leaves = example.tree_leaves(np.arange(size))
    assert sorted(leaves) == list(range(size, 2 * size))
    # Read as binary fractions, the paths ascend: the order is that of the leaves.
    paths = [int(leaf) / 2 ** (int(leaf).bit_length() - 1) for leaf in leaves]
    assert paths == sorted(paths)


def test_the_root_parts_the_planted_tastes(example, data):
    order = example.tree_order(data)
    titles = data.videos["video_id"].to_list()
    taste = np.array([int(title.split()[1]) % 2 for title in titles])
    assert sorted(order) == list(range(data.vocabulary_size))
    left, right = np.split(taste[order], [example._left_leaves(len(order))])
    assert abs(left.mean() - right.mean()) > 0.5


def test_settings_of_rows_that_are_videos_are_refused(example):
    loss = example.HierarchicalSoftmaxConfig()
    config = configs.CandidatesConfig(loss=loss, similarity="cosine")
    with pytest.raises(errors.UserError, match="expected similarity dot"):
        losses.make_head(config, 5)


@pytest.mark.thorough
def test_the_planted_tastes_are_learned(example, data, tmp_path: pathlib.Path):
    """As a user has it: the file is named in the config."""
    training = {"epochs": 20, "patience": 20, "batch_size": 64, "learning_rate": 0.01}
    settings = {f"candidates.training.{k}": v for k, v in training.items()}
    settings["candidates.loss"] = example.HierarchicalSoftmaxConfig()
    config = configs.changed(planted.tiny_config(), settings)
    candidates.train(config, data, tmp_path / "candidates")
    trained = model.load(tmp_path / "candidates", data)
    assert trained.content is None
    users, ends = data.windows.first_watches(events.Split.TEST)
    scores = trained.user_vectors(data, users, ends) @ trained.video_vectors().T
    taste = np.array([int(v.split()[1]) % 2 for v in data.videos["video_id"]])
    own = np.array([int(u[1:]) % 2 for u in data.users["user_id"][users]])
    assert np.mean(taste[scores.argmax(axis=1)] == own) > 0.9
