"""Sections of the page on the lists: results, longer and shorter ones, slices."""

from collections.abc import Iterator, Mapping, Sequence

import markupsafe

from ytdnn.evaluation import definitions, report_model, report_parts
from ytdnn.pages import names, notes, page, plots, tables

_HEADLINE_K = 10
# Of lists, in the order of the plots; all others only stand in the tables.
_QUALITY = ("hit_rate", "recall", "ndcg", "map", "mrr", "precision")
_K_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    yield headline(report)
    if report.curves:
        yield curves(report)
    if report.slices:
        yield slices(report)


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


def headline(report: report_model.Report) -> page.Section:
    """Returns the numbers of the lists, with intervals."""
    k = headline_k(report)
    shown = [f"{metric}@{k}" for metric in _QUALITY[:-1]]
    others = [other for other in ks(report) if other != k]
    more = [tables.metric_table(report.lists, f"@{other}", "") for other in others]
    plot = _interval_plot(report.lists, shown, f"Quality of the first {k} videos")
    models = [[names.model(m), names.meaning(m)] for m in report.lists]
    meanings = page.Table(["model", "what it is"], models, words=(0, 1))
    values = tables.metric_table(report.lists, f"@{k}", f"Lists of {k} videos")
    blocks: list[page.Block] = [
        page.Columns([[plot, meanings], [values]]),
        *notes.of(report),
    ]
    blocks += tables.gap_tables(report, "lists", shown)
    blocks.append(page.Details("What each metric means", [_definitions(report)]))
    if others:
        words = ", ".join(map(str, others))
        blocks.append(page.Details(f"The same for lists of {words}", more))
    return page.Section(
        "Results",
        f"Each model recommends {k} videos to each user; those that the user watched "
        "afterwards count as right. Dot: mean over users, higher is better; line, or "
        "the numbers in grey: 95 % bootstrap interval over users. Where intervals do "
        "not overlap, a difference is unlikely to be chance; where they do, ytdnn "
        "compare, which pairs two runs by user, may still separate them.",
        blocks,
    )


def _definitions(report: report_model.Report) -> page.Table:
    stems = {
        name.partition("@")[0]: None
        for found in report.lists.values()
        for name in found.values
    }
    rows = [
        [names.metric(stem), definitions.LISTS[stem]]
        for stem in stems
        if stem in definitions.LISTS
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
        [names.metric(metric) for metric in metrics],
        {
            names.model(model): [tables.three(found, metric) for metric in metrics]
            for model, found in models.items()
        },
        "value of the metric",
        colours=names.colours(models),
    )


def curves(report: report_model.Report) -> page.Section:
    """Returns each metric over the length of the list."""
    models = report.curves
    measured = {metric: None for found in models.values() for metric in found}
    drawn = [
        *(m for m in _QUALITY if m in measured),
        *sorted(set(measured) - {*_QUALITY}),
    ]
    longest = max(
        k for found in models.values() for one in found.values() for k in one.k
    )
    blocks = [
        plots.lines(
            f"{names.heading(metric)} by length of the list",
            {
                names.model(model): plots.Series(found[metric].k, found[metric].values)
                for model, found in models.items()
                if metric in found
            },
            "k, length of the list (log scale)",
            f"{names.metric(metric)}@k",
            log_x=True,
            from_zero=True,
            x_ticks=[tick for tick in _K_TICKS if tick <= longest],
            colours=names.colours(models),
        )
        for metric in drawn
    ]
    return page.Section(
        "Metrics by length of the list",
        "The same metrics on the first k videos of each list. A model that is ahead at "
        "small k ranks right videos at the top; one that is ahead only at large k "
        "retrieves them, but further down.",
        blocks,
    )


def slices(report: report_model.Report) -> page.Section:
    """Returns the first metric of each slice as a plot, and all as tables."""
    blocks: list[page.Block] = []
    numbers: list[page.Block] = []
    for name, rows in report.slices.items():
        if len(rows) > 1:  # one part alone is the whole again
            blocks.append(_slice_plot(name, rows))
        if rows:
            numbers.append(_slice_table(name, rows))
    blocks.append(page.Details("Numbers of all slices", numbers))
    return page.Section(
        "Slices of users and videos",
        "The same lists, measured on the right answers of one slice at a time: of some "
        "users, or of some videos. n: users in the slice; small slices have wide "
        "intervals. New users have no watch in training.",
        blocks,
    )


def _slice_plot(name: str, rows: Sequence[report_model.SliceRow]) -> markupsafe.Markup:
    models = list(rows[0].lists)
    metric = next(iter(rows[0].lists[models[0]]))
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
        names.metric(metric),
        colours=names.colours(models),
    )


def _padded(three: report_parts.WithInterval | None) -> plots.Interval:
    value, low, high = three or (None, None, None)
    return value, low, high


def _slice_table(name: str, rows: Sequence[report_model.SliceRow]) -> page.Table:
    columns = {
        (model, metric): f"{names.model(model)} {names.metric(metric)}"
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
