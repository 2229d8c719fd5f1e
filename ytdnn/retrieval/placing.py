"""The reason of each video's place in a slate: its score, or another rule.

A slate with exploration, reserved places or caps is not in the order of its scores.
Only the videos placed by their score are in that order among themselves.
"""

from collections.abc import Mapping

import tensorflow as tf

from ytdnn.retrieval import rows

SCORE, SAMPLED, RESERVED, CAP = "score", "sampled", "reserved", "cap"
DIVERSITY, RERANKED = "diversity", "reranked"
NAMES = (SCORE, SAMPLED, RESERVED, CAP, DIVERSITY, RERANKED)  # by code
MEANING = (
    "score: in its place by the score; sampled: drawn; reserved: a young upload moved "
    "up; cap: moved up in place of videos of a channel that had its share; diversity: "
    "moved up in place of videos more like those before it; reranked: moved up by a "
    "re-ranker of the bundle's"
)


def risen(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Returns whether each video is higher in the later order, `[batch, n] bool`.

    >>> before, after = tf.constant([[3.0, 2.0, 1.0]]), tf.constant([[3.0, 1.0, 2.0]])
    >>> risen(before, after).numpy()
    array([[False, False,  True]])

    Args:
      before: `[batch, n] float32`, higher is better, `-inf` = not in the slate; ties
        keep their places.
      after: Likewise.
    """
    return tf.math.is_finite(after) & (rows.ranks(after) < rows.ranks(before))


def codes(
    sampled: tf.Tensor | None,
    reserved: tf.Tensor | None,
    cap: tf.Tensor | None,
    reranked: Mapping[str, tf.Tensor] | None = None,
) -> tf.Tensor | None:
    """Returns the index in `NAMES` of the reason of each place, `[batch, n] int32`.

    Args:
      sampled: `[batch, n] bool`, drawn at random; None: nothing is drawn.
      reserved: `[batch, n] bool`, moved up to a reserved place; None: nothing is.
      cap: `[batch, n] bool`, moved up by a cap; drawn and reserved ones count as those.
      reranked: `[batch, n] bool` for each re-ranker that moved videos up, by name.
    """
    found = None
    for mask, name in (
        *((mask, name) for name, mask in (reranked or {}).items()),
        (cap, CAP),
        (reserved, RESERVED),
        (sampled, SAMPLED),
    ):
        if mask is None:
            continue
        other = tf.zeros_like(mask, tf.int32) if found is None else found
        found = tf.where(mask, NAMES.index(name), other)
    return found
