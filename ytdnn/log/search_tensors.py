"""Searches as flat tensors, and the tokens before positions (PAPER §3.3)."""

import dataclasses
from typing import TYPE_CHECKING

import tensorflow as tf

from ytdnn.base import schema

if TYPE_CHECKING:
    from ytdnn.log import positions


@dataclasses.dataclass(frozen=True)
class SearchTensors:
    """Searches of all users as flat tensors, sorted by (user, time).

    Attributes:
      offsets: `[users + 1] int64`, first search of each user.
      token_offsets: `[searches + 1] int64`, first token of each search.
      tokens: `[tokens] int32`.
      num_before: `[watches] int32`, searches of the user strictly before each watch.
    """

    offsets: tf.Tensor
    token_offsets: tf.Tensor
    tokens: tf.Tensor
    num_before: tf.Tensor


def from_log(log: "positions.LogTensors") -> SearchTensors:
    """Returns the searches of a log."""
    return SearchTensors(
        offsets=log.column("searches", "offsets"),
        token_offsets=log.column("searches", "token_offsets"),
        tokens=log.column("searches", "tokens"),
        num_before=log.column("watches", "num_searches"),
    )


def searches_before(
    searches: SearchTensors, users: tf.Tensor, num_before: tf.Tensor, search_length: int
) -> dict[str, tf.Tensor]:
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
