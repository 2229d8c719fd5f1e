"""Sections of the page on what was measured: lists, slices, ranker, what is shown."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import markupsafe

from ytdnn.evaluation.report import names, page, plots, scales

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
    if report.get("impressions"):
        yield impressions(report)
    if report.get("recommended"):
        yield recommended(report)


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
    tables = [_metric_table(report["lists"], f"@{other}", "") for other in others]
    blocks: list[page.Block] = [
        _interval_plot(report["lists"], shown, f"How good the first {k} videos are"),
        _metric_table(report["lists"], f"@{k}", f"Lists of {k} videos"),
    ]
    if others:
        words = ", ".join(map(str, others))
        blocks.append(page.Details(f"The same for lists of {words}", tables))
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
            names.model(model): [_three(found, metric) for metric in metrics]
            for model, found in models.items()
        },
        "value of the metric",
        colours=names.colours(models),
    )


def _three(found: Mapping[str, Any], metric: str) -> plots.Interval:
    low, high = found["intervals"].get(metric) or (None, None)
    return found["values"].get(metric), low, high


def _metric_table(models: Mapping[str, Any], end: str, caption: str) -> page.Table:
    """Returns metrics down, models across, of the metrics whose name has an end."""
    metrics = {
        name: None
        for found in models.values()
        for name in found["values"]
        if name.endswith(end)
    }
    rows = [
        [
            names.metric(name.removesuffix(end)),
            *(_cell(*_three(found, name)) for found in models.values()),
        ]
        for name in metrics
    ]
    return page.Table(["metric", *map(names.model, models)], rows, caption)


def _cell(value: Any, low: Any = None, high: Any = None) -> page.Cell:
    """Returns a value with its interval in small below it."""
    if not scales.is_finite(value):
        return None
    if not (scales.is_finite(low) and scales.is_finite(high)):
        return _fixed(value)
    bounds = f"{_fixed(low)} – {_fixed(high)}"
    return markupsafe.Markup('{}<span class="small">{}</span>').format(
        _fixed(value), bounds
    )


def _fixed(value: float) -> str:
    """Returns four decimals where most metrics lie, so that columns line up."""
    return f"{value:.4f}" if abs(value) < 10 else scales.number(value)


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
    tables: list[page.Block] = []
    for name, rows in report["slices"].items():
        if rows:
            blocks.append(_slice_plot(name, rows))
            tables.append(_slice_table(name, rows))
    blocks.append(page.Details("All numbers of the slices", tables))
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
        [f"{row['value']} (n = {row['users']:,})" for row in rows],
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
                _cell(*_padded(row["lists"].get(model, {}).get(metric)))
                for model, metric in columns
            ),
        ]
        for row in rows
    ]
    heading = name.replace("_", " ")
    return page.Table(
        [heading, "users", "answers", *columns.values()], cells, f"By {heading}"
    )


def impressions(report: Report) -> page.Section:
    """Returns the numbers of the ranker, and how far its predictions hold."""
    models = report["impressions"]
    number = report["protocol"].get("impressions", 0)
    blocks: list[page.Block] = [
        _metric_table(
            models, "", f"{number:,} impressions" if number else "Impressions"
        )
    ]
    if report.get("calibration"):
        blocks += _calibration(report)
    return page.Section(
        "Ordering what was shown",
        "The ranker scores videos that were really shown to users. AUC is the chance "
        "that a clicked one is scored above one that was not (0.5: by chance, 1: "
        "always); log loss and weighted per-user loss are lower where it is better. "
        "The latter is the share of watch time whose video was scored below one that "
        "was shown beside it and not watched. Calibrated means: of impressions with "
        "one prediction, the average that came true is that prediction; the dots then "
        "lie on the dashed line.",
        blocks,
    )


def _calibration(report: Report) -> list[page.Block]:
    models = report["calibration"]
    unit = report["protocol"].get("unit", "")
    points = [entry for rows in models.values() for entry in rows]
    ends = scales.finite(
        value for entry in points for value in (entry["predicted"], entry["observed"])
    )
    positive = [end for end in ends if end > 0]
    if not positive:
        return []
    reach = [min(positive), max(positive)]
    series = {"perfect": plots.Series(reach, reach)}
    for model, rows in models.items():
        series[names.model(model)] = plots.Series(
            [entry["predicted"] for entry in rows],
            [entry["observed"] for entry in rows],
            style="points",
        )
    plot = plots.lines(
        "Calibration, by tenths of the prediction",
        series,
        f"mean prediction, {unit}",
        f"mean observed, {unit}",
        log_x=True,
        log_y=True,
        colours=names.colours(models) | {"perfect": 0},
    )
    rows = [
        [names.model(model), place, *(entry[key] for key in _CALIBRATION)]
        for model, entries in models.items()
        for place, entry in enumerate(entries, 1)
    ]
    table = page.Table(["model", "tenth", *_CALIBRATION], rows)
    return [plot, page.Details("Numbers of the calibration", [table])]


_CALIBRATION = ("predicted", "observed", "impressions")


def recommended(report: Report) -> page.Section:
    """Returns how popular and how old the recommended videos are."""
    models = report["recommended"]
    colours = names.colours(models)
    blocks: list[page.Block] = []
    deciles = _of_each(models, "popularity_deciles")
    if deciles:
        blocks.append(
            plots.bars(
                "Popularity of what is recommended",
                [str(decile) for decile in range(1, 11)],
                {names.model(model): shares for model, shares in deciles.items()},
                "tenth of the videos, by training watches (10: most watched)",
                "share of recommendations",
                colours=colours,
            )
        )
    ages = _of_each(models, "age_days")
    if ages:
        blocks.append(_age_plot(ages, colours))
    return page.Section(
        "What is recommended",
        "Where the recommendations go: the bars or lines of a model that personalises "
        "well look like those of the right answers. All weight on the last tenth of "
        "popularity means that everybody is shown what is popular anyway.",
        blocks,
    )


def _of_each(models: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: found[key] for name, found in models.items() if found.get(key)}


def _age_plot(ages: Mapping[str, Any], colours: Mapping[str, int]) -> markupsafe.Markup:
    edges = max((found["edges"] for found in ages.values()), key=len)
    categories = [f"{low:g}–{high:g}" for low, high in itertools.pairwise(edges)]
    shares = {
        # Bins that a model does not need at the old end hold nothing.
        names.model(model): found["shares"]
        + [0.0] * (len(categories) - len(found["shares"]))
        for model, found in ages.items()
    }
    return plots.bars(
        "Age of what is recommended",
        categories,
        shares,
        "days since upload",
        "share of recommendations",
        colours=colours,
    )
