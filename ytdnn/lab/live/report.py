"""The report of a live test: arms, differences, daily looks, an A/A test."""

import dataclasses
import math
from collections.abc import Mapping

from ytdnn.lab.live import comparing, exposure, measures, play
from ytdnn.lab.metrics import ab_test


@dataclasses.dataclass(frozen=True)
class IntervalEstimate:
    """A value and its 95 % interval over users; None where not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class ArmDifference:
    """The comparison of an arm with the first.

    Attributes:
      difference: Arm minus first, adjusted by CUPED, with the interval of one look.
      sequential: The same value with the interval that holds at every look.
      p_value: p-value of one look at the end.
      sequential_p_value: Smallest of all days, valid for any number of looks.
      lift: The same difference as a share of the first, with the interval of one look.
      variance_kept: Share of the variance that CUPED leaves.
      sure_since: Day of the test, from 1, from which a daily look shows a difference;
        None: on no day.
    """

    difference: IntervalEstimate
    sequential: IntervalEstimate
    p_value: float
    sequential_p_value: float
    lift: IntervalEstimate
    variance_kept: float
    sure_since: int | None


@dataclasses.dataclass(frozen=True)
class DayReport:
    """The headline metric after a day of the test.

    Attributes:
      day: From 1.
      values: Value of each arm on that day, without the days before.
      differences: Difference of each arm but the first over all days so far; the
        interval is the one that holds at every look.
      fixed: The same with the interval of a single look.
    """

    day: int
    values: dict[str, float | None]
    differences: dict[str, IntervalEstimate]
    fixed: dict[str, IntervalEstimate]


@dataclasses.dataclass(frozen=True)
class ArmReport:
    """Measurements of an arm.

    Attributes:
      meaning: Description of the policy that makes its pages.
      users: Users who were shown a page.
      visits: Pages shown.
      metrics: By name.
      found_audience: Share of the good uploads that found their audience, with an
        interval over videos.
      videos_shown: Distinct videos on its pages.
      effective_videos: `catalogue.CatalogueExposure.effective_videos`.
      serving_milliseconds: Time to serve a page in a batch, models loaded,
        milliseconds.
    """

    meaning: str
    users: int
    visits: int
    metrics: dict[str, IntervalEstimate]
    found_audience: IntervalEstimate
    videos_shown: int
    effective_videos: float
    serving_milliseconds: float


@dataclasses.dataclass(frozen=True)
class LiveReport:
    """The report of a live test.

    Attributes:
      test: Settings (`play.Test.described`), with `days`.
      arms: Arms by name; the others are compared with the first.
      differences: Comparisons by arm and metric.
      daily: Headline metric after each day.
      a_a: A/A tests of the headline metric on the users of the first arm; None where
        there are too few.
      good_uploads: Videos that could find their audience.
      audience_clicks: Clicks on pages that count as an audience.
      audience_days: Days after its upload within which a video must find its audience.
      offline: For each arm that is a run with an evaluation, by its name: metrics of
        its served lists, measured before the test.
    """

    test: Mapping[str, object]
    arms: dict[str, ArmReport]
    differences: dict[str, dict[str, ArmDifference]]
    daily: list[DayReport]
    a_a: comparing.FalseAlarms | None
    good_uploads: int
    audience_clicks: int
    audience_days: int
    offline: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    @property
    def first(self) -> str:
        """Name of the first arm, which the others are compared with."""
        return next(iter(self.arms))


def from_played(played: play.LiveOutcome) -> LiveReport:
    """Returns the report of a played test."""
    test = played.test
    members = [played.members(arm) for arm in range(len(test.arms))]
    looks = comparing.Looks(played.earlier, played.world.config.num_users, members)
    daily = []
    for number, day in enumerate(played.daily, 1):
        looks.add(day)
        daily.append(_day(test, number, looks))
    totals = looks.totals
    return LiveReport(
        test=test.described() | {"days": test.num_days},
        arms={
            arm.name: _arm(played, place, totals) for place, arm in enumerate(test.arms)
        },
        differences={
            arm.name: {
                name: _difference(looks, name, place) for name in measures.METRICS
            }
            for place, arm in enumerate(test.arms)
            if place
        },
        daily=daily,
        a_a=comparing.false_alarms(
            played.earlier,
            played.daily,
            played.world.config.num_users,
            members[0],
            measures.METRICS[measures.HEADLINE],
        ),
        good_uploads=len(played.catalogue.good),
        audience_clicks=exposure.AUDIENCE_CLICKS,
        audience_days=played.catalogue.audience_days,
    )


def _arm(played: play.LiveOutcome, place: int, totals: measures.Totals) -> ArmReport:
    arm = played.test.arms[place]
    visitors = totals.visitors(played.members(place))
    visits = totals.sums(measures.METRICS[measures.HEADLINE], visitors).counts
    served = played.serving[arm.name]
    pages = max(served[play.PAGES], 1)
    return ArmReport(
        meaning=arm.meaning,
        users=len(visitors),
        visits=int(visits.sum()),
        metrics={
            name: _estimate(*totals.ratio(metric, visitors))
            for name, metric in measures.METRICS.items()
        },
        found_audience=_share(played.catalogue.found_audience(place).tolist()),
        videos_shown=played.catalogue.num_shown(place),
        effective_videos=played.catalogue.effective_videos(place),
        serving_milliseconds=1_000.0 * served[play.SECONDS] / pages,
    )


def _difference(looks: comparing.Looks, name: str, place: int) -> ArmDifference:
    metric = measures.METRICS[name]
    look = looks.now[place][name]
    first = looks.totals.ratio(metric, looks.visitors(0))
    half = looks.half_width(name, place)
    value = look.difference
    return ArmDifference(
        difference=_estimate(value, look.standard_error),
        sequential=_between(value, value - half, value + half),
        p_value=look.p_value,
        sequential_p_value=looks.p_values[place][name],
        lift=_estimate(*ab_test.lift(first, look)),
        variance_kept=look.variance_kept,
        sure_since=looks.sure_since(name, place),
    )


def _day(test: play.Test, number: int, looks: comparing.Looks) -> DayReport:
    name, values, sequential, fixed = measures.HEADLINE, {}, {}, {}
    for place, arm in enumerate(test.names):
        values[arm] = _number(looks.last_day(name, place))
        if place:
            look = _difference(looks, name, place)
            sequential[arm], fixed[arm] = look.sequential, look.difference
    return DayReport(number, values, sequential, fixed)


def _estimate(value: float, standard_error: float) -> IntervalEstimate:
    return _between(value, *ab_test.interval(value, standard_error))


def _between(value: float, low: float, high: float) -> IntervalEstimate:
    return IntervalEstimate(*map(_number, (value, low, high)))


def _number(value: float) -> float | None:
    """Returns a number for JSON; None if it is not finite."""
    return float(value) if math.isfinite(value) else None


def _share(flags: list[bool]) -> IntervalEstimate:
    """Returns a share of independent videos, with the interval of Wilson (1927)."""
    number = len(flags)
    if not number:
        return IntervalEstimate(None, None, None)
    share, z = sum(flags) / number, 1.96
    middle = (share + z * z / (2 * number)) / (1 + z * z / number)
    spread = share * (1 - share) / number + z * z / (4 * number * number)
    half = z * math.sqrt(spread) / (1 + z * z / number)
    return IntervalEstimate(share, max(0.0, middle - half), min(1.0, middle + half))
