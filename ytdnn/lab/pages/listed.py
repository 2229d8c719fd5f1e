"""Sections of the page on the lists: their value, their retrieval metrics, slices."""

from collections.abc import Iterator, Mapping, Sequence

import markupsafe

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import names, notes, page_value, shown_words
from ytdnn.lab.pages import page, plots, shown_order, tables, valued

# Of lists, in the order of the plots; all others only stand in the tables.
_QUALITY = ("hit_rate", "recall", "ndcg", "map", "mrr", "precision")
# Of the page, not of what lists retrieve: drawn first, or in tables alone.
_PAGE = (*metric_names.TRUE_PAGE, metric_names.HIT_WATCH_SECONDS)
_K_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_MODELS_BESIDE_PLOT = 4  # more columns of numbers do not fit in half of a page


@registries.REPORT_SECTIONS.register("lists", place=10)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    worth = [valued.section(report), shown_order.section(report)]
    for part in reversed(worth) if shown_words.is_first(report) else worth:
        yield from part
    yield headline(report)
    if report.curves:
        yield curves(report)
    if report.slices:
        yield slices(report)


def headline(report: report_model.Report) -> page.Section:
    """Returns the section on retrieval metrics of the lists, with intervals."""
    k, models = page_value.headline_k(report), page_value.retrieval(report)
    shown = [metric_names.at(metric, k) for metric in _QUALITY[:-1]]
    plot = _interval_plot(models, shown, f"Quality of the first {k} videos")
    table = tables.metric_table(models, f"@{k}", f"Lists of {k} videos", _PAGE)
    fits = len(models) <= _MODELS_BESIDE_PLOT
    blocks: list[page.Block] = [page.Columns([[plot], [table]])] if fits else [plot]
    blocks += [*(() if fits else (table,)), *notes.sentences(report)]
    blocks += tables.gap_tables(report, "lists", shown, models)
    blocks.append(page.Details("Definitions of the metrics", [_definitions(report)]))
    lengths = [k, *(other for other in page_value.ks(report) if other != k)]
    words = ", ".join(map(str, lengths))
    blocks.append(
        page.Details(
            f"Every system and metric, for lists of {words} videos",
            [tables.metric_table(report.lists, f"@{n}", f"@{n}") for n in lengths],
        )
    )
    return page.Section(
        "Retrieval",
        f"Each model recommends {k} videos to each user; those that the user watched "
        "afterwards count as right. Dot: mean over users, higher is better; line, or "
        "the numbers in grey: 95 % bootstrap interval over users. Where intervals do "
        "not overlap, a difference is unlikely to be chance; where they do, ytdnn "
        "compare, which pairs two runs by user, may still separate them.",
        blocks,
    )


def _definitions(report: report_model.Report) -> page.Table:
    stems = {
        metric_names.stem(name): None
        for found in report.lists.values()
        for name in found.values
    }
    rows = [
        [metric_names.title(stem), metric_names.text(stem)]
        for stem in stems
        if metric_names.text(stem)
    ]
    return page.Table(
        ["metric", "definition, for a list of k videos"], rows, words=(0, 1)
    )


def _interval_plot(
    models: Mapping[str, report_model.Entry], metrics: Sequence[str], title: str
) -> markupsafe.Markup:
    metrics = [
        metric
        for metric in metrics
        if any(metric in found.values for found in models.values())
    ]
    return plots.intervals(
        title,
        [metric_names.title(metric) for metric in metrics],
        {
            names.model(model): [tables.three(found, metric) for metric in metrics]
            for model, found in models.items()
        },
        "value of the metric",
        colours=names.colours(models),
    )


