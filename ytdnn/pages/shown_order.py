"""The worth of each order on the log: the first thing a report of a real log shows.

In words for who decides what is served, with numbers for who builds it
(`evaluation.shown_lists`).
"""

from collections.abc import Callable, Iterator, Sequence

from rich import table

from ytdnn.evaluation import metric_names, report_model, report_parts
from ytdnn.pages import names, page, plots, scales, tables

TITLE = "What the order is worth on this log"
_HOUR_SECONDS = 3_600.0
_SHARES = ("first_quarter_share", "first_half_share")
_HEADINGS = {
    "first_quarter_share": "first quarter",
    "first_half_share": "first half",
    "list_ndcg": "nDCG",
    "grouped_auc": "grouped AUC",
}
_OWN = ("ranker", "candidates", "popularity")
_WHO = {
    "ranker": "the ranker",
    "candidates": "the candidate model",
    "popularity": "popularity",
    "logged": "the order of the log",
}
_LIMITS = (
    "The lists hold only videos that the recommender of the log chose to show. So this "
    "says which order of those is better, not what other videos would have brought; "
    "and what was shown earlier or higher may have been watched for that. A live test "
    "tells, or a log with propensities (impressions.propensity)"
)
_MOST_CURVES = 6


def is_first(report: report_model.Report) -> bool:
    """Returns whether it is the headline: of a real log, which knows no true page."""
    return report.shown_lists is not None and not any(
        name.startswith(metric_names.TRUE_WATCH_SECONDS)
        for found in report.lists.values()
        for name in found.values
    )


def sentences(report: report_model.Report) -> Iterator[str]:
    """Yields what the lists say and do not say, a sentence or two each."""
    found = report.shown_lists
    if found is None:
        return
    yield _headline(found, report.protocol.split)
    yield from _ahead(found)
    if report.protocol.served_order:
        yield report.protocol.served_order
    if report.off_policy is not None:
        yield from _other_pages(report.off_policy)
    yield _LIMITS


def exposure(report: report_model.Report) -> Iterator[str]:
    """Yields why hits are few: how many listed videos the log showed at all."""
    found = report.shown_lists
    if found is None or not found.exposed:
        return
    k = next(iter(next(iter(found.exposed.values())))).partition("@")[2]
    parts = []
    for name, metrics in found.exposed.items():
        number, brought = (metrics[f"{m}@{k}"][0] for m in ("shown", "gain_per_shown"))
        worth = "" if brought is None else f", {_each(found, brought)} each"
        parts.append(f"{names.model(name)} {number or 0.0:.3f}{worth}")
    yield (
        f"A hit must have been shown: of its first {k} videos, the log showed a user "
        f"{'; '.join(parts)}. A system that lists what the log did not show has fewer "
        f"hits, however good its list is"
    )


def _headline(found: report_parts.ShownLists, split: str) -> str:
    half = {
        name: metrics["first_half_share"][0] for name, metrics in found.systems.items()
    }
    own, *others = (name for name in _WHO if name in half)
    kept = ", ".join(
        [
            f"{_WHO[own]} would keep {_percent(half[own])} of {_gain(found)}",
            *(f"{_WHO[name]} {_percent(half[name])}" for name in others),
        ]
    )
    return (
        f"In the {split} window {found.users:,} users were shown two videos or more, "
        f"{found.impressions:,} in all, and {_total(found)}. If each user could be "
        f"shown only half of these videos, {kept}; a random choice "
        f"{_percent(half['random'])}, the best possible one {_percent(half['best'])}"
    )


def _ahead(found: report_parts.ShownLists) -> Iterator[str]:
    own = next((name for name in _OWN[:2] if name in found.systems), "")
    parts = [
        _points(metrics["first_half_share"], _WHO[name])
        for name, metrics in found.ahead.items()
        if metrics["first_half_share"][0] is not None
    ]
    if parts:
        yield (
            f"{_WHO[own][:1].upper()}{_WHO[own][1:]} keeps {', '.join(parts)} "
            f"(percentage points, 95 % interval paired by user)"
        )


def _other_pages(found: report_model.OffPolicy) -> Iterator[str]:
    reward = "watch_seconds" if "watch_seconds" in found.logged_per_page else "clicks"
    words = reward.replace("_", " ")
    parts = [
        f"{names.model(name)} {_estimate(value.per_page[reward]['snips'])}"
        for name, value in found.systems.items()
    ]
    yield (
        f"By the log's propensities, new pages would bring (SNIPS, {words} a page, 95 "
        f"% interval): {'; '.join(parts)}; the logged pages brought "
        f"{_estimate(found.logged_per_page[reward])}"
    )


def _total(found: report_parts.ShownLists) -> str:
    if found.gain == "clicks":
        return f"clicked {found.total:,.0f}"
    hours = found.total / _HOUR_SECONDS
    if hours < 1.0:
        return f"watched {found.total:,.0f} seconds of them"
    return f"watched {hours:,.{0 if hours >= 10.0 else 1}f} hours of them"


def _gain(found: report_parts.ShownLists) -> str:
    return "the clicks" if found.gain == "clicks" else "the watch time"


def _each(found: report_parts.ShownLists, brought: float) -> str:
    return f"{brought:.2f} clicks" if found.gain == "clicks" else f"{brought:,.1f} s"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"


