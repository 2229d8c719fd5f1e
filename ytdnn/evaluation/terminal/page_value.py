"""The value of each system's slates, in words: the first part of a report.

A ranker of watch time is judged by watch time (PAPER §4): on a world by the true watch
seconds of the slate, on any other log by the watch seconds of hits. Retrieval metrics
of lists answer another question, and judge the first stage (`retrieval`).
"""

from collections.abc import Iterator

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import names, shown_words

_BESIDE = (metric_names.TRUE_CLICKS, metric_names.HIT_WATCH_SECONDS, "hit_rate")
_HEADLINE_K = 10
_FEW_SECONDS = 20.0


def ks(report: report_model.Report) -> list[int]:
    """Returns the lengths at which lists were measured."""
    found = {
        int(metric_names.length(name))
        for part in report.lists.values()
        for name in part.values
        if metric_names.length(name)
    }
    return sorted(found)


def headline_k(report: report_model.Report) -> int:
    """Returns the length to show first: 10 if measured, else the shortest."""
    measured = ks(report)
    return _HEADLINE_K if _HEADLINE_K in measured else measured[0]


def value(report: report_model.Report) -> str | None:
    """Returns the metric that judges slates, `METRIC@k`; None: there is no watch time.

    It judges a second stage, so it is None if no model orders by watch time.
    """
    k = headline_k(report)
    for stem in metric_names.PAGE_VALUES:
        for found in report.lists.values():
            if found.values.get(metric_names.at(stem, k)) is not None:
                return metric_names.at(stem, k)
    return None


def columns(report: report_model.Report) -> list[str]:
    """Returns the metrics of the table of slates: the judging metric, then others."""
    metric, k = value(report), headline_k(report)
    others = [metric_names.at(stem, k) for stem in _BESIDE]
    measured = {name for found in report.lists.values() for name in found.values}
    return [
        name
        for name in dict.fromkeys([metric, *others])
        if name is not None and name in measured
    ]


def apart(report: report_model.Report) -> frozenset[str]:
    """Returns the models to leave out of tables of retrieval metrics."""
    by_watch_time = names.TWO_STAGE if value(report) is not None else ()
    return frozenset((*names.PAGE_BOUNDS, *by_watch_time))


def retrieval(report: report_model.Report) -> dict[str, report_model.Entry]:
    """Returns the models with retrieval metrics to show."""
    left_out = apart(report)
    return {k: found for k, found in report.lists.items() if k not in left_out}


def sentences(report: report_model.Report) -> Iterator[str]:
    """Yields the gain of the ranker, and the distance of slates from the bounds."""
    metric = value(report)
    if metric is None:
        return
    yield from gain(report, metric)
    yield from exposure(report, metric)
    for gap, shares in gaps(report, metric):
        words = (f"{names.model(name)} {_percent(share)}" for name, share in shares)
        yield (
            f"Gap closed from {names.model(gap.baseline)} to {names.model(gap.best)}: "
            f"{', '.join(words)}"
        )


def gain(report: report_model.Report, metric: str) -> Iterator[str]:
    """Yields the gain of the ranker in a metric, if both stages have it."""
    found = report.ranker_gain.get(metric)
    if found is None or found[0] is None:
        return
    before, after = (
        report.lists[name].values[metric] for name in ("candidates", "system")
    )
    words = metric_names.title(metric_names.stem(metric))
    yield (
        f"The ranker, given the candidates of all sources, turns the candidate "
        f"network's slate of {seconds(before)} {words} into one of {seconds(after)}: "
        f"{_signed(found)}, paired by user"
    )


def exposure(report: report_model.Report, metric: str) -> Iterator[str]:
    """Yields the reason for few hits, if the metric counts watch seconds of hits."""
    if metric.startswith(metric_names.HIT_WATCH_SECONDS):
        yield from shown_words.exposure(report)


def gaps(
    report: report_model.Report, metric: str
) -> Iterator[tuple[report_model.Gap, list[tuple[str, report_parts.WithInterval]]]]:
    """Yields the gaps in a metric, and the shares that systems close of each."""
    bounds = (*names.PAGE_BOUNDS, "oracle")
    for gap in report.page_gaps:
        shares = [(k, v) for k, v in gap.shares.items() if k not in bounds]
        if gap.metric == metric and shares:
            yield gap, shares


def _signed(three: report_parts.WithInterval) -> str:
    parts = [0.0 if part is None else part for part in three]
    decimals = _decimals(max(map(abs, parts)))
    middle, low, high = (f"{part:+,.{decimals}f}" for part in parts)
    return f"{middle} (95 %: {low} to {high})"


def seconds(value: float | None, sign: str = "") -> str:
    """Returns a whole number; seconds of hits are few, and have two decimals."""
    return f"{value or 0.0:{sign},.{_decimals(value or 0.0)}f}"


def _decimals(value: float) -> int:
    return 0 if abs(value) >= _FEW_SECONDS else 2


def _percent(three: report_parts.WithInterval) -> str:
    middle, low, high = (0.0 if part is None else 100.0 * part for part in three)
    return f"{middle:.0f} % ({low:.0f} to {high:.0f})"
