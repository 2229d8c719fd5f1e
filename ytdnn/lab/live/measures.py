"""Daily sums of each user, and the metrics computed from them.

A visit is a shown slate of the home page. Watches from a slate count for the slate;
watches from search, series or related videos count only in the total of a user
(`watch_seconds_per_user`).
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ytdnn.lab.metrics import ab_test
from ytdnn.lab.world import corpus, event_recorder, generate

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

YOUNG_DAYS = (1, 7, 30)
HEADLINE = "watch_seconds_per_visit"

_VISITS, _SHOWN, _CLICKS, _SECONDS = "visits", "impressions", "clicks", "seconds"
_CHANNELS, _ALL_SECONDS, _USERS = "channels", "all_seconds", "users"


def _young(days: int) -> str:
    return f"seconds_younger_{days}"


SUMMED = (
    _VISITS,
    _SHOWN,
    _CLICKS,
    _SECONDS,
    _CHANNELS,
    _ALL_SECONDS,
    *map(_young, YOUNG_DAYS),
)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A ratio of two sums over users.

    Attributes:
      name: Name of the metric.
      meaning: Description for people.
      total: Numerator, one of `SUMMED`.
      count: Denominator, one of `SUMMED`, or `users`.
    """

    name: str
    meaning: str
    total: str
    count: str


METRICS = {
    one.name: one
    for one in (
        Metric(HEADLINE, "seconds watched of a slate", _SECONDS, _VISITS),
        Metric("clicks_per_visit", "videos of a slate clicked", _CLICKS, _VISITS),
        Metric("click_rate", "share of impressions clicked", _CLICKS, _SHOWN),
        Metric(
            "watch_seconds_per_user",
            "all seconds watched, found on slates or otherwise",
            _ALL_SECONDS,
            _USERS,
        ),
        *(
            Metric(
                f"share_younger_{days}d",
                f"share of watch time on videos younger than {days} "
                f"day{'s' if days > 1 else ''}",
                _young(days),
                _SECONDS,
            )
            for days in YOUNG_DAYS
        ),
        Metric("channels_per_visit", "channels of a slate", _CHANNELS, _VISITS),
    )
}


@dataclasses.dataclass(frozen=True)
class DaySums:
    """Sums over a day for each user with a visit; all others are 0.

    Attributes:
      users: `[n]` numbers, distinct.
      sums: `[n, len(SUMMED)]`.
    """

    users: Indices
    sums: Array


def event_sums(
    world: generate.World, happened: Iterable[event_recorder.Events], since: int = 0
) -> DaySums:
    """Returns the sums of events, without events before a time."""
    num_users = world.config.num_users
    sums = np.zeros((num_users, len(SUMMED)))
    for one in happened:
        _add_pages(world, sums, _later(one.impressions.columns(), since))
        watches = _later(one.watches.columns(), since)
        _add(sums, _ALL_SECONDS, watches["users"], watches["seconds"])
    users = np.flatnonzero(sums.any(axis=1))
    return DaySums(users, sums[users])


def _later(columns: dict[str, npt.NDArray], since: int) -> dict[str, npt.NDArray]:
    keep = columns["times"] >= since
    return {name: values[keep] for name, values in columns.items()}


def _add_pages(
    world: generate.World, sums: Array, shown: dict[str, npt.NDArray]
) -> None:
    """Adds the impressions, clicks and watch seconds of pages."""
    users, videos = shown["users"], shown["videos"]
    seconds = shown["seconds"].astype(np.float64)
    _add(sums, _SHOWN, users, np.ones(len(users)))
    _add(sums, _CLICKS, users, shown["clicked"])
    _add(sums, _SECONDS, users, seconds)
    first = np.unique(shown["pages"], return_index=True)[1]
    _add(sums, _VISITS, users[first], np.ones(len(first)))
    channels = world.shared.videos.channels
    pairs = shown["pages"] * (int(channels.max()) + 1) + channels[videos]
    first = np.unique(pairs, return_index=True)[1]
    _add(sums, _CHANNELS, users[first], np.ones(len(first)))
    age_days = shown["times"] - world.shared.videos.upload_times[videos]
    for days in YOUNG_DAYS:
        is_young = age_days < days * corpus.SECONDS_PER_DAY
        _add(sums, _young(days), users, seconds * is_young)


def _add(sums: Array, name: str, users: Indices, values: npt.NDArray) -> None:
    counts = np.bincount(users, values, minlength=len(sums))
    sums[:, SUMMED.index(name)] += counts


class Totals:
    """Sums of all users up to a day of the test, and sums before the test."""

    def __init__(self, num_users: int, earlier: DaySums) -> None:
        """Starts at zero.

        Args:
          num_users: Number of users of the world.
          earlier: Sums over the days before the test, as many as it will have.
        """
        self._sums = np.zeros((num_users, len(SUMMED)))
        self._earlier = np.zeros((num_users, len(SUMMED)))
        self._earlier[earlier.users] = earlier.sums

    def add(self, day: DaySums) -> None:
        """Adds a day."""
        self._sums[day.users] += day.sums

    def visitors(self, members: Indices) -> Indices:
        """Returns the users among `members` who were shown a slate in the test.

        Visits do not depend on the arm, so leaving out users without a visit does not
        bias the comparison.
        """
        return members[self._sums[members, SUMMED.index(_VISITS)] > 0]

    def sums(self, metric: Metric, members: Indices) -> ab_test.Sums:
        """Returns a metric's sums for users with a visit, in the test and before it."""
        return ab_test.Sums(
            *(
                _column(sums, name, members)
                for sums in (self._sums, self._earlier)
                for name in (metric.total, metric.count)
            )
        )

    def ratio(self, metric: Metric, members: Indices) -> ab_test.Ratio:
        """Returns a metric of users with a visit, in the test."""
        sums = self.sums(metric, members)
        return ab_test.ratio(sums.totals, sums.counts)

    def before(self, metric: Metric, members: Indices) -> ab_test.Sums:
        """Returns the sums of the days before the test as if they were the test's."""
        sums = self.sums(metric, members)
        nothing = np.zeros(len(members))
        return ab_test.Sums(sums.earlier_totals, sums.earlier_counts, nothing, nothing)


def _column(sums: Array, name: str, members: Indices) -> Array:
    if name == _USERS:
        return np.ones(len(members))
    return sums[members, SUMMED.index(name)]
