"""From candidates and the second stage's predictions to the outputs of a model."""

from typing import NamedTuple

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import lookups
from ytdnn.retrieval import rows

Outputs = dict[str, tf.Tensor]


class Ranked(NamedTuple):
    """The second stage's predictions for candidates, all `[batch, n]`.

    Attributes:
      scores: float32, the ranker's score, before rules of the slate.
      order: float32, the order of the slate, `-inf` = not in it.
      seconds: float32 expected watch seconds; None: not predicted.
      click_probability: float32; None: not predicted.
      placed_by: int32 index in `placing.NAMES`; None: every video by its score.
      propensities: float32, of each video at its place; None: nothing is drawn.
      outcomes: float32 prediction of each outcome by name; None: there are none.
    """

    scores: tf.Tensor
    order: tf.Tensor
    seconds: tf.Tensor | None = None
    click_probability: tf.Tensor | None = None
    placed_by: tf.Tensor | None = None
    propensities: tf.Tensor | None = None
    outcomes: Outputs | None = None

    def columns(self) -> Outputs:
        """Returns the columns of the answer for each candidate, by name."""
        found = {
            schema.SCORES: self.scores,
            schema.EXPECTED_WATCH_SECONDS: self.seconds,
            schema.CLICK_PROBABILITY: self.click_probability,
            schema.PLACED_BY: self.placed_by,
            schema.PROPENSITIES: self.propensities,
            **(self.outcomes or {}),
        }
        return {name: one for name, one in found.items() if one is not None}


def best(
    videos: lookups.VideoIds, indices: tf.Tensor, ranked: Ranked, wanted: tf.Tensor
) -> Outputs:
    """Returns the first videos by order, padded with finite values.

    Args:
      videos: Ids and indices of the catalogue.
      indices: `[batch, n] int32` catalogue indices.
      ranked: Predictions for the videos; ties keep their places.
      wanted: `[batch] int32`, number of results of each row.
    """
    width = tf.minimum(rows.largest(wanted), tf.shape(ranked.order)[1])
    first, slots = tf.math.top_k(ranked.order, width)
    found = tf.reduce_sum(tf.cast(tf.math.is_finite(first), tf.int32), axis=1)
    num_results = tf.clip_by_value(wanted, 0, found)
    keep = tf.sequence_mask(num_results, width)

    def kept(values: tf.Tensor) -> tf.Tensor:
        taken = tf.gather(values, slots, batch_dims=1)
        return tf.where(keep, taken, tf.constant(0, taken.dtype))

    columns = {name: kept(values) for name, values in ranked.columns().items()}
    return (
        {schema.IDS: videos.ids(kept(indices))}
        | columns
        | {schema.NUM_RESULTS: num_results}
    )
