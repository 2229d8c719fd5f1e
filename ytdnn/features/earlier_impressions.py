"""Earlier impressions of the video to this user: how many, how long ago (PAPER §4.1).

Shown and not watched, a video should be demoted at the next request ("churn").
"""

import abc

import numpy as np
import tensorflow as tf

from ytdnn import ragged
from ytdnn.data import fields, positions, prepared
from ytdnn.data import request as raw_request
from ytdnn.features import encodings, interface

_NEVER = np.iinfo(np.int64).max  # all impressions are before it


class _OfPair(encodings.Continuous, interface.ReadAtRequest):
    """What a join of the user's impressions of the video before the request gives."""

    scope = interface.Scope.PAIR
    columns = ("impressions.time",)
    networks = default_in = frozenset({interface.RANKING})

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns what was shown, and the time of the request."""
        return fields.time(), *fields.shown(data)

    @abc.abstractmethod
    def of_join(
        self, join: ragged.Earlier, pairs: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Returns the value of each pair of user and video before its time, `[n]`."""

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Joins the logged impressions at once, others when they are asked for."""
        shown, stride = log.data.impressions, log.data.num_videos + 1
        pairs = shown.users.astype(np.int64) * stride + shown.videos
        times = np.asarray(shown.times)
        join = ragged.Earlier(pairs, times)
        with tf.device("CPU"):
            of_logged = tf.constant(self.of_join(join, pairs, times), tf.float32)

        def read(at: positions.Positions) -> tf.Tensor:
            if at.is_logged:
                return tf.gather(of_logged, at.rows)[..., tf.newaxis]
            videos = np.asarray(at.videos, np.int64)
            users = np.asarray(at.users, np.int64)[..., np.newaxis]
            asked = np.where(np.asarray(at.times) == 0, _NEVER, at.times)
            asked = np.broadcast_to(asked[..., np.newaxis], videos.shape).ravel()
            found = self.of_join(join, (users * stride + videos).ravel(), asked)
            return tf.constant(found.reshape(videos.shape), tf.float32)

        return read


class NumEarlierImpressions(_OfPair):
    """How often the video was shown to the user strictly before the request."""

    name = "num_earlier_impressions"

    def of_join(
        self, join: ragged.Earlier, pairs: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Counts."""
        return join.count(pairs, times)

    def open_request(self, data: prepared.PreparedData) -> interface.RequestReader:
        """Counts what is given."""
        del data
        return interface.FromRequest(_count)


class SecondsSinceImpression(_OfPair):
    """Seconds since the video was last shown to the user, -1 = never or unknown."""

    name = "seconds_since_impression"

    def of_join(
        self, join: ragged.Earlier, pairs: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Finds the latest."""
        latest = join.latest(pairs, times)
        known = (times != _NEVER) & (latest != 0)
        return np.where(known, times - latest, positions.MISSING)

    def open_request(self, data: prepared.PreparedData) -> interface.RequestReader:
        """Finds the latest of what is given."""
        del data
        return interface.FromRequest(_seconds_since)


def _count(request: raw_request.Request) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(request.is_shown_before, tf.float32), axis=-1)


def _seconds_since(request: raw_request.Request) -> tf.Tensor:
    times = request.shown_times[:, tf.newaxis, :]
    known = tf.where(request.is_shown_before, times, tf.zeros_like(times))
    latest = tf.reduce_max(raw_request.pad_front(known, 1), axis=-1)
    return positions.seconds_since(request.times[:, tf.newaxis], latest)


FEATURES = (SecondsSinceImpression(), NumEarlierImpressions())
