"""Sums over a user's earlier watches or impressions, in a log or in a request.

A feature is a formula of such sums (`past_formulas`), the same for both, and
both sum the same numbers exactly: counts, or multiples of a power of two.
"""

import abc
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import column_features
from ytdnn.log import log_tensors, prepared

# What is summed over events.
EVENTS = "events"  # 1 each
SECONDS, WITH_SECONDS = "seconds", "with_seconds"  # of watches whose time is known
FRACTIONS, WITH_FRACTION = "fractions", "with_fraction"  # duration known as well
CLICKS, WITH_CLICK = "clicks", "with_click"  # of impressions whose click is known
# Events among the user's most recent ones.
DAYS = {"last_day": 1, "last_3_days": 3, "last_7_days": 7, "last_21_days": 21}
LAST = {"last_10": 10, "last_50": 50, "last_96": 96}

VIDEO = f"{schema.VIDEOS}.{schema.VIDEO_ID}"
KEY_COLUMNS = tuple(
    f"{schema.VIDEOS}.{column}"
    for column in (schema.CHANNEL_ID, schema.TOPIC, schema.LANGUAGE)
)
# Float64 holds sums of multiples of these without rounding, in any order.
_SECOND_PARTS, _FRACTION_PARTS = 2.0**16, 2.0**20


class PastSums(abc.ABC):
    """Sums over the events of each user strictly before a request."""

    @property
    @abc.abstractmethod
    def times(self) -> tf.Tensor:
        """Times of the requests, `[..., 1] int64`, 0 = unknown."""

    @property
    @abc.abstractmethod
    def is_known(self) -> tf.Tensor:
        """Whether each video has a value in the column, `[..., k] bool`."""

    @abc.abstractmethod
    def key_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over events of the video's key, `[..., k] float64`.

        Args:
          name: Name of the value to sum; the sum is 0 if the key is missing.
        """

    @abc.abstractmethod
    def user_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over all of the user's events, `[..., 1] float64`."""

    @abc.abstractmethod
    def latest(self) -> tf.Tensor:
        """Returns the time of the last event of the key, `[..., k] int64`, 0 = none."""

    def seconds_since_latest(self) -> tf.Tensor:
        """Returns the seconds since the last event, `[..., k] float32`, -1 = unknown.

        It is `MISSING` too if there is none.
        """
        return log_tensors.seconds_since(self.times, self.latest())


def keys(data: prepared.PreparedData, column: str) -> npt.NDArray[np.int64]:
    """Returns the key of each video of the catalogue after row 0, 0 = unknown.

    Args:
      data: The prepared set.
      column: Name such as "videos.channel_id"; `VIDEO`: the video itself.
    """
    if column == VIDEO:
        return np.arange(data.num_videos + 1)
    if column not in data.catalogue.columns:
        return np.zeros(data.num_videos + 1, np.int64)
    return column_features.TextColumn(column, column).rows(data).astype(np.int64)


def durations(catalogue: prepared.Catalogue) -> npt.NDArray[np.float64]:
    """Returns the seconds of each video of the catalogue after row 0, 0 = unknown."""
    if f"{schema.VIDEOS}.{schema.DURATION_SECONDS}" not in catalogue.columns:
        return np.zeros(catalogue.num_videos + 1)
    known = catalogue.videos[schema.DURATION_SECONDS].cast(pl.Float64).fill_nan(None)
    return np.append(0.0, known.fill_null(0.0).to_numpy())


def seconds_sums(
    seconds: Any, video_seconds: Any, is_known: Any
) -> dict[str, tf.Tensor]:
    """Returns the summed values of watch times by name, each `[...] float64`.

    Args:
      seconds: `[...]` watch seconds, at least 0 where `is_known`.
      video_seconds: `[...] float64` durations of the videos, 0 = unknown.
      is_known: `[...] bool`, whether `seconds` is recorded.
    """
    seconds = tf.cast(seconds, tf.float64)
    with_seconds = tf.cast(is_known, tf.float64)
    with_fraction = with_seconds * tf.cast(video_seconds > 0.0, tf.float64)
    fractions = tf.minimum(tf.math.divide_no_nan(seconds, video_seconds), 1.0)
    return {
        WITH_SECONDS: with_seconds,
        SECONDS: with_seconds * tf.round(seconds * _SECOND_PARTS) / _SECOND_PARTS,
        WITH_FRACTION: with_fraction,
        FRACTIONS: with_fraction
        * tf.round(fractions * _FRACTION_PARTS)
        / _FRACTION_PARTS,
    }
