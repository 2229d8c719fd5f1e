"""Hierarchical softmax over a binary tree of the videos (PAPER §3.1).

The paper tried it and did not reach sampled softmax's accuracy. A step costs
O(log V) for each example, and no negatives are drawn.
"""

import typing

import tensorflow as tf

from ytdnn import configs, registries, schema
from ytdnn.candidates.losses import base_loss, heads
from ytdnn.layers import embeddings


@registries.LOSSES.register(
    "hierarchical_softmax", configs.HierarchicalSoftmaxConfig, head=heads.NodeRows
)
def make(
    config: configs.HierarchicalSoftmaxConfig, learner: base_loss.Learner
) -> "HierarchicalSoftmax":
    """Returns the loss; the order of its tree is in the model's head."""
    del config
    return HierarchicalSoftmax(typing.cast(base_loss.Tree, learner.model))


class HierarchicalSoftmax:
    """Cross-entropy of the label's path through the tree.

    P(label | u) = Π σ(±(u·n + b)) over the inner nodes on its path, + where the path
    turns right; see `ytdnn/candidates/tree.py` for their numbers.
    """

    def __init__(self, model: base_loss.Tree) -> None:
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
