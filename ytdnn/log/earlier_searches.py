"""The searches before a position of the log (PAPER §3.3)."""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import watch_log

Features = dict[str, tf.Tensor]


def searches_before(
    searches: watch_log.SearchTensors,
    users: tf.Tensor,
    num_before: tf.Tensor,
    search_length: int,
) -> Features:
    """Returns the tokens of the most recent searches before each position.

    Positions of a slice share rows. Each position appends the rows that no earlier
    position has, so there is no gap between the searches of two users, and the range of
    a position ends with its own rows and is as long as its number of tokens.

    Args:
      searches: Searches of all users.
      users: `[slices, positions] int32`, ascending in each slice.
      num_before: `[slices, positions] int64`, number of the user's earlier searches;
        for one user ascending in each slice.
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
