"""The context of each user before a watch or an impression."""

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import inputs, positions


def _impression_positions(
    log: positions.WatchLog, users: tf.Tensor, ends: tf.Tensor, impressions: np.ndarray
) -> positions.Positions:
    """Returns positions with impressions as the requests' own events."""
    rows = tf.constant(np.asarray(impressions, np.int64))[:, tf.newaxis]
    return positions.Positions(
        users=users,
        times=tf.gather(log.tensors.column(schema.IMPRESSIONS, "request_times"), rows),
        ends=ends,
        event="impressions",
        rows=rows,
        is_event=tf.ones_like(rows, tf.bool),
    )


def read(
    log: positions.WatchLog,
    users: np.ndarray,
    ends: np.ndarray,
    history_length: int,
    search_length: int = 50,
    num_searches: np.ndarray | None = None,
    impressions: np.ndarray | None = None,
) -> inputs.Features:
    """Returns slices of one position: the context of each user before a watch.

    The request is that of the watch itself, with its device and time. After the user's
    last watch there is no such event, so its fields are missing. Training-only features
    must have been opened for serving.

    Args:
      log: All watches.
      users: `[n]` user indices.
      ends: `[n]` flat positions; the history is the user's watches before them.
      history_length: Greatest number of watches in a history.
      search_length: Greatest number of searches in a bag of tokens.
      num_searches: `[n]`, number of the user's searches to read, if fewer than those
        before the watch (after the last watch: all).
      impressions: `[n]` rows of impressions, if these are the requests; None: watches
        are.

    Returns:
      Features as of `inputs.cut`, without labels and weights, each `[n, 1]` or
      `[n, rows]`.
    """
    ends = tf.constant(np.asarray(ends, np.int64))[:, tf.newaxis]
    users = tf.constant(np.asarray(users, np.int32))[:, tf.newaxis]
    window = ends + tf.range(-history_length, 0, dtype=tf.int64)
    starts, stops = tf.gather(log.offsets, users), tf.gather(log.offsets, users + 1)
    foreign = tf.clip_by_value(starts - window[:, :1], 0, history_length)
    at = tf.minimum(ends, log.num_watches - 1)
    is_watch = ends < stops
    place = inputs.watch_positions(log, users, ends, at, is_watch)
    if impressions is not None:
        place = _impression_positions(log, users, ends, impressions)
    features = {
        **inputs.watch_rows(log, window),
        schema.FIRST_ROWS: tf.cast(foreign, tf.int32),
        **{name: reader(place) for name, reader in log.readers.items()},
    }
    if log.searches is not None:
        from ytdnn.log import search_tensors

        before = tf.cast(tf.gather(log.searches.num_before, at), tf.int64)
        offsets = log.searches.offsets
        total = tf.gather(offsets, users + 1) - tf.gather(offsets, users)
        before = tf.where(is_watch, before, total)
        if num_searches is not None:
            known = tf.constant(np.asarray(num_searches, np.int64))[:, tf.newaxis]
            before = tf.minimum(before, known)
        features |= search_tensors.searches_before(
            log.searches, users, before, search_length
        )
    return features
