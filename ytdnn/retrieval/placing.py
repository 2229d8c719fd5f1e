"""Why each video stands where it does on a page: by its score, or by another rule.

A page that explores, reserves places or caps channels is not in the order of its
scores. The videos placed by their score still are, among themselves.
"""

from collections.abc import Mapping

import tensorflow as tf

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
    """Returns which videos stand higher by the later order, `[batch, n] bool`.

    >>> before, after = tf.constant([[3.0, 2.0, 1.0]]), tf.constant([[3.0, 1.0, 2.0]])
    >>> risen(before, after).numpy()
    array([[False, False,  True]])

    Args:
      before: `[batch, n] float32`, higher is better, `-inf` = not on the page; ties
        keep their places.
      after: Likewise.
    """
    return tf.math.is_finite(after) & (ranks(after) < ranks(before))


def ranks(order: tf.Tensor) -> tf.Tensor:
    """Returns the place of each by an order, from 0, `[batch, n] int32`.

    Args:
      order: `[batch, n] float32`, higher is better; ties keep their places.
    """
    places = tf.argsort(order, axis=1, direction="DESCENDING", stable=True)
    return tf.argsort(places, axis=1)


def codes(
    sampled: tf.Tensor | None,
    reserved: tf.Tensor | None,
    cap: tf.Tensor | None,
    reranked: Mapping[str, tf.Tensor] | None = None,
) -> tf.Tensor | None:
    """Returns the place among `NAMES` of what placed each, `[batch, n] int32`.

    Args:
      sampled: `[batch, n] bool`; None: nothing is drawn.
      reserved: Likewise.
      cap: Likewise; a video that is drawn or moved up as well counts as such.
      reranked: Likewise, of those moved up by re-rankers, by name of the reason.
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
