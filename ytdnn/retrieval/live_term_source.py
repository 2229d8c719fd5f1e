"""The candidate model with live terms in an exported graph (`live_terms`).

Counts are variables as of a moment, that of the export. They hold what of the log is
watched, not the whole catalogue, but for two numbers of each video.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.log import prepared, raw_request
from ytdnn.retrieval import interface, live_counts, live_terms, pool, row_ops

_FOLLOWED = len(live_terms.FOLLOWED_WINDOWS)


class LiveState(NamedTuple):
    """Counts as of a moment.

    Attributes:
      moment: The second before which watches count.
      popular: `[p] int32` the most popular videos.
      log_shares: `[num_videos + 1, windows] float32` of each video.
      rows: `[num_videos + 1] int32` row of each video in the tables below, 0 = none.
      following: `[r, NUM_FOLLOWING] int32` what followed, 0 = none.
      terms: `[r, NUM_FOLLOWING, windows] float32` their terms.
    """

    moment: int
    popular: npt.NDArray[np.int32]
    log_shares: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int32]
    following: npt.NDArray[np.int32]
    terms: npt.NDArray[np.float32]


def state(data: prepared.PreparedData, moment: int) -> LiveState:
    """Returns the counts of a log as of a moment.

    Args:
      data: The prepared set.
      moment: The second before which watches count.
    """
    return state_of_counts(live_counts.LiveCounts(data, moment), moment)


def state_of_counts(counts: live_counts.LiveCounts, moment: int) -> LiveState:
    """Returns the counts as of a moment.

    Args:
      counts: Watches of the four weeks before it.
      moment: The second before which watches count.
    """
    counted = live_counts.MovingCounts(counts, live_terms.WINDOWS).at(moment)
    live = live_terms.LiveTerms(counts)
    own = {int(v): live.following(int(v), moment) for v in counts.with_following()}
    own = {video: both for video, both in own.items() if len(both[0])}
    shape = len(own) + 1, live_terms.NUM_FOLLOWING
    of_videos = np.zeros(counts.size, np.int32)
    following = np.zeros(shape, np.int32)
    terms = np.zeros((*shape, _FOLLOWED), np.float32)
    for row, (video, (nexts, values)) in enumerate(own.items(), start=1):
        of_videos[video] = row
        following[row, : len(nexts)], terms[row, : len(nexts)] = nexts, values
    return LiveState(
        moment,
        live_terms.most_popular(counted).astype(np.int32),
        live_terms.log_shares(counted, counted.sum(axis=1)).astype(np.float32),
        of_videos,
        following,
        terms,
    )


class LiveSource(interface.Source):
    """Searches as the candidate model does, with live terms added to its scores."""

    kind = interface.TOWER

    def __init__(
        self, source: pool.TowerSource, known: LiveState, weights: live_terms.Weights
    ) -> None:
        """Stores the tables.

        Args:
          source: The candidate model.
          known: The counts.
          weights: Weights of the terms.
        """
        super().__init__(source.num)
        self._source = source
        self._network, self._own = weights.network, weights.own
        shape = live_terms.LAST_WATCHES, _FOLLOWED
        followed = np.reshape(weights.followed, shape).astype(np.float32)
        in_session = np.zeros_like(followed)
        in_session[0, -1] = weights.followed_in_session
        # A history has the last watch at its end.
        self._followed, self._in_session = followed[::-1], in_session[::-1]
        made = {
            name: _table(name, values)
            for name, values in tables(known, weights).items()
        }
        self._popular_score, self._session_score = made[_POPULAR], made[_SESSION]
        self._moment, self._popular = made["live_moment"], made["live_videos"]
        self._rows, self._following = made["live_rows"], made["live_following"]
        self._terms = made["live_terms"]

    def search(self, requests: interface.SourceRequests) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best permitted videos, best first.

        Returns:
          indices `[batch, num] int32` and scores `[batch, num] float32`, 0 and `-inf`
          where there is no candidate.
        """
        listed, scores = self._source.search(requests)
        is_listed = tf.math.is_finite(scores) & (listed > 0)
        least = tf.where(is_listed, scores, scores.dtype.max)
        least = tf.reduce_min(least, axis=1, keepdims=True)
        network = tf.where(is_listed, self._network * (scores - least), 0.0)
        in_session = self._in_session_of(requests)
        nexts, following = self._following_of(requests, in_session)
        popular = tf.tile(self._popular[tf.newaxis], [tf.shape(listed)[0], 1])
        parts = [listed, popular, nexts]
        scores = [network, tf.zeros_like(popular, tf.float32), following]
        if any(self._own):
            watched, before = self._watched_before(requests)
            parts, scores = [*parts, watched], [*scores, before]
        videos, added = tf.concat(parts, axis=1), tf.concat(scores, axis=1)
        first = tf.gather(self._session_score, videos)
        by = tf.gather(self._popular_score, videos) + row_ops.totals(videos, added)
        by += in_session[:, tf.newaxis] * first
        best, by = self.best_permitted(requests, videos, by, by)
        return best, tf.where(best > 0, by, float("-inf"))

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the best permitted videos."""
        videos, _ = self.search(requests)
        return interface.Proposal(videos, tf.zeros_like(videos))

    def _in_session_of(self, requests: interface.SourceRequests) -> tf.Tensor:
        """Returns 1 where the last watch was shortly before, `[batch] float32`."""
        last = requests.last_times
        if last is None:
            return tf.zeros(tf.shape(requests.watched)[:1])
        now = tf.where(requests.times == 0, self._moment, requests.times)
        is_short = now - last <= live_terms.SESSION_SECONDS
        return tf.cast(is_short & (last > 0), tf.float32)

    def _following_of(
        self, requests: interface.SourceRequests, in_session: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns videos that followed the last watches, and scores, `[batch, n]`."""
        last = raw_request.last(requests.watched, live_terms.LAST_WATCHES)
        places = tf.gather(self._rows, last)
        weights = self._followed + in_session[:, tf.newaxis, tf.newaxis] * (
            self._in_session
        )
        scores = tf.einsum("bhnw,bhw->bhn", tf.gather(self._terms, places), weights)
        size = live_terms.LAST_WATCHES * live_terms.NUM_FOLLOWING
        nexts = tf.gather(self._following, places)
        return tf.reshape(nexts, [-1, size]), tf.reshape(scores, [-1, size])

    def _watched_before(
        self, requests: interface.SourceRequests
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the last watches, and the scores of the first of each video."""
        history = raw_request.last(requests.watched, live_terms.HISTORY)
        places = np.arange(live_terms.HISTORY)[::-1]  # the last watch is at the end
        score = tf.zeros(tf.shape(history))
        for decay, weight in zip(live_terms.OWN_DECAYS, self._own, strict=True):
            one = tf.broadcast_to(np.float32(decay**places), tf.shape(history))
            sums = row_ops.totals(history, one) / live_terms.LEAST_OWN
            score += weight * tf.math.log1p(sums)
        is_first = (row_ops.occurrence(history) == 0) & (history > 0)
        return history, tf.where(is_first, score, 0.0)


def tables(known: LiveState, weights: live_terms.Weights) -> dict[str, npt.NDArray]:
    """Returns the values of the variables that counts are in, by name.

    Args:
      known: The counts.
      weights: Weights of the terms.
    """
    shares = known.log_shares.astype(np.float64)
    popular = shares @ np.array(weights.popular)
    first = weights.popular_in_session * shares[:, 0]
    return {
        _POPULAR: popular.astype(np.float32),
        _SESSION: first.astype(np.float32),
        "live_moment": np.array(known.moment, np.int64),
        "live_videos": known.popular,
        "live_rows": known.rows,
        "live_following": known.following,
        "live_terms": known.terms,
    }


_POPULAR, _SESSION = "live_popular_score", "live_session_score"


def _table(name: str, values: npt.NDArray) -> tf.Variable:
    """Returns a variable, of which a server may set any number of rows."""
    shape = tf.TensorShape([None, *values.shape[1:]] if values.ndim else [])
    return tf.Variable(values, trainable=False, name=name, shape=shape)
