"""Features of an impression, rolled back to before it (PAPER §4.1).

Training cuts them from the prepared arrays, serving from a raw request; both end in
`query_features` and `impression_features`, so the network sees the same tensors.
Query features are `[batch, …]`, made once a request; impression features are
`[batch, k]`. Training is k = 1.

A time of 0 is unknown, in the log as in a request.
"""

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared

Features = dict[str, tf.Tensor]

MISSING = -1.0


def seconds_since(times: tf.Tensor, earlier_times: tf.Tensor) -> tf.Tensor:
    """Returns `[...] float32` seconds, `MISSING` where either time is unknown.

    Args:
      times: `[...] int64` seconds since the epoch, 0 = unknown.
      earlier_times: The same, of what came before; later ones count as now.
    """
    known = (times != 0) & (earlier_times != 0)
    seconds = tf.cast(tf.maximum(times - earlier_times, 0), tf.float32)
    return tf.where(known, seconds, MISSING)


def query_features(
    history_videos: tf.Tensor, last_watch_times: tf.Tensor, times: tf.Tensor
) -> Features:
    """Returns the features of a request.

    Args:
      history_videos: `[batch, length] int32`, most recent last, 0 = none.
      last_watch_times: `[batch] int64` of the most recent watch, 0 = none or unknown.
      times: `[batch] int64` of the request, 0 = unknown.
    """
    return {
        schema.HISTORY_VIDEOS: history_videos,
        schema.SECONDS_SINCE_LAST_WATCH: seconds_since(times, last_watch_times),
    }


def impression_features(
    videos: tf.Tensor,
    num_earlier: tf.Tensor,
    earlier_times: tf.Tensor,
    times: tf.Tensor,
) -> Features:
    """Returns the features of the impressions of a request.

    Args:
      videos: `[batch, k] int32` video indices.
      num_earlier: `[batch, k]` integers, earlier impressions of the video.
      earlier_times: `[batch, k] int64` of the latest of those, 0 = none or unknown.
      times: `[batch] int64` of the request, 0 = unknown.
    """
    since = seconds_since(times[:, tf.newaxis], earlier_times)
    return {
        schema.IMPRESSION_VIDEOS: videos,
        schema.NUM_EARLIER_IMPRESSIONS: tf.cast(num_earlier, tf.float32),
        schema.SECONDS_SINCE_IMPRESSION: since,
    }


class ImpressionLog:
    """The prepared arrays as tensors, from which a graph cuts features by row."""

    def __init__(self, data: prepared.PreparedData, history_length: int) -> None:
        """Copies the arrays into tensors on the host.

        Args:
          data: With impressions.
          history_length: Most recent watches of a history.
        """
        self.history_length = history_length
        names = [name for name in data.arrays if name.startswith("impression_")]
        names += ["watch_offsets", "watch_videos", "watch_times"]
        with tf.device("CPU"):
            self._arrays = {name: tf.constant(data.arrays[name]) for name in names}
            self._users = {
                name: tf.constant(values)
                for name, values in data.user_features().items()
            }

    def features(self, rows: tf.Tensor) -> Features:
        """Returns the features `[n]` and `[n, 1]` of impression rows `[n] int64`."""
        users, times = self._of(rows, "users"), self._of(rows, "times")
        offsets = tf.gather(self._arrays["watch_offsets"], users)
        ends = offsets + self._of(rows, "num_watches")
        num_earlier = self._of(rows, "earlier")
        no_time = tf.zeros_like(times)
        earlier_times = tf.where(
            num_earlier > 0, self._of(rows, "earlier_time"), no_time
        )
        videos = self._of(rows, "videos")
        return self.query(users, ends, times) | impression_features(
            videos[:, tf.newaxis],
            num_earlier[:, tf.newaxis],
            earlier_times[:, tf.newaxis],
            times,
        )

    def query(self, users: tf.Tensor, ends: tf.Tensor, times: tf.Tensor) -> Features:
        """Returns the query features of users whose history ends before a watch.

        Args:
          users: `[n] int32` user indices.
          ends: `[n] int64` flat position of the first watch not in the history.
          times: `[n] int64` of the request.
        """
        starts = tf.gather(self._arrays["watch_offsets"], users)
        back = tf.range(-self.history_length, 0, dtype=tf.int64)
        positions = ends[:, tf.newaxis] + back
        inside = positions >= starts[:, tf.newaxis]
        videos = tf.gather(self._arrays["watch_videos"], tf.maximum(positions, 0))
        last_times = tf.gather(self._arrays["watch_times"], tf.maximum(ends - 1, 0))
        last_times = tf.where(ends > starts, last_times, tf.zeros_like(last_times))
        demographics = {
            name: tf.gather(values, users) for name, values in self._users.items()
        }
        history = tf.where(inside, videos, tf.zeros_like(videos))
        return query_features(history, last_times, times) | demographics

    def labels(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns clicked `[n] bool` and watch seconds `[n] float32` or None."""
        seconds = None
        if "impression_seconds" in self._arrays:
            seconds = self._of(rows, "seconds")
        return self._of(rows, schema.CLICKED), seconds

    def _of(self, rows: tf.Tensor, name: str) -> tf.Tensor:
        return tf.gather(self._arrays[f"impression_{name}"], rows)
