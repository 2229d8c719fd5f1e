"""Watches of videos by their age (PAPER §3.3, figure 4).

A video is watched most in the days after its upload. On each day of the training
window, the videos of an age get a share of the day's watches; the share of a single
video of that age, over the share of the mean video, is the *rate* of the age. The
logarithm of the rate is added to scores, in training at the time of the example. So the
bias of a video compares it with other videos at the same age, and the bias of content
is right for a new upload too, which differs only in its age.

A video that was available in the training window and was never watched in it is no new
upload. Its expected number of watches is E and it had none: with a prior worth one
watch (gamma of shape 1, Poisson counts) its rate is 1 / (1 + E) of the rate of its age.
"""

import dataclasses
import functools
import json
import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import artifacts, schema
from ytdnn.features import counter_sums
from ytdnn.log import log_tensors, prepared, slice_batches

_DAY_SECONDS = 86_400
_EDGES = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 18, 23, 30, 40, 55, 75, 100, 150, 250, 400)
_OLDEST = _EDGES[-1]  # days
_PRIOR = 20.0  # watches
_UNKNOWN = np.iinfo(np.int32).min // 2  # day of an upload that is not known

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class PopularityByAge:
    """Rates by age, and the ages of a catalogue.

    Attributes:
      log_rates: Logarithm of the rate of each age in days, the last for all older ages.
      log_unwatched: `[catalogue + 1] float32`, offset of the scores of videos never
        watched in training; 0 for others.
      upload_days: `[catalogue + 1]` days since the epoch; `_UNKNOWN` where unknown.
      serving_moment: Moment of served counters, seconds since the epoch.
      traffic: Watches of the training window.
    """

    log_rates: tuple[float, ...]
    log_unwatched: npt.NDArray[np.float32]
    upload_days: Days
    serving_moment: int
    traffic: "Traffic"

    def offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns the offsets of scores, `[n, m] float32`, 0 for an unknown age.

        Args:
          times: `[n] int64` times of the requests, seconds since the epoch.
          videos: `[m] int32` catalogue indices.
        """
        return self.own_offsets(times[:, tf.newaxis], videos)

    def own_offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns the score offset of each video at its own time, `[...] float32`.

        Args:
          times: `[...] int64` times of the requests, seconds since the epoch.
          videos: `[...] int32` catalogue indices, of a shape that broadcasts with
            `times`.
        """
        days = tf.cast(times // _DAY_SECONDS, tf.int32)
        uploads = tf.gather(self._uploads, videos)
        ages = tf.clip_by_value(days - uploads, 0, _OLDEST)
        rates = tf.gather(tf.constant(self.log_rates, tf.float32), ages)
        return tf.where(uploads > _UNKNOWN, rates, 0.0)

    def are_out(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether each video was out on the day of each time, `[n, m] bool`."""
        days = tf.cast(times // _DAY_SECONDS, tf.int32)[:, tf.newaxis]
        return tf.gather(self._uploads, videos) <= days

    @functools.cached_property
    def _uploads(self) -> tf.Tensor:
        return log_tensors.constant(self.upload_days)

    def at(self, moment: int | None = None) -> npt.NDArray[np.float32]:
        """Returns the offsets of all scores at a moment, `[catalogue + 1] float32`.

        Args:
          moment: Seconds since the epoch; None: the serving moment.
        """
        day = (self.serving_moment if moment is None else moment) // _DAY_SECONDS
        ages = np.clip(day - self.upload_days, 0, _OLDEST)
        rates = np.asarray(self.log_rates, np.float32)[ages]
        return np.where(self.upload_days > _UNKNOWN, rates, 0.0) + self.log_unwatched

    def write(self, path: pathlib.Path) -> None:
        """Writes the rates and the traffic."""
        traffic = dataclasses.asdict(self.traffic)
        artifacts.write_json(path, {"log_rates": self.log_rates, "traffic": traffic})


@dataclasses.dataclass(frozen=True)
class Traffic:
    """The watches of each day of a window, and the number of videos that share them.

    Attributes:
      first_day: First day of the window, days since the epoch.
      watches: Number of labels of each day.
      num_videos: Number of videos that share them.
    """

    first_day: int
    watches: tuple[float, ...]
    num_videos: int

    def expected(self, uploads: Days, rates: Floats) -> Floats:
        """Returns how many labels a mean video of each upload day gets, `[n]`.

        Args:
          uploads: `[n]` days of upload.
          rates: Rate of each age in days.
        """
        days, places = np.unique(uploads, return_inverse=True)
        totals = np.zeros(len(days))
        for place, count in enumerate(self.watches):
            ages = self.first_day + place - days
            is_out = (ages >= 0) & (days > _UNKNOWN)
            of_ages = rates[np.clip(ages, 0, _OLDEST)]
            totals += np.where(is_out, count / max(1, self.num_videos) * of_ages, 0.0)
        return totals[places]


def measure(data: prepared.PreparedData) -> PopularityByAge | None:
    """Returns the rates of the training window; None: no video has an upload time."""
    uploads = _upload_days(data.catalogue)
    if not (uploads > _UNKNOWN).any():
        return None
    of_days, of_ages = _labels(data, uploads)
    watched = np.flatnonzero(of_days)
    first = int(watched.min(initial=watched.max(initial=0)))
    counts = np.trim_zeros(of_days).astype(float)
    traffic = Traffic(first, tuple(counts.tolist()), data.vocabulary_size)
    of_videos = uploads[1 : data.vocabulary_size + 1]
    rates = _rates(of_ages, of_videos[of_videos > _UNKNOWN], traffic)
    return _made(data, uploads, np.log(rates), traffic)


def _labels(data: prepared.PreparedData, uploads: Days) -> tuple[Counts, Counts]:
    """Returns the number of training labels by day, and by age of the video.

    Args:
      data: The prepared set.
      uploads: `[catalogue + 1]` days.

    Returns:
      `[days]` since the epoch, and `[_OLDEST + 1]` of videos with an upload time.
    """
    of_days, of_ages = np.zeros(0, np.int64), np.zeros(_OLDEST + 1, np.int64)
    for shard in data.log.shards:
        watches = shard.read().watches
        is_label = slice_batches.are_labels(watches, data.vocabulary_size)
        days = (np.asarray(watches.times)[is_label] // _DAY_SECONDS).astype(np.int64)
        more = np.bincount(days, minlength=len(of_days))
        more[: len(of_days)] += of_days
        of_days = more
        of_labels = uploads[np.asarray(watches.videos)[is_label]]
        ages = (days - of_labels)[of_labels > _UNKNOWN]
        of_ages += np.bincount(np.clip(ages, 0, _OLDEST), minlength=_OLDEST + 1)
    return of_days, of_ages


def read(path: pathlib.Path, data: prepared.PreparedData) -> PopularityByAge:
    """Returns the rates that `write` wrote, for the catalogue of a prepared set."""
    values = json.loads(path.read_text())
    traffic = values["traffic"] | {"watches": tuple(values["traffic"]["watches"])}
    log_rates = np.array(values["log_rates"])
    return _made(data, _upload_days(data.catalogue), log_rates, Traffic(**traffic))


def _made(
    data: prepared.PreparedData, uploads: Days, log_rates: Floats, traffic: Traffic
) -> PopularityByAge:
    expected = traffic.expected(uploads, np.exp(log_rates))
    expected[: data.vocabulary_size + 1] = 0.0
    return PopularityByAge(
        log_rates=tuple(log_rates.tolist()),
        log_unwatched=-np.log1p(expected).astype(np.float32),
        upload_days=uploads,
        serving_moment=counter_sums.serving_moment(data),
        traffic=traffic,
    )


def _rates(of_ages: Counts, uploads: Days, traffic: Traffic) -> Floats:
    """Returns the rate of each age in days, `[_OLDEST + 1]`.

    Args:
      of_ages: `[_OLDEST + 1]` labels of each age of their video in days.
      uploads: `[videos]` days of upload.
      traffic: Watches of the training window by day.
    """
    all_ages = np.arange(_OLDEST + 1)
    bins = np.searchsorted(_EDGES, all_ages, side="right") - 1

    def binned(ages: npt.NDArray[np.integer], weights: npt.NDArray) -> Floats:
        inside = bins[np.clip(ages, 0, _OLDEST)]
        return np.bincount(inside, weights, minlength=len(_EDGES)).astype(float)

    shared = np.zeros(len(_EDGES))
    days, numbers = np.unique(uploads, return_counts=True)
    for place, count in enumerate(traffic.watches):
        day = traffic.first_day + place
        out = days <= day
        share = count * numbers[out] / max(1, numbers[out].sum())
        shared += binned(day - days[out], share)
    return ((binned(all_ages, of_ages) + _PRIOR) / (shared + _PRIOR))[bins]


def _upload_days(catalogue: prepared.Catalogue) -> Days:
    if schema.UPLOAD_TIME not in catalogue.videos.columns:
        return np.full(catalogue.num_videos + 1, _UNKNOWN, np.int32)
    times = catalogue.videos[schema.UPLOAD_TIME].cast(pl.Int64)
    days = (times // _DAY_SECONDS).fill_null(_UNKNOWN).to_numpy()
    return np.append(_UNKNOWN, days).astype(np.int32)
