"""The section of the value of each system's pages: the first of a report."""

from collections.abc import Callable, Iterator

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import names, page_value
from ytdnn.lab.pages import page, plots, tables


def section(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where there is watch time."""
    metric = page_value.value(report)
    if metric is None:
        return
    k = page_value.headline_k(report)
    is_true = metric.startswith(metric_names.TRUE_WATCH_SECONDS)
    told = (*page_value.gain(report, metric), *page_value.exposure(report, metric))
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


def _gap_table(report: report_model.Report, metric: str) -> list[page.Block]:
    rows = [
        [
            f"{names.model(gap.baseline)} → {names.model(gap.best)}",
            names.model(name),
            tables.cell(*share, show="{:.0%}".format),
        ]
        for gap, shares in page_value.gaps(report, metric)
        for name, share in shares
    ]
    if not rows:
        return []
    caption = f"Share of the gap in {metric_names.title(metric)} that is closed"
    return [page.Table(["gap", "system", "share"], rows, caption, words=(0, 1))]


def _plot(report: report_model.Report, metric: str) -> page.Block:
    shown = {
        name: found
        for name, found in report.lists.items()
        if name
        != "oracle_by_watch_time"  # so far off that the others could not be read
    }
    title = f"{names.heading(metric_names.stem(metric))} of the first "
    return plots.intervals(
        f"{title}{metric_names.length(metric)} videos",
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
    metrics = page_value.columns(report)
    stems = [metric_names.stem(metric) for metric in metrics]
    rows = [
        [
            names.model(name),
            *(
                tables.cell(
                    *tables.three(found, metric),
                    show=_SHOWN.get(stem, page_value.seconds),
                )
                for metric, stem in zip(metrics, stems, strict=True)
            ),
        ]
        for name, found in report.lists.items()
    ]
    headings = ["system", *(_HEADINGS[stem] for stem in stems)]
    return page.Table(
        headings, rows, f"The first {page_value.headline_k(report)} videos"
    )
