"""Sections of the page on the lists: all systems, retrieval metrics, slices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_summary, report_types, tables
from ytdnn.lab.pages import display_names, page, plots

_Rows: TypeAlias = Sequence[report_types.SliceRow]
# Of lists, in the order of the plots; all others only stand in the tables.
_QUALITY = ("hit_rate", "recall", "ndcg", "map", "mrr")
_MOST_COLUMNS = 8  # metrics that have room beside each other


@registries.REPORT_SECTIONS.register("lists", place=10)
def sections(report: report_types.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    yield systems(report)
    if report.requests is not None:
        yield requests(report, report.requests)
    yield retrieval(report)
    if report.slices:
        yield slices(report)


def systems(report: report_types.Report) -> page.Section:
    """Returns the table of all systems, and what a reader must know of it."""
    metric, drawn = report_summary.slate_metric(report), display_names.drawn(report)
    blocks: list[page.Block] = [report_summary.summary_table(report)]
    if metric is not None:
        stem, k = metric_names.stem(metric), metric_names.length(metric)
        title = f"{display_names.heading(stem)} of the first {k} videos"
        words = "seconds, mean over users"
        blocks.append(_interval_plot(report.lists, drawn, [metric], title, words))
    blocks += report_summary.notes(report)
    models = [*{**report.lists, **report.impressions}]
    meanings = [
        [tables.model_title(name), display_names.meaning(name)] for name in models
    ]
    table = page.Table(["system", "meaning"], meanings, words=(0, 1))
    blocks.append(page.Details("The systems", [table]))
    return page.Section("All systems", report_summary.JUDGED_BY, blocks)


def requests(
    report: report_types.Report, asked: report_types.RequestsReport
) -> page.Section:
    """Returns the section on lists at the time of each watch."""
    k = report_summary.headline_k(report)
    models = dict.fromkeys(
        [*display_names.drawn(report), asked.best_count, asked.rival]
    )
    metric = metric_names.at("hit_rate", k)
    title = f"{display_names.heading(metric)}, mean over requests"
    first, *others = (
        metric_table(systems, measured(systems, n), f"Means over {who}")
        for systems, who in ((asked.systems, "requests"), (asked.by_user, "users"))
        for n in sorted(report_summary.ks(report), key=k.__ne__)
    )
    plot = _interval_plot(asked.systems, [*models], [metric], title)
    delay = f", {asked.delay_seconds:,} seconds late" if asked.delay_seconds else ""
    return page.Section(
        "By requests",
        f"Each of {asked.requests:,} watches (of {asked.watches:,} in the window, of "
        f"{asked.users:,} users) is one request at its own time, with everything known "
        f"until then{delay}; the answer is that watch. In {asked.repeats:,} the user "
        f"had watched the video: misses. In {asked.unknown:,} the network does not "
        f"know it. Lists of the most watched are counted up to each request, alone "
        f"and with half of what followed the user's last video; validation chose "
        f"{tables.model_title(asked.best_count)}.",
        [
            page.Columns([[first], [plot]]),
            page.Details("Other lengths, and means over users", others),
        ],
    )


def retrieval(report: report_types.Report) -> page.Section:
    """Returns the section on retrieval metrics of the lists, with intervals."""
    k = report_summary.headline_k(report)
    shown = [metric_names.at(metric, k) for metric in _QUALITY]
    drawn = [
        m for m in display_names.drawn(report) if m in report_summary.retrieval(report)
    ]
    title = f"Quality of the first {k} videos"
    whole = [
        metric_table(report.lists, metrics[first : first + _MOST_COLUMNS])
        for metrics in (measured(report.lists, n) for n in report_summary.ks(report))
        for first in range(0, len(metrics), _MOST_COLUMNS)
    ]
    return page.Section(
        "Retrieval",
        f"Each model recommends {k} videos to each user; those that the user watched "
        "afterwards count as right. Mark: mean over users, higher is better; line, or "
        "the numbers in grey: 95 % bootstrap interval over users. Where intervals do "
        "not overlap, a difference is unlikely to be chance; where they do, ytdnn "
        "compare, which pairs two runs by user, may still separate them.",
        [
            _interval_plot(report.lists, drawn, shown, title),
            page.Details("Every system and metric", whole),
            definitions(report.lists),
        ],
    )


def definitions(models: Mapping[str, report_types.Entry]) -> page.Details:
    """Returns the definitions of the metrics of some models."""
    stems = dict.fromkeys(map(metric_names.stem, measured(models)))
    texts = {metric_names.title(stem): metric_names.text(stem) for stem in stems}
    rows = [[title, text] for title, text in texts.items() if text]
    table = page.Table(["metric", "definition"], rows, words=(0, 1))
    return page.Details("Definitions of the metrics", [table])


def metric_table(
    models: Mapping[str, report_types.Entry],
    metrics: Sequence[str],
    caption: str = "",
    title: Callable[[str], str] = metric_names.title,
) -> page.Table:
    """Returns a table of systems down, metrics across.

    Args:
      models: Metrics of each model.
      metrics: Names of the metrics.
      caption: Description of the table.
      title: Function that returns the display name of a metric.
    """
    rows: list[list[page.Cell]] = [
        [
            tables.model_title(name),
            *(report_summary.estimate(entry, m) for m in metrics),
        ]
        for name, entry in models.items()
    ]
    return page.Table(["system", *map(title, metrics)], rows, caption)


def measured(models: Mapping[str, report_types.Entry], k: int | str = "") -> list[str]:
    """Returns the metrics of some models, those of lists of `k` videos, or all."""
    every = dict.fromkeys(name for entry in models.values() for name in entry.values)
    return [name for name in every if not k or metric_names.length(name) == str(k)]


def _interval_plot(
    models: Mapping[str, report_types.Entry],
    drawn: Sequence[str],
    metrics: Sequence[str],
    title: str,
    label: str = "value of the metric",
) -> page.Block:
    metrics = [metric for metric in metrics if metric in measured(models)]
    return plots.intervals(
        title,
        [metric_names.title(metric) for metric in metrics],
        {
            tables.model_title(model): [
                report_summary.estimate(entry, metric).three for metric in metrics
            ]
            for model, entry in models.items()
            if model in drawn
        },
        label,
        colours=display_names.colours(drawn),
    )


def slices(report: report_types.Report) -> page.Section:
    """Returns the section on slices of the right answers."""
    retrieved, drawn = report_summary.retrieval(report), display_names.drawn(report)
    blocks: list[page.Block] = []
    numbers: list[page.Block] = []
    for name, rows in report.slices.items():
        shown = [m for m in drawn if rows and m in rows[0].lists]
        if len(rows) > 1:  # one part alone is the whole again
            judged = [model for model in shown if model in retrieved]
            blocks.append(_slice_plot(name, rows, judged))
        if rows:
            numbers.append(_slice_table(name, rows, shown))
    blocks.append(page.Details("Numbers of all slices", numbers))
    return page.FoldedSection(
        "Breakdowns by users and videos",
        "The same lists, measured on the right answers of one slice at a time: of some "
        "users, or of some videos. n: users in the slice; small slices have wide "
        "intervals. New users have no watch in training.",
        blocks,
    )


def _slice_plot(name: str, rows: _Rows, models: Sequence[str]) -> page.Block:
    metric = next(iter(rows[0].lists[models[0]]))
    return plots.intervals(
        f"{display_names.heading(metric)} by {display_names.sliced_by(name)}",
        [f"{row.value}\nn = {row.users:,}" for row in rows],
        {
            tables.model_title(model): [
                _row_cell(row, model, metric).three for row in rows
            ]
            for model in models
        },
        metric_names.title(metric),
        colours=display_names.colours(models),
    )


def _row_cell(row: report_types.SliceRow, model: str, metric: str) -> tables.NumberCell:
    return tables.NumberCell(*row.lists.get(model, {}).get(metric, (None, None, None)))


def _slice_table(name: str, rows: _Rows, models: Sequence[str]) -> page.Table:
    metrics, heading = [*rows[0].lists[models[0]]], display_names.sliced_by(name)
    cells: list[list[page.Cell]] = [
        [
            *(row.value, row.users, row.answers, tables.model_title(model)),
            *(_row_cell(row, model, metric) for metric in metrics),
        ]
        for row in rows
        for model in models
    ]
    columns = [heading, "users", "answers", "system", *map(metric_names.title, metrics)]
    return page.Table(columns, cells, f"By {heading}", words=(0, 3))
