"""A live test (`lab/live/report.py`) as a page, and as tables in the terminal."""

from collections.abc import Callable, Iterator, Mapping

import markupsafe
from rich import console, text

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_summary, tables
from ytdnn.lab.live import measures, report
from ytdnn.lab.pages import page, plots

_FEWEST_ARMS = 2  # that a scatter plot compares
_OFFLINE = (*metric_names.PAGE_VALUES, metric_names.TRUE_CLICKS, "hit_rate", "ndcg")
_YOUNG = [f"share_younger_{days}d" for days in measures.YOUNG_DAYS]


def words(name: str) -> str:
    """Returns a metric's name for people."""
    return name.replace("_", " ")


def number(value: float) -> str:
    """Returns a number with about three digits."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.{1 if size >= 10 else 3}f}"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{number(value)}"


def draw(report: report.LiveReport) -> str:
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


def _finding(report: report.LiveReport) -> str:
    """Returns how each arm compares with the first, in a sentence."""
    metric = measures.HEADLINE
    told = []
    for name, metrics in report.differences.items():
        gain = metrics[metric].difference
        if gain.value is None or gain.low is None or gain.high is None:
            continue
        word = report_summary.verdict(gain.low, gain.high).lower()
        told.append(
            f"{name} {word} ({gain.value:+,.0f}, 95 % interval "
            f"{gain.low:+,.0f} to {gain.high:+,.0f})"
        )
    if not told:
        return ""
    first = report.arms[report.first].metrics[metric].value
    return (
        f"Compared with {report.first} ({first:,.0f} {words(metric)}): "
        f"{'; '.join(told)}."
    )


def render(report: report.LiveReport, width: int) -> console.Group:
    """Returns the arms, the differences to the first, and how to read them.

    Args:
      report: Report of the live test.
      width: Characters of a line of the terminal.
    """
    drawn = [
        tables.draw(make(report), width) for make in (arms_table, differences_table)
    ]
    return console.Group(*drawn, *map(text.Text, notes(report)))


def arms_table(report: report.LiveReport) -> tables.Table:
    """Returns metrics down and arms across."""
    arms = report.arms.values()
    rows: list[list[tables.Cell]] = [
        ["users shown a slate", *(arm.users for arm in arms)],
        ["visits", *(arm.visits for arm in arms)],
    ]
    for name in measures.METRICS:
        rows.append([words(name), *(_estimate(arm.metrics[name]) for arm in arms)])
    audiences = [_estimate(arm.found_audience) for arm in arms]
    rows += [
        ["uploads that found an audience", *audiences],
        ["videos shown", *(arm.videos_shown for arm in arms)],
        ["effective videos clicked", *(arm.effective_videos for arm in arms)],
        ["ms a slate", *(arm.serving_milliseconds for arm in arms)],
    ]
    caption = f"live test: {report.test['days']} days"
    return tables.Table(["", *report.arms], rows, caption)


def differences_table(report: report.LiveReport) -> tables.Table:
    """Returns each arm against the first, by every metric."""
    rows: list[list[tables.Cell]] = [
        [
            arm,
            words(name),
            _estimate(row.lift, "{:+.1%}".format),
            _estimate(row.difference, _signed),
            _estimate(row.sequential, _signed),
            f"day {row.sure_since}" if row.sure_since else tables.NONE,
        ]
        for arm, differences in report.differences.items()
        for name, row in differences.items()
    ]
    columns = ["arm", "metric", "lift", "difference, one look", "any look"]
    caption = f"against {report.first}"
    return tables.Table([*columns, "first sure"], rows, caption, words=(0, 1))


def _estimate(
    estimate: report.IntervalEstimate, show: Callable[[float], str] = number
) -> tables.NumberCell:
    return tables.NumberCell(estimate.value, estimate.low, estimate.high, show)


def _arms(report: report.LiveReport) -> page.Section:
    names = list(report.arms)
    headline = [_three(arm.metrics[measures.HEADLINE]) for arm in report.arms.values()]
    meanings = [[words(n), metric.meaning] for n, metric in measures.METRICS.items()]
    policies = [[name, arm.meaning] for name, arm in report.arms.items()]
    both = [
        page.Table(["arm", "slates from"], policies, words=(0, 1)),
        page.Table(["metric", "meaning"], meanings, words=(0, 1)),
    ]
    title = "Watch seconds per visit"
    plot = plots.intervals(title, names, {"live": headline}, "seconds")
    return page.Section(
        "Watch time and other metrics",
        "Seconds watched of a slate, with 95 % intervals over users, and everything "
        "else that was measured. What is found by search, series or related videos "
        "counts for watch seconds per user alone.",
        [
            plot,
            arms_table(report),
            page.Details("Meaning of each arm and metric", both),
        ],
    )


def _against(report: report.LiveReport) -> page.Section:
    ones = [metrics[measures.HEADLINE] for metrics in report.differences.values()]
    both = {
        "one look at the end": [_three(row.difference) for row in ones],
        "at any look": [_three(row.sequential) for row in ones],
    }
    title = f"Watch seconds per visit, minus {report.first}"
    return page.Section(
        f"Against {report.first}",
        "Differences of watch seconds per visit. CUPED takes off what the users' days "
        "before the test explain. An interval that excludes 0 is a difference; the "
        "wider one may be read every day, the narrower one once.",
        [
            plots.intervals(title, [*report.differences], both, "seconds"),
            page.Details("All metrics", [differences_table(report)]),
        ],
    )


def _daily(report: report.LiveReport) -> page.Section:
    days = [day.day for day in report.daily]
    values = {
        arm: plots.Series(days, [day.values[arm] for day in report.daily])
        for arm in report.arms
    }
    sequence = {}
    for arm in report.differences:
        threes = [_three(day.differences[arm]) for day in report.daily]
        value, low, high = zip(*threes, strict=True)
        sequence[arm] = plots.Series(days, value, low, high)
    colours = {arm: place for place, arm in enumerate(report.arms, 1)}
    title = f"All days so far, minus {report.first}"
    labels = "day", "seconds per visit"
    return page.Section(
        "Day by day",
        "Watch seconds per visit of each day, and the difference of all days so far "
        "with the interval that holds at every look: once its band leaves 0 the test "
        "may be stopped.",
        [
            plots.lines("Each day", values, *labels, colours=colours),
            plots.lines(title, sequence, *labels, colours=colours),
        ],
    )


def _fresh(report: report.LiveReport) -> page.Section:
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
    audiences = [_three(arm.found_audience) for arm in report.arms.values()]
    columns = ["arm", "found an audience", "videos shown", "effective videos"]
    title = "Good uploads that found an audience"
    return page.Section(
        "New videos and variety",
        f"Of {report.good_uploads} good videos uploaded in the test, the share that "
        f"had {report.audience_clicks} clicks on the arm's slates within "
        f"{report.audience_days} days. Effective videos: as many videos, clicked "
        f"alike, would spread as the clicks do.",
        [
            plots.bars("Share of watch time", arms, shares),
            plots.intervals(title, arms, {"share": audiences}, "share"),
            page.Table(columns, rows),
        ],
    )


def _offline(report: report.LiveReport) -> Iterator[page.Section]:
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


def _trust(report: report.LiveReport) -> page.Section:
    blocks: list[page.Block] = list(notes(report))
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


def notes(report: report.LiveReport) -> Iterator[str]:
    """Yields how to read the tables, a line each."""
    yield (
        "A visit is a home page shown. Brackets: 95 % intervals over users. "
        f"Difference: arm minus {report.first}, CUPED by the same users' "
        f"{report.test['days']} days before the test. One look: its interval at the "
        "end alone; any look: the interval that holds however often one looks; first "
        "sure: the day on which it first excluded 0, of all days up to it. Lift: that "
        f"difference over {report.first}."
    )
    yield (
        f"Uploads that found an audience: of {report.good_uploads} good new videos, "
        f"the share with {report.audience_clicks} clicks on the arm's slates within "
        f"{report.audience_days} days."
    )
    if report.a_a is not None:
        alarms = report.a_a
        yield (
            f"A/A: the {alarms.users:,} users of {report.first} split in two "
            f"{alarms.repeats} times: {alarms.fixed} false alarms of one look, "
            f"{alarms.sequential} of the sequential test; {alarms.peeking} where one "
            f"looks daily at the first."
        )


def _three(estimate: report.IntervalEstimate) -> plots.Interval:
    return estimate.value, estimate.low, estimate.high
