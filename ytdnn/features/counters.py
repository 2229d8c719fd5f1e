"""Counters: sums over all users' events, as of the request (PAPER §4.1).

A counter is a group of videos (each by itself, or those of a channel, a topic or
another column), a quantity of its events, and a window: the last hour, day or week, or
ever. Its value at a position counts everything strictly before the second of the
request, less `data.counters_delay_seconds`, in training and evaluation alike. The
request of a logged impression is its slate's first: a counter that moved within a slate
would order it by time.

An exported model has the counters of the serving moment.
"""

import abc
import tempfile
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.features import base_feature, counter_sums, encodings, point_in_time_sums
from ytdnn.log import log_tensors, prepared


def _logged_rows(data: prepared.PreparedData) -> tuple[npt.NDArray, tf.Tensor]:
    """Returns the rows of `logged` that the impressions of a set or window have.

    Returns:
      `[rows]` of `logged`, ascending; and `[impressions] int32` place among them, -1
      for impressions before the ranker's windows, which are only history.
    """
    shown, numbers = data.impressions, counter_sums.ranked_numbers(data)
    rows = np.searchsorted(numbers, counter_sums.numbers_of(data, shown.ranked))
    used, own = np.unique(rows, return_inverse=True)
    places = np.full(len(shown), -1, np.int32)
    places[shown.ranked] = own
    return used, log_tensors.constant(places)


class _ValuesFile:
    """Values of all of `logged`, in a file, of which a window reads only its own."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._places: dict[str, tuple[int, int]] = {}

    def once(self, name: str, make: Callable[[], npt.NDArray]) -> npt.NDArray:
        """Returns `make()`, `[n] float32`, computed once."""
        if name not in self._places:
            values = make()
            self._places[name] = self._file.seek(0, 2), len(values)
            values.tofile(self._file)
            self._file.flush()
            return values
        start, size = self._places[name]
        if not size:
            return np.zeros(0, np.float32)
        return np.memmap(self._file, np.float32, "r", start, (size,))


class _PositionRequests:
    """Requests for videos at positions, each pair of video and moment once."""

    def __init__(self) -> None:
        self._at: log_tensors.Positions | None = None
        self._requests: (
            tuple[counter_sums.CounterRequests, counter_sums.Integers] | None
        ) = None

    def at(
        self, log: log_tensors.LogTensors, at: log_tensors.Positions
    ) -> tuple[counter_sums.CounterRequests, counter_sums.Integers] | None:
        """Returns requests, and the row of each video; None: all are `served`.

        They are cached for the next counter that is read at the same positions.
        """
        if self._at is not at:
            self._at, self._requests = at, self._find(log.data, at)
        return self._requests

    def _find(
        self, data: prepared.PreparedData, at: log_tensors.Positions
    ) -> tuple[counter_sums.CounterRequests, counter_sums.Integers] | None:
        times, end = np.asarray(at.times), counter_sums.serving_moment(data)
        if at.is_shown:  # and of no window of the ranker
            times = data.impressions.request_times[np.asarray(at.rows)]
        moments = np.where(times == 0, end, times)
        if (moments == end).all():
            return None
        videos = np.asarray(at.videos)
        moments = np.broadcast_to(moments[..., np.newaxis], videos.shape)
        codes = point_in_time_sums.to_codes(videos, moments)
        distinct, rows = np.unique(codes, return_inverse=True)
        asked, moments = point_in_time_sums.from_codes(distinct)
        of_log = counter_sums.sums_at(data, moments, keep=True)
        requests = counter_sums.CounterRequests(of_log, asked, moments)
        return requests, rows.reshape(videos.shape)


class Counter(encodings.Continuous):
    """A number of the video's group as of the request; -1 without a group.

    Attributes:
      statistic: Name of the number, without its group and window.
      needs: Columns that it needs in addition to the group's, as "table.column".
    """

    scope = base_feature.Scope.VIDEO
    networks = frozenset({base_feature.RANKING})
    statistic: str
    needs: tuple[str, ...]

    def __init__(
        self,
        group: counter_sums.VideoGroup,
        window: counter_sums.CounterWindow = counter_sums.EVER,
        is_default: bool = True,
    ) -> None:
        """Declares the feature of a group of videos.

        Args:
          group: The group.
          window: Time that counts.
          is_default: Whether a ranker reads it unless a config removes it.
        """
        self.name = "_".join(filter(None, (group.name, self.statistic, window.name)))
        self.group, self.window = group, window
        self.columns = self.needs + group.columns
        self.default_in = self.networks if is_default else frozenset()

    def values(self, requests: counter_sums.CounterRequests) -> npt.NDArray[np.float32]:
        """Returns the number by video and moment."""
        values = np.empty(len(requests.videos), np.float32)
        start = 0
        for part in requests.parts():
            groups = self.group.video_groups(part.data)[part.videos]
            numbers = np.where(
                groups > 0, self.group_values(part, self.group), log_tensors.MISSING
            )
            values[start : start + len(numbers)] = numbers
            start += len(numbers)
        return values

    @abc.abstractmethod
    def group_values(
        self, requests: counter_sums.CounterRequests, group: counter_sums.VideoGroup
    ) -> counter_sums.Floats:
        """Returns the number of each video's group at each moment, `[n]`."""

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the values of logged impressions at once, counts others on demand."""
        data = log.data
        used, logged_places = log.once(_logged_rows, lambda: _logged_rows(data))
        asked = log.once(_PositionRequests, _PositionRequests)
        stored = data.once(_ValuesFile, _ValuesFile)
        of_log = stored.once(self.name, lambda: self.values(counter_sums.logged(data)))
        own = log_tensors.constant(of_log[used])
        served_values = self._served(data)

        def read(at: log_tensors.Positions) -> tf.Tensor:
            if at.is_shown and log_tensors.are_ranked(logged_places, at.rows):
                places = tf.gather(logged_places, at.rows)
                return tf.gather(own, places)[..., tf.newaxis]
            counted = asked.at(log, at)
            if counted is None:
                return tf.gather(served_values, at.videos)
            requests, places = counted
            return tf.constant(self.values(requests)[places])

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader of the table as of the serving moment."""
        return base_feature.RowsOfVideos(self._served(data).numpy(), "counters")

    def _served(self, data: prepared.PreparedData) -> tf.Tensor:
        return data.once(
            (counter_sums.served, self.name),
            lambda: log_tensors.constant(self.values(counter_sums.served(data))),
        )
