import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.candidates import losses, model, tree
from ytdnn.candidates.losses import base_loss, hierarchical

FLAT = [configs.SampledSoftmaxConfig(), configs.FullSoftmaxConfig()]


@pytest.mark.parametrize("loss", FLAT, ids=lambda loss: loss.kind)
def test_under_a_softmax_each_row_is_a_video(data, loss):
    candidate_model = model.build(setting.config(loss=loss), data)
    bias = np.arange(data.vocabulary_size + 1, dtype=np.float32)
    candidate_model.bias.assign(bias)
    vectors = candidate_model.video_vectors()
    table = candidate_model.videos.table.numpy()
    np.testing.assert_array_equal(vectors[:, :-1], table[1:])
    np.testing.assert_array_equal(vectors[:, -1], bias[1:])


def test_under_hierarchical_softmax_the_videos_are_the_leaves_of_the_tree(data):
    config = setting.config(loss=configs.HierarchicalSoftmaxConfig())
    candidate_model = model.build(config, data)
    leaves = tree.leaves(tree.order(data))
    found = candidate_model.head.leaves.numpy()
    assert found.tolist() == [0, *leaves.tolist()]
    expected = tree.leaf_vectors(
        candidate_model.videos.table.numpy(), candidate_model.bias.numpy(), leaves
    )
    np.testing.assert_array_equal(candidate_model.video_vectors(), expected)


def test_the_head_is_chosen_by_the_loss_alone():
    config = setting.config()
    made = {
        kind: type(losses.make_head(dataclasses.replace(config, loss=cls()), 5))
        for kind, cls in configs.choices()["candidates.loss"].items()
    }
    assert made.pop("hierarchical_softmax") is hierarchical.NodeRows
    # Losses of a file of their own are there once a test has loaded them.
    known = {"sampled_softmax", "full_softmax", "bpr", "warp", "gbce", "own"}
    assert made.keys() - {"cosine_contrastive"} == known
    assert set(made.values()) == {base_loss.VideoRows}


def test_a_tree_is_saved_and_read_back(data, tmp_path):
    config = setting.config(loss=configs.HierarchicalSoftmaxConfig())
    candidate_model = model.build(config, data)
    expected = candidate_model.video_vectors()
    model.save(candidate_model, tmp_path)
    other = model.build(config, data)
    other.head.leaves.assign(other.head.leaves[::-1])
    assert np.any(other.video_vectors() != expected)
    status = tf.train.Checkpoint(model=other).read(str(tmp_path / "weights"))
    status.assert_existing_objects_matched()
    np.testing.assert_array_equal(other.video_vectors(), expected)
