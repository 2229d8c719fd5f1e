"""A live test (`lab/live/report.py`) as tables in the terminal."""

from collections.abc import Iterator

import rich.box
from rich import console, table, text

from ytdnn.evaluation.terminal import finite_numbers
from ytdnn.lab.live import measures
from ytdnn.lab.live import report as report_room

_NONE = "–"


def render(report: report_room.LiveReport) -> console.Group:
    """Returns the arms, the differences to the first, and how to read them."""
    return console.Group(
        _arms(report), _differences(report), *map(text.Text, notes(report))
    )


def _arms(report: report_room.LiveReport) -> table.Table:
    """Returns metrics down and arms across, ± half the interval."""
    result = _new(f"live test: {report.test['days']} days")
    result.add_column("", no_wrap=True)
    for name in report.arms:
        result.add_column(name, justify="right")
    arms = report.arms.values()
    result.add_row("users shown a slate", *(f"{arm.users:,}" for arm in arms))
    result.add_row("visits", *(f"{arm.visits:,}" for arm in arms))
    for name in measures.METRICS:
        result.add_row(words(name), *(_half(arm.metrics[name]) for arm in arms))
    result.add_row(
        "uploads that found an audience", *(_half(arm.found_audience) for arm in arms)
    )
    result.add_row("videos shown", *(f"{arm.videos_shown:,}" for arm in arms))
    result.add_row(
        "effective videos clicked", *(f"{arm.effective_videos:,.0f}" for arm in arms)
    )
    return result


def _differences(report: report_room.LiveReport) -> table.Table:
    """Returns each arm against the first, by the headline metric and a few others."""
    result = _new(f"against {report.first}")
    for place, name in enumerate(
        ("arm", "metric", "lift", "difference", "one look", "any look", "first sure")
    ):
        result.add_column(name, justify="left" if place < 2 else "right", no_wrap=True)
    for arm, found in report.differences.items():
        for name in measures.METRICS:
            one = found[name]
            result.add_row(
                arm,
                words(name),
                _percent(one.lift),
                _signed(one.difference.value),
                _ends(one.difference),
                _ends(one.sequential),
                f"day {one.sure_since}" if one.sure_since else _NONE,
            )
        result.add_section()
    return result


def _new(title: str) -> table.Table:
    return table.Table(
        title=title,
        title_justify="left",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def notes(report: report_room.LiveReport) -> Iterator[str]:
    """Yields how to read the tables, a line each."""
    yield (
        "A visit is a home page shown. ±: half a 95 % interval over users. Difference: "
        f"arm minus {report.first}, CUPED by the same users' {report.test['days']} "
        "days before the test. One look: its interval at the end alone; any look: the "
        "interval that holds however often one looks; first sure: the day on which it "
        f"first excluded 0, of all days up to it. Lift: that difference over "
        f"{report.first}."
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


def words(name: str) -> str:
    """Returns a metric's name for people."""
    return name.replace("_", " ")


def number(value: float | None) -> str:
    """Returns a number with about three digits."""
    if value is None:
        return _NONE
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.{1 if size >= 10 else 3}f}"


def _half(one: report_room.IntervalEstimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return number(one.value)
    return f"{number(one.value)} ± {number((one.high - one.low) / 2)}"


def _signed(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{'+' if value >= 0 else '-'}{number(abs(value))}"


def _ends(one: report_room.IntervalEstimate) -> str:
    return f"{_signed(one.low)} {_signed(one.high)}"


def _percent(one: report_room.IntervalEstimate) -> str:
    if not finite_numbers.is_finite(one.value):
        return _NONE
    return f"{one.value:+.1%}"
