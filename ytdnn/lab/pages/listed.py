"""Sections of the page on the lists: all systems, retrieval metrics, slices."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import markupsafe

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import findings, report_model, tables
from ytdnn.lab.pages import names, page, plots

# Of lists, in the order of the plots; all others only stand in the tables.
_QUALITY = ("hit_rate", "recall", "ndcg", "map", "mrr")
_FAR_OFF = "oracle_by_watch_time"  # the others could not be read beside it


@registries.REPORT_SECTIONS.register("lists", place=10)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    yield systems(report)
    if report.requests is not None:
        yield requests(report.requests)
    yield retrieval(report)
    if report.slices:
        yield slices(report)


def systems(report: report_model.Report) -> page.Section:
    """Returns the table of all systems, and what a reader must know of it."""
    metric = findings.slate_metric(report)
    blocks: list[page.Block] = [findings.summary_table(report)]
    if metric is not None:
        blocks.append(_slate_plot(report.lists, metric))
    blocks += findings.notes(report)
    models = [*{**report.lists, **report.impressions}]
    meanings = [[tables.model_title(name), names.meaning(name)] for name in models]
    table = page.Table(["system", "meaning"], meanings, words=(0, 1))
    blocks.append(page.Details("The systems", [table]))
    return page.Section("All systems", findings.JUDGED_BY, blocks)


def _slate_plot(models: Mapping[str, report_model.Entry], metric: str) -> page.Block:
    title = names.heading(metric_names.stem(metric))
    return _interval_plot(
        {name: entry for name, entry in models.items() if name != _FAR_OFF},
        [metric],
        f"{title} of the first {metric_names.length(metric)} videos",
        "seconds, mean over users",
    )


def requests(asked: report_model.RequestsReport) -> page.Section:
    """Returns the section on lists at the time of each watch."""
    delay = f", {asked.delay_seconds:,} seconds late" if asked.delay_seconds else ""
    return page.Section(
        "By requests",
        f"Each of {asked.requests:,} watches (of {asked.watches:,} in the window, of "
        f"{asked.users:,} users) is one request at its own time, with everything known "
        f"until then{delay}; the answer is that watch. In {asked.repeats:,} the user "
        f"had watched the video, and in {asked.unknown:,} the candidate model cannot "
        f"list it: misses. Lists of the most watched are counted up to each request, "
        f"alone and with half of what followed the user's last video; validation chose "
        f"{tables.model_title(asked.best_count)}.",
        [
            _by_system(asked.systems, "Means over requests"),
            page.Details(
                "Means over users",
                [_by_system(asked.by_user, "Means over users of their means")],
            ),
        ],
    )


def _by_system(models: Mapping[str, report_model.Entry], caption: str) -> page.Table:
    """Returns a table of systems down, metrics across."""
    metrics = [*next(iter(models.values())).values]
    rows: list[list[page.Cell]] = [
        [tables.model_title(name), *(findings.estimate(entry, m) for m in metrics)]
        for name, entry in models.items()
    ]
    columns = ["system", *map(metric_names.title, metrics)]
    return page.Table(columns, rows, caption)


def retrieval(report: report_model.Report) -> page.Section:
    """Returns the section on retrieval metrics of the lists, with intervals."""
    k = findings.headline_k(report)
    shown = [metric_names.at(metric, k) for metric in _QUALITY]
    models = findings.retrieval(report)
    plot = _interval_plot(models, shown, f"Quality of the first {k} videos")
    whole = [
        metric_table(report.lists, f"@{n}", f"Lists of {n} videos")
        for n in findings.ks(report)
    ]
    measured = [name for entry in report.lists.values() for name in entry.values]
    return page.Section(
        "Retrieval",
        f"Each model recommends {k} videos to each user; those that the user watched "
        "afterwards count as right. Dot: mean over users, higher is better; line, or "
        "the numbers in grey: 95 % bootstrap interval over users. Where intervals do "
        "not overlap, a difference is unlikely to be chance; where they do, ytdnn "
        "compare, which pairs two runs by user, may still separate them.",
        [
            plot,
            page.Details("Every system and metric", whole),
            definitions(measured),
        ],
    )


def definitions(metrics: Sequence[str]) -> page.Details:
    """Returns the definitions of some metrics."""
    stems = dict.fromkeys(map(metric_names.stem, metrics))
    known = [name for name in stems if metric_names.text(name)]
    rows = [[metric_names.title(name), metric_names.text(name)] for name in known]
    table = page.Table(["metric", "definition"], rows, words=(0, 1))
    return page.Details("Definitions of the metrics", [table])


def metric_table(
    models: Mapping[str, report_model.Entry],
    end: str,
    caption: str,
    title: Callable[[str], str] = metric_names.title,
) -> page.Table:
    """Returns a table of metrics down, models across, of metrics with a given suffix.

    Args:
      models: Metrics of each model.
      end: Suffix of the metric names, left off in the table.
      caption: Description of the table.
      title: Function that returns the display name of a metric.
    """
    metrics = dict.fromkeys(
        name for entry in models.values() for name in entry.values if name.endswith(end)
    )
    rows: list[list[page.Cell]] = [
        [
            title(name.removesuffix(end)),
            *(findings.estimate(entry, name) for entry in models.values()),
        ]
        for name in metrics
    ]
    return page.Table(["metric", *map(tables.model_title, models)], rows, caption)


def _interval_plot(
    models: Mapping[str, report_model.Entry],
    metrics: Sequence[str],
    title: str,
    label: str = "value of the metric",
) -> markupsafe.Markup:
    metrics = [
        m
        for m in metrics
        if any(m in model_entry.values for model_entry in models.values())
    ]
    return plots.intervals(
        title,
        [metric_names.title(metric) for metric in metrics],
        {
            tables.model_title(model): [
                findings.estimate(entry, metric).three for metric in metrics
            ]
            for model, entry in models.items()
        },
        label,
        colours=names.colours(models),
    )


def slices(report: report_model.Report) -> page.Section:
    """Returns the section on slices of the right answers."""
    models = findings.retrieval(report)
    blocks: list[page.Block] = []
    numbers: list[page.Block] = []
    for name, rows in report.slices.items():
        if len(rows) > 1:  # one part alone is the whole again
            shown = [model for model in rows[0].lists if model in models]
            metric = next(iter(rows[0].lists[shown[0]]))
            blocks.append(_slice_plot(name, rows, shown, metric))
        if rows:
            numbers.append(_slice_table(name, rows))
    blocks.append(page.Details("Numbers of all slices", numbers))
    return page.Section(
        "Breakdowns by users and videos",
        "The same lists, measured on the right answers of one slice at a time: of some "
        "users, or of some videos. n: users in the slice; small slices have wide "
        "intervals. New users have no watch in training.",
        blocks,
    )


def _slice_plot(
    name: str,
    rows: Sequence[report_model.SliceRow],
    models: Sequence[str],
    metric: str,
) -> markupsafe.Markup:
    return plots.intervals(
        f"{names.heading(metric)} by {names.sliced_by(name)}",
        [f"{row.value}\nn = {row.users:,}" for row in rows],
        {
            tables.model_title(model): [
                _row_cell(row, model, metric).three for row in rows
            ]
            for model in models
        },
        metric_names.title(metric),
        colours=names.colours(models),
    )


def _row_cell(row: report_model.SliceRow, model: str, metric: str) -> tables.NumberCell:
    return tables.NumberCell(*row.lists.get(model, {}).get(metric, (None, None, None)))


def _slice_table(name: str, rows: Sequence[report_model.SliceRow]) -> page.Table:
    columns = {
        (model, metric): f"{tables.model_title(model)} {metric_names.title(metric)}"
        for row in rows
        for model, values in row.lists.items()
        for metric in values
    }
    cells: list[list[page.Cell]] = [
        [row.value, row.users, row.answers, *(_row_cell(row, *key) for key in columns)]
        for row in rows
    ]
    heading = names.sliced_by(name)
    return page.Table(
        [heading, "users", "answers", *columns.values()], cells, f"By {heading}"
    )
