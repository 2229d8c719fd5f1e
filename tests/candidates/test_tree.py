import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tests import planted
from ytdnn.candidates import tree


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def test_leaves_of_three_by_hand():
    # Nodes 1 and 2 are inner; from left to right the leaves are 4, 5, 3.
    assert tree.leaves(np.array([2, 0, 1])).tolist() == [5, 3, 4]


@hypothesis.given(st.integers(1, 300))
def test_leaves_from_left_to_right_fill_the_tree(size):
    leaves = tree.leaves(np.arange(size))
    assert sorted(leaves) == list(range(size, 2 * size))
    # Read as binary fractions, the paths ascend: the order is that of the leaves.
    paths = [int(leaf) / 2 ** (int(leaf).bit_length() - 1) for leaf in leaves]
    assert paths == sorted(paths)


@hypothesis.given(st.integers(2, 300))
def test_left_leaves_are_those_under_node_two(size):
    under = [leaf for leaf in range(size, 2 * size) if f"{leaf:b}".startswith("10")]
    assert tree._left_leaves(size) == len(under)


def test_clusters_stay_together():
    rng = np.random.default_rng(0)
    cluster = rng.permutation(np.repeat(np.arange(4), 32))
    centres = rng.normal(size=[4, 8]) * 10
    vectors = (centres[cluster] + rng.normal(size=[128, 8])).astype(np.float32)
    order = tree.cluster_order(vectors)
    assert sorted(order) == list(range(128))
    changes = np.sum(np.diff(cluster[order]) != 0)
    assert changes <= 8  # 96 in random order


def test_the_root_parts_the_planted_tastes(data):
    order = tree.order(data)
    titles = data.videos["video_id"].to_list()
    taste = np.array([int(title.split()[1]) % 2 for title in titles])
    assert sorted(order) == list(range(data.vocabulary_size))
    left = taste[order][: tree._left_leaves(len(order))]
    right = taste[order][tree._left_leaves(len(order)) :]
    assert abs(left.mean() - right.mean()) > 0.5
