"""Heads: the meaning of the video table's rows, and the videos' vectors from them.

The loss decides: under sampled and full softmax each row is a video, under hierarchical
softmax a node of a tree. A head also holds other variables that a loss needs, under the
names that checkpoints use.
"""

from typing import Protocol

import numpy as np
import tensorflow as tf

from ytdnn import configs
from ytdnn.candidates import tree
from ytdnn.data import prepared


class TableHead(Protocol):
    """Makes the videos' vectors from the trained table."""

    def initialise(self, data: prepared.PreparedData) -> None:
        """Fills the variables that are not trained, from the training watches."""
        ...

    def video_vectors(self, rows: tree.Floats, bias: tree.Floats) -> tree.Floats:
        """Returns `[num_videos, dim + 1] float32`; row i is video index i + 1.

        Args:
          rows: `[num_videos + 1, dim]` of the video table, as they are scored.
          bias: `[num_videos + 1]`.
        """
        ...


class VideoRows(tf.Module):
    """Row i is video index i."""

    def initialise(self, data: prepared.PreparedData) -> None:
        """Does nothing: every row is trained."""

    def video_vectors(self, rows: tree.Floats, bias: tree.Floats) -> tree.Floats:
        """Returns the rows with their biases as the last coordinate."""
        return np.concatenate([rows[1:], bias[1:, np.newaxis]], axis=1)


class NodeRows(tf.Module):
    """A head of tree nodes: row n is node n of a binary tree with videos as leaves.

    Attributes:
      leaves: Variable `[num_videos + 1] int32`, see `ytdnn/candidates/tree.py`.
    """

    def __init__(
        self, config: configs.HierarchicalSoftmaxConfig, num_videos: int
    ) -> None:
        """Creates the head; `initialise` or a checkpoint says where the leaves are."""
        super().__init__()
        self._config = config
        zeros = tf.zeros([num_videos + 1], tf.int32)
        self.leaves = tf.Variable(zeros, trainable=False, name="leaves")

    def initialise(self, data: prepared.PreparedData) -> None:
        """Puts the videos at the leaves in the configured order."""
        leaves = tree.leaves(tree.order(self._config.tree_order, data))
        self.leaves.assign(np.append(0, leaves))

    def video_vectors(self, rows: tree.Floats, bias: tree.Floats) -> tree.Floats:
        """Returns the leaves' vectors; see `Head.video_vectors`."""
        return tree.leaf_vectors(rows, bias, self.leaves.numpy()[1:])
