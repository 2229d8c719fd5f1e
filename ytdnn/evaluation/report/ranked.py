"""Sections of the page on the ranker's predictions, and on what is recommended."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import markupsafe

from ytdnn.evaluation.report import names, page, plots, scales, tables

Report = Mapping[str, Any]


def sections(report: Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    if report.get("impressions"):
        yield impressions(report)
    if report.get("recommended"):
        yield recommended(report)


def impressions(report: Report) -> page.Section:
    """Returns the numbers of the ranker, and how far its predictions hold."""
    models = report["impressions"]
    number = report["protocol"].get("impressions", 0)
    blocks: list[page.Block] = [
        tables.metric_table(
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
