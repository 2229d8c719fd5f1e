"""Sections of the page on the ranker's predictions, and on what is recommended."""

from collections.abc import Iterator, Mapping
from typing import Any

import markupsafe

from ytdnn.evaluation import definitions
from ytdnn.pages import names, page, plots, scales, tables

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
    blocks += tables.gap_tables(report, "impressions")
    meanings = [
        [names.metric(name), definitions.IMPRESSIONS[name]]
        for name in next(iter(models.values()))["values"]
        if name in definitions.IMPRESSIONS
    ]
    table = page.Table(["metric", "of all impressions"], meanings, words=(0, 1))
    blocks.append(page.Details("What each metric means", [table]))
    if report.get("calibration"):
        blocks += _calibration(report)
    return page.Section(
        "Ordering what was shown",
        "The ranker scores videos that were really shown to users. AUC is the chance "
        "that a clicked one is scored above one that was not (0.5: by chance, 1: "
        "always); log loss and weighted per-user loss are lower where it is better. "
        "The plots split the impressions into ten equal parts by the prediction: where "
        "the predictions come true on average, the dots lie on the dashed line.",
        blocks,
    )


_PREDICTED, _ODDS, _MEAN = "predicted", "observed", "mean_seconds"
_OF_TENTH = {
    _PREDICTED: "mean prediction",
    _ODDS: "observed odds",
    _MEAN: "observed mean",
    "impressions": "impressions",
}


def _calibration(report: Report) -> list[page.Block]:
    models = report["calibration"]
    entries = [entry for rows in models.values() for entry in rows]
    columns = [key for key in _OF_TENTH if any(key in entry for entry in entries)]
    rows = [
        [names.model(model), place, *(entry.get(key) for key in columns)]
        for model, tenths in models.items()
        for place, entry in enumerate(tenths, 1)
    ]
    headings = ["model", "tenth", *(_OF_TENTH[key] for key in columns)]
    unit = "seconds watched" if _MEAN in columns else "odds of a click"
    blocks: list[page.Block] = [
        _calibration_plot(models, key, unit) for key in (_ODDS, _MEAN) if key in columns
    ]
    if _MEAN in columns:
        blocks.append(_ODDS_WORDS)
    numbers = page.Table(headings, rows)
    return [*blocks, page.Details("Numbers of the calibration", [numbers])]


_ODDS_WORDS = (
    "The ranker is trained on the odds: seconds watched for each impression that was "
    "not clicked. Where clicks are not rare these lie above the mean over all "
    "impressions, so that a ranker which is right against the odds predicts too much "
    "against the mean."
)


def _calibration_plot(
    models: Mapping[str, Any], observed: str, unit: str
) -> markupsafe.Markup:
    series = {
        names.model(model): plots.Series(
            [entry[_PREDICTED] for entry in rows],
            [entry[observed] for entry in rows],
            style="points",
        )
        for model, rows in models.items()
    }
    ends = [
        end
        for one in series.values()
        for end in scales.finite([*one.x, *one.y])
        if end > 0
    ]
    if ends:
        reach = [min(ends), max(ends)]
        series = {"perfect": plots.Series(reach, reach)} | series
    words = _OF_TENTH[observed]
    return plots.lines(
        f"Prediction against {words}, in ten parts",
        series,
        f"{_OF_TENTH[_PREDICTED]}, {unit}",
        f"{words}, {unit}",
        log_x=True,
        log_y=True,
        colours=names.colours(models) | {"perfect": 0},
    )


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
    categories = [f"{edge:g}" for edge in edges[:-1]]
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
        "days since upload, from this number to below the next",
        "share of recommendations",
        colours=colours,
    )
