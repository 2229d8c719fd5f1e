"""The split of users; daily comparisons of each arm with the first, and A/A tests.

Two intervals are reported: that of a single look at the end, and one that holds for any
number of looks (`lab/metrics/sequential.py`). The scale of the second is set before the
test, from the same users in the preceding days.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.lab.live import measures
from ytdnn.lab.metrics import ab_test, sequential

ALPHA = 1.0 - ab_test.LEVEL
REPEATS = 200  # splits: a false-alarm rate of .05 is known to about .015
_LEAST_USERS = 40  # of an A/A test, in both halves
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


@dataclasses.dataclass(frozen=True)
class FalseAlarms:
    """A/A tests of an arm, with the number of false alarms.

    Attributes:
      repeats: Number of splits of the users into two groups.
      users: Number of users.
      fixed: Number of splits with p < 0.05 in a single look at the end.
      sequential: Number of splits with a difference in the sequential test on any day.
      peeking: Number of splits with a difference in a daily look at the fixed test: the
        false alarms that the sequential test avoids.
    """

    repeats: int
    users: int
    fixed: int
    sequential: int
    peeking: int


class Looks:
    """The comparisons of a test, day after day.

    Attributes:
      totals: Sums of all days so far.
      now: Difference to the first arm over all days so far, by arm and metric.
      p_values: Smallest sequential p-value so far, by arm and metric.
    """

    def __init__(
        self,
        earlier: measures.DaySums,
        num_users: int,
        members: Sequence[measures.Indices],
        metrics: Sequence[str] = tuple(measures.METRICS),
    ) -> None:
        """Begins a test.

        Args:
          earlier: Sums of as many days before the test.
          num_users: Users of the world.
          members: Users of each arm.
          metrics: Names of the compared metrics.
        """
        self.totals = measures.Totals(num_users, earlier)
        self.now: dict[int, dict[str, ab_test.MeanDifference]] = {}
        self._last = measures.Totals(num_users, earlier)
        self._members, self._metrics, self._day = members, metrics, 0
        others = range(1, len(members))
        self.p_values = {arm: dict.fromkeys(metrics, 1.0) for arm in others}
        self._sure: dict[tuple[str, int], int] = {}
        self._mixtures = {
            (name, arm): self._mixture(name, arm) for name in metrics for arm in others
        }
        self._earlier, self._num_users = earlier, num_users

    def add(self, day: measures.DaySums) -> None:
        """Adds a day, and updates the comparisons."""
        self._day += 1
        self.totals.add(day)
        self._last = measures.Totals(self._num_users, self._earlier)
        self._last.add(day)
        for arm in range(1, len(self._members)):
            self.now[arm] = {name: self._look(name, arm) for name in self._metrics}

    def visitors(self, arm: int) -> measures.Indices:
        """Returns the users of an arm who were shown a slate so far."""
        return self.totals.visitors(self._members[arm])

    def half_width(self, name: str, arm: int) -> float:
        """Returns half the width of the current sequential interval."""
        mixture = self._mixtures[name, arm]
        return sequential.half_width(self.now[arm][name].variance, mixture, ALPHA)

    def sure_since(self, name: str, arm: int) -> int | None:
        """Returns the first day on which the sequential test found a difference."""
        return self._sure.get((name, arm))

    def last_day(self, name: str, arm: int) -> float:
        """Returns an arm's value on the last day only."""
        visitors = self._last.visitors(self._members[arm])
        return self._last.ratio(measures.METRICS[name], visitors).value

    def _look(self, name: str, arm: int) -> ab_test.MeanDifference:
        metric = measures.METRICS[name]
        first, second = (
            self.totals.sums(metric, self.visitors(place)) for place in (0, arm)
        )
        difference = ab_test.difference(first, second)
        p_value = sequential.p_value(
            difference.difference, difference.variance, self._mixtures[name, arm]
        )
        self.p_values[arm][name] = min(p_value, self.p_values[arm][name])
        if self.p_values[arm][name] < ALPHA:
            self._sure.setdefault((name, arm), self._day)
        return difference

    def _mixture(self, name: str, arm: int) -> float:
        """Returns τ², from the variance of the same users before the test."""
        metric = measures.METRICS[name]
        before = [
            self.totals.before(metric, self._members[place]) for place in (0, arm)
        ]
        difference = ab_test.difference(before[0], before[1], cuped=False)
        variance = difference.variance if difference.standard_error > 0.0 else 0.0
        return sequential.mixture_variance(variance)


def false_alarms(
    earlier: measures.DaySums,
    daily: Sequence[measures.DaySums],
    num_users: int,
    members: measures.Indices,
    metric: measures.Metric,
    repeats: int = REPEATS,
) -> FalseAlarms | None:
    """Splits users who all saw one arm into two, many times, and counts differences.

    Users do not influence each other, so a split of the played test is equivalent to
    another test, except that all splits share the random draws of the world.

    Args:
      earlier: Sums of as many days before the test.
      daily: Sums of each day.
      num_users: Users of the world.
      members: The users; the result is None if too few of them came.
      metric: The compared metric.
      repeats: Number of splits.
    """
    visitors = np.unique(np.concatenate([day.users for day in daily]))
    visitors = np.intersect1d(visitors, members)
    if len(visitors) < _LEAST_USERS:
        return None
    fixed = sequentially = peeking = 0
    for repeat in range(repeats):
        half = assign(num_users, 2, seed=1_000_000 + repeat)[members]
        halves = [members[half == place] for place in (0, 1)]
        looks = Looks(earlier, num_users, halves, [metric.name])
        alarms = []
        for day in daily:
            looks.add(day)
            alarms.append(looks.now[1][metric.name].p_value < ALPHA)
        fixed += alarms[-1]
        peeking += any(alarms)
        sequentially += looks.sure_since(metric.name, 1) is not None
    return FalseAlarms(repeats, len(visitors), fixed, sequentially, peeking)


def assign(num_users: int, num_arms: int, seed: int) -> npt.NDArray[np.int64]:
    """Returns the arm of each user, `[num_users]`, from 0, with equal probabilities.

    The bits of a user's number are mixed by SplitMix64 (Steele, Lea and Flood, 2014),
    so users of one test are spread anew in a test of another seed.

    Args:
      num_users: Users of the world.
      num_arms: Arms of the test.
      seed: Seed of the test.
    """
    with np.errstate(over="ignore"):
        start = _mixed(np.array([seed], np.uint64))
        mixed = _mixed(_mixed(np.arange(num_users, dtype=np.uint64)) ^ start)
    share = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (share * num_arms).astype(np.int64)


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = values + np.uint64(_STEP)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_SECOND)
    return values ^ (values >> np.uint64(31))
