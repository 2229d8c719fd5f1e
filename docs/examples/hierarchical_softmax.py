"""Hierarchical softmax over a binary tree of the videos (PAPER §3.1).

    ytdnn train --workdir=RUN --config.extensions=hierarchical_softmax.py \
        --config.candidates.loss=hierarchical_softmax --stage=candidates

The paper tried it and did not reach sampled softmax's accuracy, nor does it here
(experiments/retrieval_losses.py). A step costs O(log V) for each example, and no
negatives are drawn (Morin & Bengio 2005). It needs `similarity=dot` and
`initial_vectors=random`.

A complete binary tree with as many leaves as videos is numbered like a heap: node 1 is
the root, the children of node n are 2n and 2n + 1, nodes 1 … V − 1 are inner, and
V … 2V − 1 are leaves. Node n's vector is row n of the video table. The order of the
leaves decides which videos a node separates. In order of frequency it would separate
unrelated videos, which the paper gives as the reason for its lower accuracy; here it is
by clusters, which separates videos of different audiences.
"""

import typing

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.base import schema
from ytdnn.candidates import losses, model
from ytdnn.layers import embeddings
from ytdnn.log import events, prepared

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

_AUDIENCE_DIM = 32  # random coordinates of a user, which keep distances roughly
_SMALLEST_CLUSTER = 16  # below, one sort by the principal axis is order enough


@configs.validated
class HierarchicalSoftmaxConfig(configs.Extension):
    """Softmax along a binary tree of the videos, served to first order."""

    rows_are_videos: typing.ClassVar[bool] = False
    kind: typing.Literal["hierarchical_softmax"] = "hierarchical_softmax"


class NodeRows(tf.Module):
    """A head of tree nodes: row n is node n of a binary tree with videos as leaves.

    Attributes:
      leaves: Variable `[num_videos + 1] int32`, the heap number of each video's leaf.
    """

    def __init__(self, config: HierarchicalSoftmaxConfig, num_videos: int) -> None:
        """Creates the head; `initialise` or a checkpoint sets the leaves."""
        super().__init__()
        del config
        zeros = tf.zeros([num_videos + 1], tf.int32)
        self.leaves = tf.Variable(zeros, trainable=False, name="leaves")

    def initialise(self, data: prepared.PreparedData) -> None:
        """Puts the videos at the leaves, by who watched them."""
        leaves = tree_leaves(tree_order(data))
        self.leaves.assign(np.append(0, leaves))

    def video_vectors(self, rows: Floats, bias: Floats) -> Floats:
        """Returns the leaves' vectors; see `losses.TableHead`."""
        return leaf_vectors(rows, bias, self.leaves.numpy()[1:])


@registries.LOSSES.register(
    "hierarchical_softmax", HierarchicalSoftmaxConfig, head=NodeRows
)
def make(
    config: HierarchicalSoftmaxConfig, learner: losses.Learner
) -> "HierarchicalSoftmax":
    """Returns the loss; the order of its tree is in the model's head."""
    del config
    return HierarchicalSoftmax(learner.model)


class HierarchicalSoftmax:
    """Cross-entropy of the label's path through the tree.

    P(label | u) = Π σ(±(u·n + b)) over the inner nodes on its path, + where the path
    turns right.
    """

    def __init__(self, model: model.CandidateModel) -> None:
        """Keeps the model; its video table holds the nodes."""
        self._model = model
        self._head = typing.cast(NodeRows, model.head)
        num_leaves = int(model.bias.shape[0]) - 1
        self._depth = (2 * num_leaves - 1).bit_length() - 1

    def __call__(
        self, batch: losses.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        losses = self.losses(queries, labels)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def losses(self, queries: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns −log P(label | query), `[batch] float32`; 0 for label 0.

        Args:
          queries: `[batch, dim] float32`.
          labels: `[batch] int32` video indices.
        """
        leaves = embeddings.rows(self._head.leaves, labels)[:, tf.newaxis]
        shifts = tf.range(self._depth)
        turns = tf.cast(tf.bitwise.right_shift(leaves, shifts) & 1, tf.float32)
        nodes = tf.bitwise.right_shift(leaves, shifts + 1)  # 0 above the root
        on_path = tf.cast(nodes > 0, tf.float32)
        vectors = embeddings.rows(self._model.videos.table, nodes)
        logits = tf.linalg.matvec(vectors, queries)
        logits += embeddings.rows(self._model.bias, nodes)
        signs = 2.0 * turns - 1.0
        return tf.reduce_sum(on_path * tf.nn.softplus(-signs * logits), axis=1)


def tree_order(data: prepared.PreparedData) -> Indices:
    """Returns the videos' positions (index − 1) from the leftmost leaf on.

    Args:
      data: The prepared set; only its training watches are read.
    """
    return cluster_order(_audiences(data))


def tree_leaves(order: Indices) -> Indices:
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
