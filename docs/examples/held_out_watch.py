"""The held-out watch of the paper's figure 5a, in place of the next one (PAPER §3.4).

    ytdnn train --workdir=RUN --config.extensions=held_out_watch.py \
        --config.candidates.label=held_out_watch --stage=candidates

Live it loses to the next watch (experiments/live.py); offline the two are level
(experiments/next_or_held_out.py), which is the paper's point.
"""

import functools
import typing
from collections.abc import Callable

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.base import schema
from ytdnn.log import drawn_labels, log_tensors, slice_batches


@configs.validated
class HeldOutWatchConfig(configs.LabelExtension):
    """A held-out watch, predicted from the watches around it."""

    kind: typing.Literal["held_out_watch"] = "held_out_watch"


@registries.LABELS.register("held_out_watch", HeldOutWatchConfig)
class HeldOutBatches(drawn_labels.DrawnBatches):
    """Drawn labels, each with the watches on both sides of it."""

    def read(
        self, labels: tf.Tensor, step: tf.Tensor, epoch: int
    ) -> drawn_labels.Features:
        """Reads labels, and draws the place of each in its window."""
        base = tf.constant(self.seed, tf.int64) + (epoch << 32)
        seed = tf.stack([base, step + (sum(self.stream) << 32)])
        reach = tf.random.stateless_uniform([self.batch_size], seed)
        examples: drawn_labels.Features = self._around(
            labels, self.portion.own(reach, self.batch_size)
        )
        return examples

    @functools.cached_property
    def _around(self) -> Callable[[tf.Tensor, tf.Tensor], typing.Any]:
        """Reads labels with the context around them; traced once for all epochs."""
        log, lengths = self.log, (self.history_length, self.search_length)
        return tf.function(
            lambda labels, reach: around(log, labels, reach, *lengths), autograph=False
        )


def around(
    log: log_tensors.WatchLog,
    drawn: tf.Tensor,
    reach: tf.Tensor,
    history_length: int,
    search_length: int,
) -> drawn_labels.Features:
    """Cuts held-out watches with the watches around them and the features at that time.

    The history is a window of `history_length + 1` of the user's watches with the label
    at a random place, without the label: all other watches if the user has no more.

    Args:
      log: The watches.
      drawn: `[examples] int64`, the labels; outside the log: weight 0.
      reach: `[examples]` in [0, 1), end of the window after the label, as a share of
        the watches there.
      history_length: Greatest number of watches in a history.
      search_length: Greatest number of searches in a bag of tokens: those before the
        window's last watch.

    Returns:
      Features from `ytdnn.log.slice_batches.cut`, slices of one position.
    """
    inside = (drawn < log.num_watches)[:, tf.newaxis]
    at = tf.minimum(drawn, log.num_watches - 1)[:, tf.newaxis]
    users = tf.gather(log.users, at)
    starts, stops = tf.gather(log.offsets, users), tf.gather(log.offsets, users + 1)
    most = tf.minimum(stops - at - 1, history_length)
    share = tf.cast(reach, tf.float64)[:, tf.newaxis] * tf.cast(most + 1, tf.float64)
    ends = at + 1 + tf.minimum(tf.cast(share, tf.int64), most)
    ends = tf.maximum(ends, tf.minimum(starts + history_length + 1, stops))
    window = ends + tf.range(-history_length, 0, dtype=tf.int64)
    window -= tf.cast(window <= at, tf.int64)
    foreign = tf.math.count_nonzero(window < starts, axis=1, keepdims=True)
    clipped = tf.maximum(window, 0)
    features = {
        schema.WATCH_ROWS: tf.gather(log.videos, clipped),
        schema.WATCH_ROW_TIMES: tf.gather(log.times, clipped),
        schema.FIRST_ROWS: tf.cast(foreign, tf.int32),
        **slice_batches.labels(log, at, inside),
    }
    if log.searches is not None:
        before = tf.gather(log.searches.num_before, ends - 1)
        features |= log_tensors.searches_before(
            log.searches, users, tf.cast(before, tf.int64), search_length
        )
    return features