def curves(report: report_model.Report) -> page.Section:
    """Returns each metric over the length of the list."""
    measured = {metric: None for found in report.curves.values() for metric in found}
    values = [stem for stem in metric_names.PAGE_VALUES if stem in measured][:1]
    first = [*values, *(metric for metric in _QUALITY if metric in measured)]
    more = sorted({*measured} - {*first})
    blocks: list[page.Block] = [_curve_plot(report, metric) for metric in first]
    if more:
        plots_of_more = [_curve_plot(report, metric) for metric in more]
        blocks.append(page.Details("More metrics by length", plots_of_more))
    return page.Section(
        "Metrics by length of the list",
        "The same metrics on the first k videos of each list. A model that is ahead at "
        "small k ranks right videos at the top; one that is ahead only at large k "
        "retrieves them, but further down.",
        blocks,
    )


def _curve_plot(report: report_model.Report, metric: str) -> page.Block:
    """Returns one metric, of the models that it is a measure of."""
    left_out = () if metric in _PAGE else page_value.apart(report)
    models = {
        name: found[metric]
        for name, found in report.curves.items()
        if name not in left_out and metric in found
    }
    longest = max((k for curve in models.values() for k in curve.k), default=1)
    return plots.lines(
        f"{names.heading(metric)} by length of the list",
        {
            names.model(name): plots.Series(curve.k, curve.values)
            for name, curve in models.items()
        },
        "k, length of the list (log scale)",
        f"{metric_names.title(metric)}@k",
        log_x=True,
        from_zero=True,
        x_ticks=[tick for tick in _K_TICKS if tick <= longest],
        colours=names.colours(models),
    )


def slices(report: report_model.Report) -> page.Section:
    """Returns the section on slices: retrieval metrics, and the value of pages."""
    left_out = page_value.apart(report)
    blocks: list[page.Block] = []
    worth: list[page.Block] = []
    numbers: list[page.Block] = []
    for name, rows in report.slices.items():
        if len(rows) > 1:  # one part alone is the whole again
            models = [model for model in rows[0].lists if model not in left_out]
            metric = next(iter(rows[0].lists[models[0]]))
            blocks.append(_slice_plot(name, rows, models, metric))
            of_page = _page_value(rows[0])
            if of_page is not None:
                worth.append(_slice_plot(name, rows, list(rows[0].lists), of_page))
        if rows:
            numbers.append(_slice_table(name, rows))
    if worth:
        blocks.append(page.Details("The value of a slate, by users", worth))
    blocks.append(page.Details("Numbers of all slices", numbers))
    return page.Section(
        "Breakdowns by users and videos",
        "The same lists, measured on the right answers of one slice at a time: of some "
        "users, or of some videos. n: users in the slice; small slices have wide "
        "intervals. New users have no watch in training.",
        blocks,
    )


def _page_value(row: report_model.SliceRow) -> str | None:
    """Returns the metric of the page by truth that a slice of users has."""
    for values in row.lists.values():
        for metric in values:
            if metric.startswith(metric_names.TRUE_WATCH_SECONDS):
                return metric
    return None


def _slice_plot(
    name: str,
    rows: Sequence[report_model.SliceRow],
    models: Sequence[str],
    metric: str,
) -> markupsafe.Markup:
    values = {
        names.model(model): [
            _padded(row.lists.get(model, {}).get(metric)) for row in rows
        ]
        for model in models
    }
    return plots.intervals(
        f"{names.heading(metric)} by {names.sliced_by(name)}",
        [f"{row.value}\nn = {row.users:,}" for row in rows],
        values,
        metric_names.title(metric),
        colours=names.colours(models),
    )


def _padded(three: report_parts.WithInterval | None) -> plots.Interval:
    value, low, high = three or (None, None, None)
    return value, low, high


def _slice_table(name: str, rows: Sequence[report_model.SliceRow]) -> page.Table:
    columns = {
        (model, metric): f"{names.model(model)} {metric_names.title(metric)}"
        for row in rows
        for model, values in row.lists.items()
        for metric in values
    }
    cells = [
        [
            row.value,
            row.users,
            row.answers,
            *(
                tables.cell(*_padded(row.lists.get(model, {}).get(metric)))
                for model, metric in columns
            ),
        ]
        for row in rows
    ]
    heading = names.sliced_by(name)
    return page.Table(
        [heading, "users", "answers", *columns.values()], cells, f"By {heading}"
    )