def _points(three: report_parts.WithInterval, other: str) -> str:
    value, low, high = (0.0 if part is None else 100.0 * part for part in three)
    word = "more" if value >= 0.0 else "less"
    return f"{abs(value):.1f} points {word} than {other} ({low:+.1f} to {high:+.1f})"


def _estimate(three: report_parts.WithInterval) -> str:
    value, low, high = (0.0 if part is None else part for part in three)
    return f"{value:,.1f} ({low:,.1f} to {high:,.1f})"


def terminal_table(found: report_parts.ShownLists, with_intervals: bool) -> table.Table:
    """Returns the lists as a table of the terminal.

    Args:
      found: The lists.
      with_intervals: Whether there is room for them.
    """
    metrics = list(next(iter(found.systems.values())))
    what = "clicks" if found.gain == "clicks" else "watch time"
    result = table.Table(title=f"{TITLE}: share of the {what} shown")
    result.add_column("order of each user's videos", overflow="fold")
    for metric in metrics:
        result.add_column(_HEADINGS[metric], justify="right", overflow="fold")
    for name, values in found.systems.items():
        cells = [_cell(metric, values[metric], with_intervals) for metric in metrics]
        result.add_row(names.model(name), *cells)
    return result


def _cell(metric: str, three: report_parts.WithInterval, with_interval: bool) -> str:
    value, *ends = three
    if value is None:
        return "–"
    scale, decimals = (100.0, 1) if metric in _SHARES else (1.0, 3)
    unit = " %" if metric in _SHARES else ""
    known = scales.finite(ends)
    half = ""
    if len(known) == 2 and known[1] > known[0] and with_interval:
        half = f" ± {scale * (known[1] - known[0]) / 2.0:.{decimals}f}"
    return f"{scale * value:.{decimals}f}{half}{unit}"


def section(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where the log has lists to order."""
    found = report.shown_lists
    if found is None:
        return
    first, *others = (f"{sentence}." for sentence in sentences(report))
    blocks: list[page.Block] = [
        *others,
        page.Columns([[_plot(found)], [_table(found), _ahead_table(found)]]),
        _curves(found),
    ]
    if found.exposed:
        blocks.append(page.Details("How many listed videos were shown", [_hits(found)]))
    yield page.Section(TITLE, first, blocks)


def _plot(found: report_parts.ShownLists) -> page.Block:
    what = "clicks" if found.gain == "clicks" else "watch time"
    return plots.intervals(
        f"Share of the {what} in the first half of each user's videos",
        [names.model(name) for name in found.systems],
        {"": [_percents(m["first_half_share"]) for m in found.systems.values()]},
        "%, over all users; a random order has 50 %",
    )


def _percents(three: report_parts.WithInterval) -> plots.Interval:
    value, low, high = (None if part is None else 100.0 * part for part in three)
    return value, low, high


def _table(found: report_parts.ShownLists) -> page.Table:
    metrics = list(next(iter(found.systems.values())))
    rows = [
        [
            names.model(name),
            *(tables.cell(*values[metric], show=_shown(metric)) for metric in metrics),
        ]
        for name, values in found.systems.items()
    ]
    return page.Table(
        ["order", *(_HEADINGS[metric] for metric in metrics)],
        rows,
        f"Share of {_gain(found)} in the first quarter and half; nDCG by "
        f"{'clicks' if found.gain == 'clicks' else 'seconds'}; grouped AUC of clicks",
    )


def _ahead_table(found: report_parts.ShownLists) -> page.Table:
    own = next((name for name in _OWN[:2] if name in found.systems), "")
    metrics = list(next(iter(found.systems.values())))
    rows = [
        [
            names.model(name),
            *(tables.cell(*values[metric], show=_shown(metric)) for metric in metrics),
        ]
        for name, values in found.ahead.items()
    ]
    return page.Table(
        ["less", *(_HEADINGS[metric] for metric in metrics)],
        rows,
        f"{names.model(own)} less each order, paired by user",
    )


def _shown(metric: str) -> Callable[[float], str]:
    if metric in _SHARES:
        return lambda value: f"{100.0 * value:.1f} %"
    return lambda value: f"{value:.3f}"


def _curves(found: report_parts.ShownLists) -> page.Block:
    places: Sequence[float] = [
        100.0 * place / len(curve)
        for curve in [next(iter(found.curves.values()))]
        for place in range(1, len(curve) + 1)
    ]
    series = {
        names.model(name): plots.Series(
            [0.0, *places],
            [0.0, *(None if share is None else 100.0 * share for share in curve)],
        )
        for name, curve in list(found.curves.items())[:_MOST_CURVES]
    }
    what = "clicks" if found.gain == "clicks" else "watch time"
    return plots.lines(
        f"Share of the {what} by share of each user's videos",
        series,
        "% of each user's videos, first in the order",
        f"% of the {what}",
        from_zero=True,
        colours=names.colours(found.curves),
    )


def _hits(found: report_parts.ShownLists) -> page.Table:
    metrics = list(next(iter(found.exposed.values())))
    k = metrics[0].partition("@")[2]
    rows = [
        [
            names.model(name),
            *(tables.cell(*values[m], show="{:.3f}".format) for m in metrics),
        ]
        for name, values in found.exposed.items()
    ]
    unit = "clicks" if found.gain == "clicks" else "seconds"
    return page.Table(
        ["system", f"of the first {k}, shown by the log", f"{unit} of each of these"],
        rows,
        "Hits are the product of both",
    )
