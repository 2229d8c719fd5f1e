"""The value of each system's pages: the first section of a report.

A ranker of watch time is judged by watch time (PAPER §4): on a world by the true watch
seconds of the slate, on any other log by the watch seconds of hits. Retrieval metrics
of lists answer another question, and judge the first stage (`retrieval`).
"""

from collections.abc import Callable, Iterator

from ytdnn.evaluation import metric_names, report_model, report_parts
from ytdnn.pages import names, page, plots, shown_words, tables

_BESIDE = (metric_names.TRUE_CLICKS, metric_names.HIT_WATCH_SECONDS, "hit_rate")
_HEADLINE_K = 10
_FEW_SECONDS = 20.0


def ks(report: report_model.Report) -> list[int]:
    """Returns the lengths at which lists were measured."""
    found = {
        int(k)
        for part in report.lists.values()
        for _, at, k in [name.partition("@") for name in part.values]
        if at
    }
    return sorted(found)


def headline_k(report: report_model.Report) -> int:
    """Returns the length that is shown first: 10 if measured, else the shortest."""
    measured = ks(report)
    return _HEADLINE_K if _HEADLINE_K in measured else measured[0]


def value(report: report_model.Report) -> str | None:
    """Returns the metric that judges pages, `METRIC@k`; None: there is no watch time.

    It judges a second stage, so there is none where no model orders by watch time.
    """
    k = headline_k(report)
    for stem in metric_names.PAGE_VALUES:
        for found in report.lists.values():
            if found.values.get(f"{stem}@{k}") is not None:
                return f"{stem}@{k}"
    return None


def columns(report: report_model.Report) -> list[str]:
    """Returns the metrics of the table of pages: the one that judges, then others."""
    metric, k = value(report), headline_k(report)
    others = [f"{stem}@{k}" for stem in _BESIDE]
    measured = {name for found in report.lists.values() for name in found.values}
    return [
        name
        for name in dict.fromkeys([metric, *others])
        if name is not None and name in measured
    ]


def apart(report: report_model.Report) -> frozenset[str]:
    """Returns the models that retrieval metrics of their lists do not judge."""
    by_watch_time = names.TWO_STAGE if value(report) is not None else ()
    return frozenset((*names.PAGE_BOUNDS, *by_watch_time))


def retrieval(report: report_model.Report) -> dict[str, report_model.Entry]:
    """Returns the models with retrieval metrics to show."""
    left_out = apart(report)
    return {k: found for k, found in report.lists.items() if k not in left_out}


