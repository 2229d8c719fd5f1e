"""From a raw request to the features of both models, inside the graph.

What training cuts from the prepared arrays is rebuilt here from ids, strings and
lists, and ends in the same functions, so a position gives the same tensors.
"""

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared
from ytdnn.ranking import features as ranking_features
from ytdnn.serving import vocabularies

Request = dict[str, tf.Tensor]
Features = dict[str, tf.Tensor]


class RequestReader(tf.Module):
    """Reads raw requests of `ytdnn.serving.signatures`.

    Attributes:
      videos: Ids and indices of the videos.
    """

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies the vocabularies of `data`."""
        super().__init__()
        self.videos = vocabularies.VideoIds(data)
        self._texts = {
            name: vocabularies.TextVocabulary(values)
            for name, values in data.vocabularies.items()
        }

    def user_features(self, request: Request, history_length: int) -> Features:
        """Returns what the user tower reads, each `[batch, 1]` or `[batch, length]`.

        Args:
          request: Raw, `[batch, …]`.
          history_length: Most recent watches in the history.
        """
        ids, _ = self._watches(request)
        num_watches = tf.reduce_sum(tf.cast(self.videos.present(ids), tf.int32), axis=1)
        first_rows = history_length - tf.minimum(num_watches, history_length)
        demographics = {
            name: values[:, tf.newaxis]
            for name, values in self._demographics(request).items()
        }
        return demographics | {
            schema.WATCH_ROWS: _last(self.videos.indices(ids), history_length),
            schema.FIRST_ROWS: first_rows[:, tf.newaxis],
        }

    def query_features(self, request: Request, history_length: int) -> Features:
        """Returns what the ranker reads of the query, `[batch, …]`."""
        ids, times = self._watches(request)
        history = _last(self.videos.indices(ids), history_length)
        last_times = _last(times, 1)[:, 0]
        return self._demographics(request) | ranking_features.query_features(
            history, last_times, request[schema.TIME]
        )

    def impression_features(self, request: Request, video_ids: tf.Tensor) -> Features:
        """Returns what the ranker reads of the videos to score, `[batch, k]`.

        Args:
          request: Raw, with the impressions shown earlier.
          video_ids: `[batch, k]`.
        """
        now = request[schema.TIME]
        shown = request[schema.IMPRESSION_VIDEO_IDS]
        times = _fit(request[schema.IMPRESSION_TIMES], shown)
        earlier = (times < now[:, tf.newaxis]) | (now[:, tf.newaxis] == 0)
        earlier &= self.videos.present(shown)
        same = tf.equal(
            self.videos.keys(video_ids)[:, :, tf.newaxis],
            self.videos.keys(shown)[:, tf.newaxis, :],
        )
        same &= earlier[:, tf.newaxis, :]
        never = tf.zeros_like(times)[:, tf.newaxis, :]
        known_times = tf.where(same, times[:, tf.newaxis, :], never)
        latest = tf.reduce_max(_pad_front(known_times, 1), axis=-1)
        return ranking_features.impression_features(
            videos=self.videos.indices(video_ids),
            num_earlier=tf.reduce_sum(tf.cast(same, tf.int32), axis=-1),
            earlier_times=latest,
            times=now,
        )

    def watched_indices(self, request: Request) -> tf.Tensor:
        """Returns all known videos watched, `[batch, length] int32`, 0 = none."""
        return self.videos.indices(request[schema.WATCHED_VIDEO_IDS])

    def _watches(self, request: Request) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns watched ids and times with the missing moved to the front."""
        ids = request[schema.WATCHED_VIDEO_IDS]
        present = tf.cast(self.videos.present(ids), tf.int32)
        order = tf.argsort(present, axis=1, stable=True)
        ids = tf.gather(ids, order, batch_dims=1)
        if schema.WATCH_TIMES not in request:
            return ids, tf.zeros_like(order, tf.int64)
        times = _fit(request[schema.WATCH_TIMES], order)
        times = tf.gather(times, order, batch_dims=1)
        return ids, tf.where(self.videos.present(ids), times, tf.zeros_like(times))

    def _demographics(self, request: Request) -> Features:
        """Returns the user's features `[batch]`."""
        found = {}
        if schema.AGE in request:
            age = request[schema.AGE]
            fraction = tf.clip_by_value(age / schema.MAX_AGE_YEARS, 0.0, 1.0)
            found[schema.AGE_FRACTION] = tf.where(age >= 0.0, fraction, -1.0)
        indices = {
            schema.GENDER: schema.GENDER_INDEX,
            schema.COUNTRY: schema.COUNTRY_INDEX,
        }
        for column, feature in indices.items():
            if column in request:
                found[feature] = self._texts[column].indices(request[column])
        return found


def _pad_front(values: tf.Tensor, length: int | tf.Tensor) -> tf.Tensor:
    """Puts `length` zeros before the last axis."""
    rank = values.shape.rank
    return tf.pad(values, [[0, 0]] * (rank - 1) + [[length, 0]])


def _last(values: tf.Tensor, length: int) -> tf.Tensor:
    """Returns the last `length` of `[batch, n]`, zeros in front where n is less."""
    last = _pad_front(values, length)[:, -length:]
    return tf.ensure_shape(last, [None, length])


def _fit(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Brings `[batch, m]` to the length of `like [batch, n]`, last elements kept."""
    length = tf.shape(like)[1]
    padded = _pad_front(values, length)
    return padded[:, tf.shape(padded)[1] - length :]
