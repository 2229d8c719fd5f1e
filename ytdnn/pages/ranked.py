"""Sections of the page on the ranker's predictions, and on what is recommended."""

from collections.abc import Iterator, Mapping, Sequence

import markupsafe

from ytdnn.evaluation import definitions, report_model
from ytdnn.pages import names, page, plots, scales, tables


def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields a section for each part that the report has."""
    if report.impressions:
        yield impressions(report)
    if report.recommended:
        yield recommended(report)


def impressions(report: report_model.Report) -> page.Section:
    """Returns the numbers of the ranker, and how far its predictions hold."""
    models = report.impressions
    rules = report.protocol.ranker
    number = rules.impressions if rules else 0
    blocks: list[page.Block] = [
        tables.metric_table(
            models, "", f"{number:,} impressions" if number else "Impressions"
        )
    ]
    blocks += tables.gap_tables(report, "impressions")
    meanings = [
        [names.metric(name), definitions.IMPRESSIONS[name]]
        for name in next(iter(models.values())).values
        if name in definitions.IMPRESSIONS
    ]
    table = page.Table(
        ["metric", "definition, over all impressions"], meanings, words=(0, 1)
    )
    blocks.append(page.Details("What each metric means", [table]))
    if report.calibration:
        blocks += _calibration(report)
    return page.Section(
        "Ranking of logged impressions",
        "The ranker scores impressions of the log. AUC: the chance that a clicked one "
        "scores above one that was not clicked (0.5: random order); of log loss and "
        "weighted per-user loss less is better. The calibration plots cut the "
        "impressions into deciles by prediction: calibrated predictions lie on the "
        "dashed line.",
        blocks,
    )


_PREDICTED, _ODDS, _MEAN = "predicted", "observed", "mean_seconds"
_OF_TENTH = {
    _PREDICTED: "mean prediction",
    _ODDS: "observed, per impression not clicked",
    _MEAN: "observed, per impression",
    "impressions": "impressions",
}


def _calibration(report: report_model.Report) -> list[page.Block]:
    models = report.calibration
    entries = [entry for rows in models.values() for entry in rows]
    columns = [
        key
        for key in _OF_TENTH
        if any(getattr(entry, key) is not None for entry in entries)
    ]
    rows = [
        [names.model(model), place, *(getattr(entry, key) for key in columns)]
        for model, tenths in models.items()
        for place, entry in enumerate(tenths, 1)
    ]
    headings = ["model", "decile", *(_OF_TENTH[key] for key in columns)]
    unit = "watch seconds" if _MEAN in columns else "odds of a click"
    blocks: list[page.Block] = [
        _calibration_plot(models, key, unit) for key in (_ODDS, _MEAN) if key in columns
    ]
    if _MEAN in columns:
        blocks.append(_ODDS_WORDS)
    numbers = page.Table(headings, rows)
    return [*blocks, page.Details("Numbers of the calibration plots", [numbers])]


_ODDS_WORDS = (
    "Weighted logistic regression learns odds: watch seconds divided by the "
    "impressions without a click (PAPER §4.2). Where clicks are frequent, that is more "
    "than the mean over all impressions, so a ranker calibrated to the first lies "
    "above the second."
)


def _calibration_plot(
    models: Mapping[str, Sequence[report_model.Tenth]], observed: str, unit: str
) -> markupsafe.Markup:
    series = {
        names.model(model): plots.Series(
            [entry.predicted for entry in rows],
            [getattr(entry, observed) for entry in rows],
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
        f"Calibration: {words}",
        series,
        f"{_OF_TENTH[_PREDICTED]}, {unit}",
        f"{unit}, {words}",
        log_x=True,
        log_y=True,
        colours=names.colours(models) | {"perfect": 0},
    )


def recommended(report: report_model.Report) -> page.Section:
    """Returns how popular and how old the recommended videos are."""
    models = report.recommended
    colours = names.colours(models)
    blocks: list[page.Block] = [
        plots.bars(
            "Popularity of recommended videos",
            [str(decile) for decile in range(1, 11)],
            {names.model(m): found.popularity_deciles for m, found in models.items()},
            "decile of the videos by training watches (10: most watched)",
            "share of recommendations",
            colours=colours,
        )
    ]
    ages = {name: found.age_days for name, found in models.items() if found.age_days}
    if ages:
        blocks.append(_age_plot(ages, colours))
    return page.Section(
        "Popularity and age of recommendations",
        "A model that personalises well recommends videos distributed like the right "
        "answers. All weight on the highest decile of popularity means that everybody "
        "gets the most watched videos.",
        blocks,
    )


def _age_plot(
    ages: Mapping[str, report_model.Ages], colours: Mapping[str, int]
) -> markupsafe.Markup:
    edges = max((found.edges for found in ages.values()), key=len)
    categories = [f"{edge:g}" for edge in edges[:-1]]
    shares = {
        # Bins that a model does not need at the old end hold nothing.
        names.model(model): [
            *found.shares,
            *[0.0] * (len(categories) - len(found.shares)),
        ]
        for model, found in ages.items()
    }
    return plots.bars(
        "Age of recommended videos",
        categories,
        shares,
        "days since upload (lower end of each bin)",
        "share of recommendations",
        colours=colours,
    )
