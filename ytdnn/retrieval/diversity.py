"""Re-ranking for diversity: maximal marginal relevance and a decay for each channel.

The videos of a slate are chosen one after the other. The next video is the one with the
largest

    log score - diversity * similarity + log(channel_decay) * n,

where `similarity` is the similarity to the most similar video chosen so far, in [0, 1],
and `n` the number of videos of its channel that were chosen. This is maximal marginal
relevance (Carbonell and Goldstein, 1998) with the ranker's log score as relevance,
scaled so that the weight of relevance is 1: a video identical to one in the slate needs
exp(diversity) times its score. The decay is that of the authors of X's published
algorithm (2023): the score of each further video of a channel is multiplied by it.

Similarity is the cosine of the log's own vectors, at least 0, where `diversity_by`
names a column of vectors; for any other column it is 1 for two videos with the same
value, else 0.
"""

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, errors, schema
from ytdnn.features import vector_columns
from ytdnn.log import prepared
from ytdnn.retrieval import filter_schema, row_ops

_BEHIND = -1e30  # a video that is not on the page is chosen last


class Diversity(tf.Module):
    """Re-orders the videos of a slate, where the config asks for diversity."""

    def __init__(
        self, config: configs.CompositionConfig, data: prepared.PreparedData
    ) -> None:
        """Takes the settings, and the columns that they name (see `require`)."""
        super().__init__()
        self._weight, self._top = config.diversity, config.diversity_top
        self._log_decay = float(np.log(config.channel_decay))
        self._vectors: tf.Variable | None = None
        self._values: tf.Variable | None = None
        self._channels: tf.Variable | None = None
        if self._weight:
            self._read(config.diversity_by, data)
        if config.channel_decay < 1.0:
            indices = filter_schema.indices(data.catalogue, schema.CHANNEL_ID)
            self._channels = tf.Variable(indices, trainable=False)

    def _read(self, by: str, data: prepared.PreparedData) -> None:
        """Takes the vectors or the values that videos are compared by."""
        if by in data.catalogue.vectors.in_table(schema.VIDEOS):
            self._vectors = vector_columns.variable(by, data)
            return
        name = by.removeprefix(f"{schema.VIDEOS}.")
        codes = np.append(np.int32(0), filter_schema.codes(data.videos[name]))
        self._values = tf.Variable(codes, trainable=False)

    def __call__(self, videos: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        """Returns the new order, `[batch, n] float32`, `-inf` = not in the slate.

        Only the `diversity_top` best change places among themselves.

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, log scores, `-inf` = not in the slate.
        """
        best, places = tf.math.top_k(order, tf.minimum(self._top, tf.shape(order)[1]))
        chosen = tf.gather(videos, places, batch_dims=1)
        penalties = self._weight * self._similarities(chosen)
        further = tf.zeros_like(penalties)
        if self._channels is not None:
            further = -self._log_decay * _same(tf.gather(self._channels, chosen))
        ranks = greedy_ranks(best, penalties, further)
        behind = row_ops.ranks(order)
        batch = tf.range(tf.shape(order)[0])[:, tf.newaxis]
        cells = tf.stack([tf.broadcast_to(batch, tf.shape(places)), places], axis=-1)
        new = tf.tensor_scatter_nd_update(behind, cells, ranks)
        is_there = tf.math.is_finite(order)
        return tf.where(is_there, -tf.cast(new, tf.float32), float("-inf"))

    def _similarities(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns the similarities of all pairs, `[batch, n, n] float32` in [0, 1]."""
        if self._vectors is not None:
            vectors = tf.cast(tf.gather(self._vectors, videos), tf.float32)
            return tf.maximum(tf.matmul(vectors, vectors, transpose_b=True), 0.0)
        if self._values is not None:
            return _same(tf.gather(self._values, videos))
        shape = tf.shape(videos)
        return tf.zeros([shape[0], shape[1], shape[1]])


def require(config: configs.CompositionConfig, catalogue: prepared.Catalogue) -> None:
    """Checks that the log has the columns that a composition names.

    Raises:
      errors.UserError: A column is missing.
    """
    if config.max_per_channel:
        filter_schema.require_channels(catalogue, "max_per_channel")
    if config.channel_decay < 1.0:
        filter_schema.require_channels(catalogue, "channel_decay")
    by, of_vectors = config.diversity_by, catalogue.vectors.in_table(schema.VIDEOS)
    if not config.diversity or by in of_vectors:
        return
    columns = filter_schema.from_catalogue(catalogue)
    known = [column.name for column in columns if column.kind != "age"]
    if by.removeprefix(f"{schema.VIDEOS}.") not in known:
        every = ", ".join([*known, *of_vectors]) or "the log has none"
        raise errors.UserError(
            f"expected config.composition.diversity_by to be a column of videos "
            f"({every}), received {by!r}"
        )


def greedy_ranks(
    scores: tf.Tensor, penalties: tf.Tensor, further: tf.Tensor
) -> tf.Tensor:
    """Returns the place of each video in the greedy order, from 0, `[batch, n] int32`.

    The next video is the one with the largest score, minus its largest penalty with a
    chosen video, minus the sum of its `further` with all chosen videos. The first wins
    a tie.

    >>> scores = tf.constant([[3.0, 2.9, 1.0]])
    >>> alike = tf.constant([[[0.0, 5.0, 0.0], [5.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    >>> greedy_ranks(scores, alike, tf.zeros_like(alike)).numpy()
    array([[0, 2, 1]], dtype=int32)

    Args:
      scores: `[batch, n] float32`, `-inf` = not in the slate: these come last.
      penalties: `[batch, n, n] float32`, penalty of a video for each chosen video; the
        largest is subtracted.
      further: `[batch, n, n] float32`, penalty of a video for each chosen video; the
        sum is subtracted.
    """
    scores = tf.where(tf.math.is_finite(scores), scores, _BEHIND)
    number = tf.shape(scores)[1]

    def choose(
        place: tf.Tensor, ranks: tf.Tensor, worst: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        left = tf.where(ranks < 0, scores - worst - total, float("-inf"))
        best = tf.argmax(left, axis=1, output_type=tf.int32)
        is_best = tf.one_hot(best, number, on_value=True, off_value=False)
        return (
            place + 1,
            tf.where(is_best, place, ranks),
            tf.maximum(worst, tf.gather(penalties, best, axis=1, batch_dims=1)),
            total + tf.gather(further, best, axis=1, batch_dims=1),
        )

    nothing = tf.zeros_like(scores)
    start = (tf.constant(0), tf.fill(tf.shape(scores), -1), nothing, nothing)
    return tf.while_loop(
        lambda place, *_: place < number,
        choose,
        start,
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape([None, None]),
            tf.TensorShape([None, None]),
        ),
    )[1]


def _same(values: tf.Tensor) -> tf.Tensor:
    """Returns 1 for each pair with the same known value, `[batch, n, n] float32`."""
    pairs = tf.equal(values[:, :, tf.newaxis], values[:, tf.newaxis, :])
    return tf.cast(pairs & (values > 0)[:, :, tf.newaxis], tf.float32)
