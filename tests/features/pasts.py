"""What a user did before a request, by masks over the whole log: slow and plain."""

import dataclasses

import numpy as np
import polars as pl

from tests.features import contract
from ytdnn.log import prepared


@dataclasses.dataclass(frozen=True)
class Past:
    """A user's events before a request, oldest first, and the video of the request.

    Attributes:
      now: Time of the request.
      video: Catalogue index.
      watched: `[watches]` catalogue indices.
      watch_times: `[watches]`.
      watch_seconds: `[watches]`.
      shown: `[impressions]` catalogue indices.
      shown_times: `[impressions]`.
      clicked: `[impressions] bool`.
    """

    data: prepared.PreparedData
    now: int
    video: int
    watched: np.ndarray
    watch_times: np.ndarray
    watch_seconds: np.ndarray
    shown: np.ndarray
    shown_times: np.ndarray
    clicked: np.ndarray

    def value_of(self, column: str, video: int) -> object:
        """Returns a video's value in a column of `videos`, None where it has none."""
        values: pl.Series = self.data.videos[column]
        return values[int(video) - 1]

    def same(self, column: str, videos: np.ndarray) -> np.ndarray:
        """Returns which videos have the value of the video of the request."""
        mine = self.value_of(column, self.video)
        return np.array([self.value_of(column, v) == mine for v in videos], bool)


def of_impression(data: prepared.PreparedData, row: int) -> Past:
    """Returns the past of a logged impression."""
    shown = data.impressions
    end = data.watches.offsets[shown.users[row]] + shown.num_watches[row]
    user, now, video = shown.users[row], shown.times[row], shown.videos[row]
    return of_request(data, int(user), int(end), int(now), int(video))


def of_request(
    data: prepared.PreparedData, user: int, end: int, now: int, video: int
) -> Past:
    """Returns the past of a position; all impressions where its time is unknown."""
    shown, watches = data.impressions, data.watches
    mine = slice(int(watches.offsets[user]), end)
    before = np.flatnonzero((shown.users == user) & ((shown.times < now) | (now == 0)))
    assert watches.seconds is not None
    return Past(
        data=data,
        now=now,
        video=video,
        watched=watches.videos[mine],
        watch_times=watches.times[mine],
        watch_seconds=watches.seconds[mine],
        shown=shown.videos[before],
        shown_times=shown.times[before],
        clicked=shown.clicked[before],
    )


class PastContract(contract.FeatureContract):
    """The contract, and the values by hand; a subclass says what they are."""

    def by_hand(self, past: Past) -> float:
        raise NotImplementedError

    def test_logged_impressions_have_the_value_by_hand(
        self, data: prepared.PreparedData
    ) -> None:
        rows = np.arange(0, len(data.impressions), 7)
        found = contract._at_impressions(self.feature(data), data, rows).numpy().ravel()
        expected = [self.by_hand(of_impression(data, int(row))) for row in rows]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
        assert len(set(found.tolist())) > 2

    def test_other_videos_and_unknown_times_have_the_value_by_hand(
        self, data: prepared.PreparedData
    ) -> None:
        split_requests = contract.SplitRequests.from_data(data)
        times = split_requests.times.copy()
        times[::3] = 0
        split_requests = contract.SplitRequests(
            split_requests.users, split_requests.ends, times, split_requests.videos
        )
        found = self._values(self.feature(data), data, split_requests).numpy()
        found = found.reshape(len(times), -1)
        for i, values in enumerate(found):
            for value, video in zip(values, split_requests.videos[i], strict=False):
                past = of_request(
                    data,
                    int(split_requests.users[i]),
                    int(split_requests.ends[i]),
                    int(times[i]),
                    int(video),
                )
                assert abs(value - self.by_hand(past)) <= 1e-4 + 1e-5 * abs(value)


def mean(values: np.ndarray) -> float:
    """Returns the mean, -1 of none."""
    return float(np.mean(values)) if len(values) else -1.0


def since(past: Past, times: np.ndarray) -> float:
    """Returns the seconds since the last of some times, -1 where not known."""
    return float(past.now - times.max()) if len(times) and past.now else -1.0
