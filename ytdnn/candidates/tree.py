"""The binary tree of hierarchical softmax (Morin & Bengio 2005), in pure NumPy.

A complete binary tree with as many leaves as videos, numbered like a heap: node 1 is
the root, the children of node n are 2n and 2n + 1, nodes 1 … V − 1 are inner, V …
2V − 1 leaves. So depths differ by one at most, a leaf's path is its number shifted
right, and probabilities sum to one without empty branches. Node n's vector is row n
of the video table.

The order of the leaves decides which videos a node separates. In order of frequency it
would separate unrelated videos, which the paper gives as the reason for its lower
accuracy; here it is by clusters, which separates videos of different audiences.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.log import events, prepared

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

_AUDIENCE_DIM = 32  # random coordinates of a user, which keep distances roughly
_SMALLEST_CLUSTER = 16  # below, one sort by the principal axis is order enough


def order(data: prepared.PreparedData) -> Indices:
    """Returns the videos' positions (index − 1) from the leftmost leaf on.

    Args:
      data: The prepared set; only its training watches are read.
    """
    return cluster_order(_audiences(data))


def leaves(order: Indices) -> Indices:
    """Returns the heap number of each video's leaf, `[num_videos]`."""
    size = len(order)
    deepest = 1 << (size - 1).bit_length()  # first number of the lowest level
    left_to_right = np.append(np.arange(deepest, 2 * size), np.arange(size, deepest))
    result = np.empty(size, np.int64)
    result[order] = left_to_right
    return result


def cluster_order(vectors: Floats) -> Indices:
    """Orders videos so that every subtree of the tree holds near ones.

    Each subtree's videos are sorted along their principal axis and split where the
    complete tree splits its leaves.

    Args:
      vectors: `[num_videos, dim]`, near where videos belong together.
    """
    result = np.arange(len(vectors))
    parts = [(0, len(vectors))]
    while parts:
        start, stop = parts.pop()
        members = result[start:stop]
        rows = vectors[members] - vectors[members].mean(axis=0)
        _, axes = np.linalg.eigh(rows.T @ rows)
        result[start:stop] = members[np.argsort(rows @ axes[:, -1], kind="stable")]
        if stop - start > _SMALLEST_CLUSTER:
            middle = start + _left_leaves(stop - start)
            parts += [(start, middle), (middle, stop)]
    return result


def leaf_vectors(rows: Floats, bias: Floats, leaves: Indices) -> Floats:
    """Returns videos' vectors with products that approximate log probabilities.

    log P(leaf | u) = Σ log σ(±(u·n + b)) over its path is not a product; its first
    order in u around 0, where it is exact, is: a branch adds
    log σ(±b) ± (1 − σ(±b)) · u·n. So popularity is kept and nearest-neighbour search
    can serve it; the higher orders are lost.

    Args:
      rows: `[num_videos + 1, dim]`, row n is node n's vector.
      bias: `[num_videos + 1]` biases of the nodes.
      leaves: `[num_videos]`, the heap number of each video's leaf.

    Returns:
      `[num_videos, dim + 1] float32`, the last coordinate the bias.
    """
    sums = np.zeros([2 * len(leaves), rows.shape[1] + 1], np.float32)
    for first, stop in _levels(len(leaves)):
        nodes = np.arange(first, stop)
        parents, signs = nodes >> 1, np.where(nodes & 1, 1.0, -1.0)
        signed = signs * bias[parents]
        slope = signs / (1.0 + np.exp(signed))  # ±(1 − σ(±b))
        sums[nodes, :-1] = sums[parents, :-1] + slope[:, np.newaxis] * rows[parents]
        sums[nodes, -1] = sums[parents, -1] - np.logaddexp(0.0, -signed)
    return sums[leaves]


def _levels(num_leaves: int) -> list[tuple[int, int]]:
    """Returns the first and last + 1 node of each level below the root."""
    firsts = [1 << depth for depth in range(1, (2 * num_leaves - 1).bit_length())]
    return [(first, min(2 * first, 2 * num_leaves)) for first in firsts]


def _left_leaves(size: int) -> int:
    """Returns the number of leaves left of a complete tree's root, size ≥ 2."""
    upper = 1 << (size.bit_length() - 1)
    return upper // 2 + min(size - upper, upper // 2)


def _audiences(data: prepared.PreparedData) -> Floats:
    """Returns `[vocabulary_size, dim]`, means of random vectors of videos' watchers."""
    rng = np.random.Generator(np.random.Philox(0))
    of_users = rng.standard_normal([len(data.users), _AUDIENCE_DIM], np.float32)
    size = data.vocabulary_size
    sums, counts = np.zeros((_AUDIENCE_DIM, size)), np.zeros(size, np.int64)
    for shard in data.log.shards:
        watches = shard.read().watches
        known = np.asarray(watches.splits) == events.Split.TRAIN
        known &= np.asarray(watches.videos) <= size
        videos = watches.videos[known] - 1
        users = watches.users[known] + shard.first_user
        counts += np.bincount(videos, minlength=size)
        for column in range(_AUDIENCE_DIM):
            sums[column] += np.bincount(videos, of_users[users, column], size)
    return (sums / np.maximum(counts, 1)).T.astype(np.float32)
