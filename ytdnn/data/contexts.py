"""What is known at a position of the log beside the watch history (PAPER §3.3).

All of it is from before the position, but for what the request itself brings: the
device, the logged-in state, and its time.
"""

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import watch_log
from ytdnn.layers import request_time

Features = dict[str, tf.Tensor]


def situation(log: watch_log.Log, positions: tf.Tensor, known: tf.Tensor) -> Features:
    """Returns what is known of the request at each position.

    Args:
      log: The watches.
      positions: `[slices, positions] int64`, inside the log.
      known: `[slices, positions] bool`, false where the request is none of the log:
        all of it is missing then.

    Returns:
      Device and logged-in state as far as the log has them, `REQUEST_TIMES` and
      `SECONDS_SINCE_LAST_WATCH`, each `[slices, positions]`.
    """
    times = tf.where(known, tf.gather(log.times, positions), 0)
    before = tf.maximum(positions - 1, 0)
    starts = tf.gather(log.offsets, tf.gather(log.users, positions))
    has_watch = known & (positions > starts)
    last_times = tf.where(has_watch, tf.gather(log.times, before), 0)
    found = {
        schema.REQUEST_TIMES: times,
        schema.SECONDS_SINCE_LAST_WATCH: request_time.seconds_since(times, last_times),
    }
    missing = {schema.DEVICE_INDEX: 0, schema.LOGGED_IN_STATE: -1.0}
    for name, values in log.situations.items():
        found[name] = tf.where(known, tf.gather(values, positions), missing[name])
    return found


def example_ages(log: watch_log.Log, positions: tf.Tensor) -> tf.Tensor:
    """Returns `(t_max − t) / (t_max − t_min)` of each position, in [0, 1] float32.

    t_max is the end of the training window; what lies after it has age 0.
    """
    first, last = log.window
    ages = tf.cast(last - tf.gather(log.times, positions), tf.float32)
    return tf.clip_by_value(ages / float(max(1, last - first)), 0.0, 1.0)


def searches_before(
    searches: watch_log.Searches,
    users: tf.Tensor,
    num_before: tf.Tensor,
    search_length: int,
) -> Features:
    """Returns the tokens of the most recent searches before each position.

    Positions of a slice share their rows, each once and without the gap that lies
    between the searches of two users: the rows of position t that no position before
    it has are appended for it. So its range ends where they end, and begins as many
    rows before as it has tokens.

    Args:
      searches: Of all users.
      users: `[slices, positions] int32`, ascending in each slice.
      num_before: `[slices, positions] int64`, the user's searches before; for one
        user ascending in each slice.
      search_length: Greatest number of searches.

    Returns:
      `SEARCH_TOKENS [slices, rows] int32` (0: padding), `FIRST_TOKENS` and
      `END_TOKENS [slices, positions] int32`.
    """
    offsets = tf.gather(searches.offsets, users)
    ends = offsets + num_before
    firsts = tf.maximum(offsets, ends - search_length)
    begins = tf.gather(searches.token_offsets, firsts)
    stops = tf.gather(searches.token_offsets, ends)
    reached = tf.concat([begins[:, :1], stops[:, :-1]], axis=1)
    starts = tf.maximum(begins, reached)
    end_rows = tf.cumsum(stops - starts, axis=1)
    rows = tf.ragged.range(tf.reshape(starts, [-1]), tf.reshape(stops, [-1]))
    tokens = tf.RaggedTensor.from_row_lengths(
        tf.gather(searches.tokens, rows.values), end_rows[:, -1], validate=False
    )
    return {
        schema.SEARCH_TOKENS: tokens.to_tensor(0),
        schema.FIRST_TOKENS: tf.cast(end_rows - (stops - begins), tf.int32),
        schema.END_TOKENS: tf.cast(end_rows, tf.int32),
    }
