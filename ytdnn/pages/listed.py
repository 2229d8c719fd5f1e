"""Sections of the page on the lists: results, longer and shorter ones, slices."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import markupsafe

from ytdnn.evaluation import definitions
from ytdnn.pages import names, notes, page, plots, tables

Report = Mapping[str, Any]

_HEADLINE_K = 10
# Of lists, in the order of the plots; all others only stand in the tables.
_QUALITY = ("hit_rate", "recall", "ndcg", "map", "mrr", "precision")
_K_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def sections(report: Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    yield headline(report)
    if report.get("curves"):
        yield curves(report)
    if report.get("slices"):
        yield slices(report)


def ks(report: Report) -> list[int]:
    """Returns the lengths at which lists were measured."""
    found = {
        int(k)
        for part in report["lists"].values()
        for _, at, k in [name.partition("@") for name in part["values"]]
        if at
    }
    return sorted(found)


def headline_k(report: Report) -> int:
    """Returns the length that is shown first: 10 if measured, else the shortest."""
    measured = ks(report)
    return _HEADLINE_K if _HEADLINE_K in measured else measured[0]


def headline(report: Report) -> page.Section:
    """Returns the numbers of the lists, with intervals."""
    k = headline_k(report)
    shown = [f"{metric}@{k}" for metric in _QUALITY[:-1]]
    others = [other for other in ks(report) if other != k]
    more = [tables.metric_table(report["lists"], f"@{other}", "") for other in others]
    plot = _interval_plot(report["lists"], shown, f"How good the first {k} videos are")
    models = [[names.model(m), names.meaning(m)] for m in report["lists"]]
    meanings = page.Table(["model", "what it is"], models, words=(0, 1))
    values = tables.metric_table(report["lists"], f"@{k}", f"Lists of {k} videos")
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
        f"Each model recommends {k} videos to each user, and these are compared with "
        "what the user watched afterwards. Higher is better for every metric of the "
        "plot. Dot: mean over users; line, or the numbers in grey: 95 % bootstrap "
        "interval over users. Intervals that do not overlap mean a difference that is "
        "hardly chance. Where they do, the command ytdnn compare may still tell two "
        "runs apart, user by user.",
        blocks,
    )


def _definitions(report: Report) -> page.Table:
    stems = {
        name.partition("@")[0]: None
        for found in report["lists"].values()
        for name in found["values"]
    }
    rows = [
        [names.metric(stem), definitions.LISTS[stem]]
        for stem in stems
        if stem in definitions.LISTS
    ]
    return page.Table(["metric", "of one list of k videos"], rows, words=(0, 1))


def _interval_plot(
    models: Mapping[str, Any], metrics: Sequence[str], title: str
) -> markupsafe.Markup:
    metrics = [
        metric
        for metric in metrics
        if any(metric in found["values"] for found in models.values())
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


def curves(report: Report) -> page.Section:
    """Returns each metric over the length of the list."""
    models = report["curves"]
    measured = {metric: None for found in models.values() for metric in found}
    drawn = [
        *(m for m in _QUALITY if m in measured),
        *sorted(set(measured) - {*_QUALITY}),
    ]
    longest = max(
        k for found in models.values() for one in found.values() for k in one["k"]
    )
    blocks = [
        plots.lines(
            f"{names.heading(metric)} by length of the list",
            {
                names.model(model): plots.Series(
                    found[metric]["k"], found[metric]["values"]
                )
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
        "Longer and shorter lists",
        "The same metrics when only the first k videos of each list count. A model "
        "that is better for short lists puts the right videos at the very top; one "
        "that is better only for long lists finds them, but lower down.",
        blocks,
    )


def slices(report: Report) -> page.Section:
    """Returns the first metric of each slice as a plot, and all as tables."""
    blocks: list[page.Block] = []
    numbers: list[page.Block] = []
    for name, rows in report["slices"].items():
        if len(rows) > 1:  # one part alone is the whole again
            blocks.append(_slice_plot(name, rows))
        if rows:
            numbers.append(_slice_table(name, rows))
    blocks.append(page.Details("All numbers of the slices", numbers))
    return page.Section(
        "For whom, and for which videos",
        "The same lists, asked about a part of the users or of the right answers at a "
        "time. Small parts have wide intervals; n is the number of users in the part.",
        blocks,
    )


def _slice_plot(name: str, rows: Sequence[Mapping[str, Any]]) -> markupsafe.Markup:
    models = list(rows[0]["lists"])
    metric = next(iter(rows[0]["lists"][models[0]]))
    values = {
        names.model(model): [
            _padded(row["lists"].get(model, {}).get(metric)) for row in rows
        ]
        for model in models
    }
    return plots.intervals(
        f"{names.heading(metric)} by {name.replace('_', ' ')}",
        [f"{row['value']}\nn = {row['users']:,}" for row in rows],
        values,
        names.metric(metric),
        colours=names.colours(models),
    )


def _padded(three: Sequence[Any] | None) -> plots.Interval:
    value, low, high = three or (None, None, None)
    return value, low, high


def _slice_table(name: str, rows: Sequence[Mapping[str, Any]]) -> page.Table:
    columns = {
        (model, metric): f"{names.model(model)} {names.metric(metric)}"
        for row in rows
        for model, values in row["lists"].items()
        for metric in values
    }
    cells = [
        [
            str(row["value"]),
            row["users"],
            row["answers"],
            *(
                tables.cell(*_padded(row["lists"].get(model, {}).get(metric)))
                for model, metric in columns
            ),
        ]
        for row in rows
    ]
    heading = name.replace("_", " ")
    return page.Table(
        [heading, "users", "answers", *columns.values()], cells, f"By {heading}"
    )
