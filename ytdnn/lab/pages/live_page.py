"""The page of a live test: the arms, each against the first, day by day."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import markupsafe

from ytdnn.base.metrics import metric_names
from ytdnn.lab.live import measures
from ytdnn.lab.live import report as report_room
from ytdnn.lab.pages import headline, live_table, page, plots

_FEWEST_ARMS = 2  # that a scatter plot compares
_OFFLINE = (*metric_names.PAGE_VALUES, metric_names.TRUE_CLICKS, "hit_rate", "ndcg")
_YOUNG = [f"share_younger_{days}d" for days in measures.YOUNG_DAYS]


def draw(report: report_room.LiveReport) -> str:
    """Returns the page as HTML.

    Args:
      report: Report of the live test.
    """
    users = sum(arm.users for arm in report.arms.values())
    visits = sum(arm.visits for arm in report.arms.values())
    days = report.test["days"]
    summary = (
        f"{len(report.arms)} arms over {days} days: {users:,} users were shown "
        f"{visits:,} slates, each user those of one arm, chosen by a hash. All arms "
        f"are compared with {report.first}."
    )
    sections = [
        _arms(report),
        _against(report),
        _daily(report),
        _fresh(report),
        *_offline(report),
        _trust(report),
    ]
    return page.render("Live test", summary, sections, _finding(report))


def _finding(report: report_room.LiveReport) -> str:
    """Returns how each arm compares with the first, in a sentence."""
    metric = measures.HEADLINE
    told = []
    for name, found in report.differences.items():
        one = found[metric].difference
        if one.value is None or one.low is None or one.high is None:
            continue
        word = headline.verdict(one.low, one.high).lower()
        told.append(
            f"{name} {word} ({one.value:+,.0f}, 95 % interval {one.low:+,.0f} to "
            f"{one.high:+,.0f})"
        )
    if not told:
        return ""
    first = report.arms[report.first].metrics[metric].value
    return (
        f"Compared with {report.first} ({first:,.0f} {live_table.words(metric)}): "
        f"{'; '.join(told)}."
    )


def _arms(report: report_room.LiveReport) -> page.Section:
    arms = list(report.arms)
    rows: list[Sequence[page.Cell]] = []
    for name, metric in measures.METRICS.items():
        values = [arm.metrics[name].value for arm in report.arms.values()]
        rows.append([live_table.words(name), *values, metric.meaning])
    columns = ["", *arms, "meaning"]
    who: list[list[page.Cell]] = [
        [name, arm.meaning, arm.users, arm.visits, arm.serving_milliseconds]
        for name, arm in report.arms.items()
    ]
    headline = [_three(arm.metrics[measures.HEADLINE]) for arm in report.arms.values()]
    return page.Section(
        "Watch time and other metrics",
        "Seconds watched of a slate, with 95 % intervals over users, and everything "
        "else that was measured. What is found by search, series or related videos "
        "counts for watch seconds per user alone.",
        [
            plots.intervals(
                "Watch seconds per visit", arms, {"live": headline}, "seconds"
            ),
            page.Table(columns, rows, words=(0, len(columns) - 1)),
            page.Table(
                ["arm", "slates from", "users", "visits", "ms a slate"],
                who,
                words=(0, 1),
            ),
        ],
    )


def _against(report: report_room.LiveReport) -> page.Section:
    arms = list(report.differences)

    def threes(
        of: Callable[[report_room.ArmDifference], report_room.IntervalEstimate],
    ) -> list[plots.Interval]:
        found = (report.differences[arm][measures.HEADLINE] for arm in arms)
        return [_three(of(one)) for one in found]

    both = {
        "one look at the end": threes(lambda one: one.difference),
        "at any look": threes(lambda one: one.sequential),
    }
    rows: list[list[page.Cell]] = [
        [
            arm,
            live_table.words(name),
            one.lift.value,
            one.difference.value,
            one.difference.low,
            one.difference.high,
            one.sequential.low,
            one.sequential.high,
            one.variance_kept,
            one.sure_since,
        ]
        for arm in arms
        for name, one in report.differences[arm].items()
    ]
    columns = ["arm", "metric", "lift", "difference", "low", "high"]
    columns += ["low, any look", "high, any look", "variance left", "first sure on day"]
    return page.Section(
        f"Against {report.first}",
        "Differences of watch seconds per visit. CUPED takes off what the users' days "
        "before the test explain; what is left of the variance is in the table. An "
        "interval that excludes 0 is a difference; the wider one may be read every "
        "day, the narrower one once.",
        [
            plots.intervals(
                f"Watch seconds per visit, minus {report.first}", arms, both, "seconds"
            ),
            page.Details(
                "All metrics", [page.Table(columns, rows, words=(0, 1))], open=False
            ),
        ],
    )


def _daily(report: report_room.LiveReport) -> page.Section:
    days = [one.day for one in report.daily]
    values = {
        arm: plots.Series(days, [one.values[arm] for one in report.daily])
        for arm in report.arms
    }
    sequence = {
        arm: plots.Series(
            days,
            [one.differences[arm].value for one in report.daily],
            [one.differences[arm].low for one in report.daily],
            [one.differences[arm].high for one in report.daily],
        )
        for arm in report.differences
    }
    colours = {arm: place for place, arm in enumerate(report.arms, 1)}
    return page.Section(
        "Day by day",
        "Watch seconds per visit of each day, and the difference of all days so far "
        "with the interval that holds at every look: once its band leaves 0 the test "
        "may be stopped.",
        [
            plots.lines(
                "Each day", values, "day", "seconds per visit", colours=colours
            ),
            plots.lines(
                f"All days so far, minus {report.first}",
                sequence,
                "day",
                "seconds per visit",
                colours=colours,
            ),
        ],
    )


def _fresh(report: report_room.LiveReport) -> page.Section:
    arms = list(report.arms)
    shares = {
        f"younger than {days} d": [
            arm.metrics[name].value for arm in report.arms.values()
        ]
        for days, name in zip(measures.YOUNG_DAYS, _YOUNG, strict=True)
    }
    rows: list[list[page.Cell]] = [
        [name, arm.found_audience.value, arm.videos_shown, arm.effective_videos]
        for name, arm in report.arms.items()
    ]
    found = [_three(arm.found_audience) for arm in report.arms.values()]
    return page.Section(
        "New videos and variety",
        f"Of {report.good_uploads} good videos uploaded in the test, the share that "
        f"had {report.audience_clicks} clicks on the arm's slates within "
        f"{report.audience_days} days. Effective videos: as many videos, clicked "
        f"alike, would spread as the clicks do.",
        [
            plots.bars("Share of watch time", arms, shares),
            plots.intervals(
                "Good uploads that found an audience", arms, {"share": found}, "share"
            ),
            page.Table(
                ["arm", "found an audience", "videos shown", "effective videos"], rows
            ),
        ],
    )


def _offline(report: report_room.LiveReport) -> Iterator[page.Section]:
    """Yields the section on offline metrics of arms against their live metrics."""
    arms = [name for name in report.arms if name in report.offline]
    known = {m: None for arm in arms for m in report.offline[arm]}
    metrics = [
        metric
        for metric in known
        if metric_names.stem(metric) in _OFFLINE
        and all(metric in report.offline[arm] for arm in arms)
    ]
    if len(arms) < _FEWEST_ARMS or not metrics:
        return
    live = {arm: _three(report.arms[arm].metrics[measures.HEADLINE]) for arm in arms}
    first = metric_names.length(metrics[0])  # the shortest lists alone are drawn
    drawn = [metric for metric in metrics if metric_names.length(metric) == first]
    yield page.Section(
        "Which offline number would have picked the winner?",
        "What the evaluation of each run said of the lists that it serves, along, and "
        "the watch seconds per visit that it brought, up, with 95 % intervals over "
        "users. A number that picks winners has its points rise to the right.",
        [
            *(_scatter(metric, live, report.offline) for metric in drawn),
            page.Table(
                ["arm", "live", *map(metric_names.title, metrics)],
                [
                    [arm, live[arm][0], *(report.offline[arm][m] for m in metrics)]
                    for arm in arms
                ],
            ),
        ],
    )


def _scatter(
    metric: str,
    live: Mapping[str, plots.Interval],
    offline: Mapping[str, Mapping[str, float]],
) -> markupsafe.Markup:
    points = {
        arm: plots.Series([offline[arm][metric]], [value], [low], [high], "points")
        for arm, (value, low, high) in live.items()
    }
    name = metric_names.title(metric)
    title = f"Live against {name}"
    return plots.lines(title, points, f"{name}, offline", "watch seconds per visit")


def _trust(report: report_room.LiveReport) -> page.Section:
    blocks: list[page.Block] = list(live_table.notes(report))
    alarms = report.a_a
    if alarms is not None:
        rows: list[list[page.Cell]] = [
            ["one look at the end", alarms.fixed],
            ["sequential test, every day", alarms.sequential],
            ["the fixed test, looked at every day", alarms.peeking],
        ]
        caption = f"False alarms in {alarms.repeats} A/A splits"
        blocks.insert(0, page.Table(["test", "false alarms"], rows, caption))
    return page.Section(
        "Can it be trusted?",
        "Users who all saw the first arm are split in two, over and over: whatever is "
        "found is a false alarm. At 5 %, ten of two hundred are expected of one look, "
        "fewer of the sequential test, far more of looking daily at a fixed one.",
        blocks,
    )


def _three(one: report_room.IntervalEstimate) -> plots.Interval:
    return one.value, one.low, one.high
