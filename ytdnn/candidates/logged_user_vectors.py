"""Users' vectors from a prepared set, for the index, evaluation and the ranker."""

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, ragged, schema
from ytdnn.candidates import user_tower
from ytdnn.log import log_tensors, prepared, slice_batches

_CONTEXT_BATCH = 1024


class FromLogs:
    """Users' vectors from a prepared set, of a network or of several.

    Attributes:
      config: Settings of candidate generation.
      vector_dim: Width of served vectors.
      tower_inputs: Inputs of the user tower.
    """

    config: configs.CandidatesConfig
    vector_dim: int
    tower_inputs: user_tower.TowerInputs

    def query_vectors(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        raise NotImplementedError

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors from the events before given watches.

        The request is the watch's own: its device and, if the model reads it, its time.
        After a user's last watch these are missing.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions in the watch arrays where each user's
            context ends (the watch there is not in it).
          times: `[n]` times of the requests; only earlier searches count; None: those
            before the watch.

        Returns:
          `[n, vector_dim] float32`.
        """
        log = self.open_log(data)
        num_searches = None
        if times is not None and log.searches is not None:
            num_searches = data.log.searches.num_before(users, times)
        return self.vectors_at(log, users, end_watches, num_searches)

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: np.ndarray
    ) -> np.ndarray:
        """Returns users' vectors at the requests of logged impressions.

        Args:
          data: The prepared set.
          impression_rows: `[n]` rows of the impression arrays, one of each request.

        Returns:
          `[n, vector_dim] float32`.
        """
        log, shown = self.open_log(data), data.impressions
        users = np.asarray(shown.users)[impression_rows]
        starts = np.asarray(data.watches.offsets)[users]
        ends = starts + np.asarray(shown.num_watches)[impression_rows]
        num_searches = None
        if log.searches is not None and shown.num_searches is not None:
            num_searches = np.asarray(shown.num_searches)[impression_rows]
        return self.vectors_at(log, users, ends, num_searches, impression_rows)

    def open_log(self, data: prepared.PreparedData) -> log_tensors.WatchLog:
        """Returns the tensors that the tower reads, with values as for a request."""
        return user_tower.open_log(self.tower_inputs, data, serving=True)

    def vectors_at(
        self,
        log: log_tensors.WatchLog,
        users: np.ndarray,
        end_watches: np.ndarray,
        num_searches: np.ndarray | None = None,
        impressions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors, `[n, vector_dim] float32`, of an opened log.

        Args:
          log: The log from `open_log`.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          num_searches: `[n]` of the user's searches that count; None: those before the
            watch.
          impressions: `[n]` rows of impressions, if these are the requests; None:
            watches are.
        """
        vectors = [np.zeros([0, self.vector_dim], np.float32)]
        for rows in ragged.slices(len(users), _CONTEXT_BATCH):
            tensors = self._contexts(
                log,
                users[rows],
                end_watches[rows],
                None if num_searches is None else num_searches[rows],
                None if impressions is None else impressions[rows],
            )
            vectors.append(self.query_vectors(tensors)[:, 0].numpy())
        return np.concatenate(vectors)

    def readings(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Returns the value of each feature at requests, `[n, …]` by its name.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          times: `[n]` times of the requests.
        """
        log = self.open_log(data)
        num_searches = None
        if log.searches is not None:
            num_searches = data.log.searches.num_before(users, times)
        tensors = self._contexts(log, users, end_watches, num_searches)
        features = self.tower_inputs.features
        return {each.name: tensors[each.name][:, 0].numpy() for each in features}

    def _contexts(
        self,
        log: log_tensors.WatchLog,
        users: np.ndarray,
        ends: np.ndarray,
        *others: np.ndarray | None,
    ) -> dict[str, tf.Tensor]:
        lengths = self.config.history_length, self.config.search_length
        return contexts(log, users, ends, *lengths, *others)


def _impression_positions(
    log: log_tensors.WatchLog,
    users: tf.Tensor,
    ends: tf.Tensor,
    impressions: np.ndarray,
) -> log_tensors.Positions:
    """Returns positions with impressions as the requests' own events."""
    rows = tf.constant(np.asarray(impressions, np.int64))[:, tf.newaxis]
    return log_tensors.Positions(
        users=users,
        times=tf.gather(log.tensors.column(schema.IMPRESSIONS, "request_times"), rows),
        ends=ends,
        event="impressions",
        rows=rows,
        is_event=tf.ones_like(rows, tf.bool),
    )


def contexts(
    log: log_tensors.WatchLog,
    users: np.ndarray,
    ends: np.ndarray,
    history_length: int,
    search_length: int = 50,
    num_searches: np.ndarray | None = None,
    impressions: np.ndarray | None = None,
) -> slice_batches.Features:
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
      Features as of `slice_batches.cut`, without labels and weights, each `[n, 1]` or
      `[n, rows]`.
    """
    ends = tf.constant(np.asarray(ends, np.int64))[:, tf.newaxis]
    users = tf.constant(np.asarray(users, np.int32))[:, tf.newaxis]
    window = ends + tf.range(-history_length, 0, dtype=tf.int64)
    starts, stops = tf.gather(log.offsets, users), tf.gather(log.offsets, users + 1)
    foreign = tf.clip_by_value(starts - window[:, :1], 0, history_length)
    at = tf.minimum(ends, log.num_watches - 1)
    is_watch = ends < stops
    place = slice_batches.watch_positions(log, users, ends, at, is_watch)
    if impressions is not None:
        place = _impression_positions(log, users, ends, impressions)
    features = {
        **slice_batches.watch_rows(log, window),
        schema.FIRST_ROWS: tf.cast(foreign, tf.int32),
        **{name: reader(place) for name, reader in log.readers.items()},
    }
    if log.searches is not None:
        before = tf.cast(tf.gather(log.searches.num_before, at), tf.int64)
        offsets = log.searches.offsets
        total = tf.gather(offsets, users + 1) - tf.gather(offsets, users)
        before = tf.where(is_watch, before, total)
        if num_searches is not None:
            known = tf.constant(np.asarray(num_searches, np.int64))[:, tf.newaxis]
            before = tf.minimum(before, known)
        features |= log_tensors.searches_before(
            log.searches, users, before, search_length
        )
    return features
