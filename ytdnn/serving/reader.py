"""From a raw request to the features of both models, inside the graph.

What training cuts from the prepared arrays is rebuilt here from ids, strings and
lists, and ends in the same functions, so a position gives the same tensors.
"""

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared
from ytdnn.layers import request_time, tokens
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
        if data.has_searches:
            words = data.tokens[prepared.TOKEN].to_list()
            self._texts[schema.SEARCHES] = vocabularies.TextVocabulary(words)

    def user_features(
        self, request: Request, history_length: int, search_length: int
    ) -> Features:
        """Returns what the user tower reads, each `[batch, 1]` or `[batch, rows]`.

        The example age is 0: a request is made at the end of the training window
        (PAPER §3.3).

        Args:
          request: Raw, `[batch, …]`.
          history_length: Most recent watches in the history.
          search_length: Most recent searches in the bag of tokens.
        """
        ids, times = self._watches(request)
        num_watches = tf.reduce_sum(tf.cast(self.videos.present(ids), tf.int32), axis=1)
        first_rows = history_length - tf.minimum(num_watches, history_length)
        of_request = {
            schema.FIRST_ROWS: first_rows,
            schema.EXAMPLE_AGE: tf.zeros(tf.shape(first_rows)),
            **self._demographics(request),
            **self._situation(request, _last(times, 1)[:, 0]),
        }
        features = {name: values[:, tf.newaxis] for name, values in of_request.items()}
        if schema.QUERIES in request:
            features |= self._searches(request[schema.QUERIES], search_length)
        return features | {
            schema.WATCH_ROWS: _last(self.videos.indices(ids), history_length)
        }

    def _situation(self, request: Request, last_times: tf.Tensor) -> Features:
        """Returns what the request says of itself, `[batch]` each."""
        found = {}
        if schema.DEVICE in request:
            devices = self._texts[schema.DEVICE]
            found[schema.DEVICE_INDEX] = devices.indices(request[schema.DEVICE])
        if schema.LOGGED_IN in request:
            state = tf.clip_by_value(request[schema.LOGGED_IN], -1, 1)
            found[schema.LOGGED_IN_STATE] = tf.cast(state, tf.float32)
        if schema.TIME in request:
            now = request[schema.TIME]
            found[schema.REQUEST_TIMES] = now
            found[schema.SECONDS_SINCE_LAST_WATCH] = request_time.seconds_since(
                now, last_times
            )
        return found

    def _searches(self, queries: tf.Tensor, search_length: int) -> Features:
        """Returns the tokens of the last searches that have a word.

        Args:
          queries: `[batch, length] string`.
          search_length: Most recent searches in the bag.
        """
        found = tokens.tokenise(tf.reshape(queries, [-1]))
        sizes = tf.reshape(found.row_lengths(), tf.shape(queries))
        has_word = tf.cast(sizes > 0, tf.int32)
        from_here_on = tf.cumsum(has_word, axis=1, reverse=True)
        is_recent = tf.reshape(from_here_on <= search_length, [-1])
        indices = self._texts[schema.SEARCHES].indices(found.values)
        is_recent = tf.repeat(is_recent, found.row_lengths())
        indices = tf.where(is_recent, indices, tf.zeros_like(indices))
        rows = tf.RaggedTensor.from_row_lengths(
            indices, tf.reduce_sum(sizes, axis=1), validate=False
        ).to_tensor(0)
        first = tf.zeros([tf.shape(rows)[0], 1], tf.int32)
        return {
            schema.SEARCH_TOKENS: rows,
            schema.FIRST_TOKENS: first,
            schema.END_TOKENS: first + tf.shape(rows)[1],
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