def section(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where there is watch time."""
    metric = value(report)
    if metric is None:
        return
    k = headline_k(report)
    is_true = metric.startswith(metric_names.TRUE_WATCH_SECONDS)
    told = (*_gain(report, metric), *_exposure(report, metric))
    blocks: list[page.Block] = [f"{sentence}." for sentence in told]
    meanings = [[names.model(name), names.meaning(name)] for name in report.lists]
    blocks += [
        page.Columns(
            [[_plot(report, metric)], [_table(report), *_gap_table(report, metric)]]
        ),
        page.Details(
            "The systems",
            [page.Table(["system", "meaning"], meanings, words=(0, 1))],
        ),
    ]
    text = _TRUE if is_true else _LOGGED
    judged = report.protocol.judged_by
    title = "The value of a slate" if is_true else "Watch seconds of hits"
    yield page.Section(title, f"{text.format(k=k)} {judged}", blocks)


_TRUE = (
    "The first {k} videos of each system as a slate, shown to every user at the time "
    "of the request: the seconds that the user is truly expected to watch, by the laws "
    "of the synthetic world."
)
_LOGGED = (
    "Seconds that users watched, in the evaluated window, of the first {k} videos of "
    "each system."
)


def sentences(report: report_model.Report) -> Iterator[str]:
    """Yields the gain of the ranker, and the distance of pages from the bounds."""
    metric = value(report)
    if metric is None:
        return
    yield from _gain(report, metric)
    yield from _exposure(report, metric)
    for gap, shares in _gaps(report, metric):
        words = (f"{names.model(name)} {_percent(share)}" for name, share in shares)
        yield (
            f"Gap closed from {names.model(gap.baseline)} to {names.model(gap.best)}: "
            f"{', '.join(words)}"
        )


def _gain(report: report_model.Report, metric: str) -> Iterator[str]:
    gain = report.ranker_gain.get(metric)
    if gain is None or gain[0] is None:
        return
    before, after = (
        report.lists[name].values[metric] for name in ("candidates", "system")
    )
    words = names.metric(metric).partition("@")[0]
    yield (
        f"The ranker, given the candidates of all sources, turns the candidate "
        f"network's slate of {_number(before)} {words} into one of {_number(after)}: "
        f"{_signed(gain)}, paired by user"
    )


def _exposure(report: report_model.Report, metric: str) -> Iterator[str]:
    """Yields the reason for few hits, where the metric counts watch seconds of hits."""
    if metric.startswith(metric_names.HIT_WATCH_SECONDS):
        yield from shown_words.exposure(report)


def _gaps(
    report: report_model.Report, metric: str
) -> Iterator[tuple[report_model.Gap, list[tuple[str, report_parts.WithInterval]]]]:
    """Yields the gaps in a metric, and the shares that systems close of each."""
    bounds = (*names.PAGE_BOUNDS, "oracle")
    for gap in report.page_gaps:
        shares = [(k, v) for k, v in gap.shares.items() if k not in bounds]
        if gap.metric == metric and shares:
            yield gap, shares


def _gap_table(report: report_model.Report, metric: str) -> list[page.Block]:
    rows = [
        [
            f"{names.model(gap.baseline)} → {names.model(gap.best)}",
            names.model(name),
            tables.cell(*share, show="{:.0%}".format),
        ]
        for gap, shares in _gaps(report, metric)
        for name, share in shares
    ]
    if not rows:
        return []
    caption = f"Share of the gap in {names.metric(metric)} that is closed"
    return [page.Table(["gap", "system", "share"], rows, caption, words=(0, 1))]


def _signed(three: report_parts.WithInterval) -> str:
    middle, low, high = (0.0 if part is None else part for part in three)
    ends = f"95 %: {_number(low, '+')} to {_number(high, '+')}"
    return f"{_number(middle, '+')} ({ends})"


def _number(value: float | None, sign: str = "") -> str:
    """Returns a whole number; seconds of hits are few, and have two decimals."""
    decimals = 0 if abs(value or 0.0) >= _FEW_SECONDS else 2
    return f"{value or 0.0:{sign},.{decimals}f}"


def _percent(three: report_parts.WithInterval) -> str:
    middle, low, high = (0.0 if part is None else 100.0 * part for part in three)
    return f"{middle:.0f} % ({low:.0f} to {high:.0f})"


def _plot(report: report_model.Report, metric: str) -> page.Block:
    shown = {
        name: found
        for name, found in report.lists.items()
        if name
        != "oracle_by_watch_time"  # so far off that the others could not be read
    }
    title = f"{names.heading(metric).partition('@')[0]} of the first "
    return plots.intervals(
        f"{title}{metric.partition('@')[2]} videos",
        [names.model(name) for name in shown],
        {"": [tables.three(found, metric) for found in shown.values()]},
        "seconds, mean over users",
    )


_HEADINGS = {
    metric_names.TRUE_WATCH_SECONDS: "true watch seconds",
    metric_names.TRUE_CLICKS: "true clicks",
    metric_names.HIT_WATCH_SECONDS: "seconds of hits",
    "hit_rate": "hit rate",
}
_SHOWN: dict[str, Callable[[float], str]] = {
    metric_names.TRUE_CLICKS: "{:.2f}".format,
    "hit_rate": "{:.3f}".format,
}


def _table(report: report_model.Report) -> page.Table:
    metrics = columns(report)
    stems = [metric.partition("@")[0] for metric in metrics]
    rows = [
        [
            names.model(name),
            *(
                tables.cell(
                    *tables.three(found, metric),
                    show=_SHOWN.get(stem, _number),
                )
                for metric, stem in zip(metrics, stems, strict=True)
            ),
        ]
        for name, found in report.lists.items()
    ]
    headings = ["system", *(_HEADINGS[stem] for stem in stems)]
    return page.Table(headings, rows, f"The first {headline_k(report)} videos")
