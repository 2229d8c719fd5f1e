"""A model whose user vectors are given, so that a loss is measured alone."""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.candidates import losses, popularity_by_age
from ytdnn.layers import embeddings


class GivenUsers:
    """A video table, biases, and one query for each example.

    Attributes:
      queries: Variable `[batch, dim] float32`.
      videos: The table.
      bias: Variable `[num_videos + 1] float32`.
    """

    ages: popularity_by_age.PopularityByAge | None = None

    def __init__(self, queries: tf.Tensor, num_videos: int) -> None:
        """Takes the queries; the table and biases are those of a fresh model."""
        self.queries = tf.Variable(queries)
        self.videos = embeddings.EmbeddingTable(
            num_videos, queries.shape[-1], name="videos"
        )
        self.bias = tf.Variable(tf.zeros([num_videos + 1]), name="bias")

    def flat_queries(
        self, features: losses.Features, seed: tf.Tensor | None
    ) -> tf.Tensor:
        """Returns the given queries."""
        del features, seed
        return tf.convert_to_tensor(self.queries)

    def columns(
        self,
        videos: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        places: tf.Tensor | None = None,
        num_places: tf.Tensor | None = None,
    ) -> losses.Columns:
        """Returns rows of the table: the similarity is the dot product."""
        del seed, places, num_places
        if videos is None:
            return tf.convert_to_tensor(self.videos.table), tf.convert_to_tensor(
                self.bias
            )
        return tf.gather(self.videos.table, videos), tf.gather(self.bias, videos)


def batch(labels: tf.Tensor) -> losses.Features:
    """Returns examples of users all different, `labels [batch] int32`."""
    size = int(labels.shape[0])
    return {
        schema.LABELS: labels[:, tf.newaxis],
        schema.WEIGHTS: tf.ones([size, 1]),
        schema.USER_INDICES: tf.range(size)[:, tf.newaxis],
    }
