"""Hierarchical softmax over a binary tree of the videos (PAPER §3.1).

The paper tried it and did not reach sampled softmax's accuracy. A step costs
O(log V) for each example, and no negatives are drawn.
"""

import typing

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, registries, schema
from ytdnn.candidates import tree
from ytdnn.candidates.losses import base_loss
from ytdnn.layers import embeddings
from ytdnn.log import prepared


class NodeRows(tf.Module):
    """A head of tree nodes: row n is node n of a binary tree with videos as leaves.

    Attributes:
      leaves: Variable `[num_videos + 1] int32`, see `ytdnn/candidates/tree.py`.
    """

    def __init__(
        self, config: configs.HierarchicalSoftmaxConfig, num_videos: int
    ) -> None:
        """Creates the head; `initialise` or a checkpoint sets the leaves."""
        super().__init__()
        del config
        zeros = tf.zeros([num_videos + 1], tf.int32)
        self.leaves = tf.Variable(zeros, trainable=False, name="leaves")

    def initialise(self, data: prepared.PreparedData) -> None:
        """Puts the videos at the leaves, by who watched them."""
        leaves = tree.leaves(tree.order(data))
        self.leaves.assign(np.append(0, leaves))

    def video_vectors(self, rows: tree.Floats, bias: tree.Floats) -> tree.Floats:
        """Returns the leaves' vectors; see `base_loss.TableHead`."""
        return tree.leaf_vectors(rows, bias, self.leaves.numpy()[1:])


class Tree(base_loss.ScoredModel, typing.Protocol):
    """A model with tree nodes as the rows of its video table.

    Attributes:
      head: Head with the leaves.
      videos: The video table.
      bias: Variable `[num_videos + 1] float32`.
    """

    head: NodeRows
    videos: embeddings.EmbeddingTable
    bias: tf.Variable


@registries.LOSSES.register(
    "hierarchical_softmax", configs.HierarchicalSoftmaxConfig, head=NodeRows
)
def make(
    config: configs.HierarchicalSoftmaxConfig, learner: base_loss.Learner
) -> "HierarchicalSoftmax":
    """Returns the loss; the order of its tree is in the model's head."""
    del config
    return HierarchicalSoftmax(typing.cast(Tree, learner.model))


class HierarchicalSoftmax:
    """Cross-entropy of the label's path through the tree.

    P(label | u) = Π σ(±(u·n + b)) over the inner nodes on its path, + where the path
    turns right; see `ytdnn/candidates/tree.py` for their numbers.
    """

    def __init__(self, model: Tree) -> None:
        """Keeps the model; its video table holds the nodes."""
        self._model = model
        num_leaves = int(model.bias.shape[0]) - 1
        self._depth = (2 * num_leaves - 1).bit_length() - 1

    def __call__(
        self, batch: base_loss.Features, seed: tf.Tensor
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
        leaves = embeddings.rows(self._model.head.leaves, labels)[:, tf.newaxis]
        shifts = tf.range(self._depth)
        turns = tf.cast(tf.bitwise.right_shift(leaves, shifts) & 1, tf.float32)
        nodes = tf.bitwise.right_shift(leaves, shifts + 1)  # 0 above the root
        on_path = tf.cast(nodes > 0, tf.float32)
        vectors = embeddings.rows(self._model.videos.table, nodes)
        logits = tf.linalg.matvec(vectors, queries)
        logits += embeddings.rows(self._model.bias, nodes)
        signs = 2.0 * turns - 1.0
        return tf.reduce_sum(on_path * tf.nn.softplus(-signs * logits), axis=1)
