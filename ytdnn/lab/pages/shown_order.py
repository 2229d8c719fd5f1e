"""The value of each order on the log: the first section of a report on a real log.

Sentences (`shown_words`) are for those who decide which model is served, numbers for
those who build it.
"""

from collections.abc import Callable, Iterator, Sequence

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import names, shown_order_table, shown_words
from ytdnn.lab.pages import page, plots, tables

_OWN = ("ranker", "candidates")
_MOST_CURVES = 6


def section(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where the log has lists to order."""
    found = report.shown_lists
    if found is None:
        return
    first, *others = (f"{sentence}." for sentence in shown_words.sentences(report))
    blocks: list[page.Block] = [
        *others,
        page.Columns(
            [[_plot(found), _curves(found)], [_table(found), _ahead_table(found)]]
        ),
    ]
    if found.exposed:
        blocks.append(page.Details("How many listed videos were shown", [_hits(found)]))
    yield page.Section(shown_order_table.TITLE, first, blocks)


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
        ["order", *(shown_order_table.HEADINGS[metric] for metric in metrics)],
        rows,
        f"Share of {shown_words.gain(found)} in the first quarter and half; nDCG by "
        f"{'clicks' if found.gain == 'clicks' else 'seconds'}; grouped AUC of clicks",
    )


def _ahead_table(found: report_parts.ShownLists) -> page.Table:
    own = next((name for name in _OWN if name in found.systems), "")
    metrics = list(next(iter(found.systems.values())))
    rows = [
        [
            names.model(name),
            *(tables.cell(*values[metric], show=_signed(metric)) for metric in metrics),
        ]
        for name, values in found.ahead.items()
    ]
    return page.Table(
        ["less the order", *(shown_order_table.HEADINGS[metric] for metric in metrics)],
        rows,
        f"{names.model(own).capitalize()} less each, paired by user; shares in points",
    )


def _signed(metric: str) -> Callable[[float], str]:
    if metric in shown_order_table.SHARES:
        return lambda value: f"{100.0 * value:+.1f}"
    return lambda value: f"{value:+.3f}"


def _shown(metric: str) -> Callable[[float], str]:
    if metric in shown_order_table.SHARES:
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
    k = metric_names.length(metrics[0])
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
