"""Sections of the page on the ranker's predictions, and on recommended lists."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import markupsafe

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import finite_numbers, names
from ytdnn.lab.pages import page, plots, tables


@registries.REPORT_SECTIONS.register("ranker", place=20)
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
        [metric_names.title(name), metric_names.text(name)]
        for name in next(iter(models.values())).values
        if metric_names.text(name)
    ]
    table = page.Table(
        ["metric", "definition, over all impressions"], meanings, words=(0, 1)
    )
    blocks.append(page.Details("Definitions of the metrics", [table]))
    blocks += _slices(report)
    blocks += _calibration(report.calibration)
    return page.Section(
        "Ranking of logged impressions",
        "The ranker scores impressions of the log. AUC: the chance that a clicked one "
        "scores above one that was not clicked (0.5: random order); of losses and "
        "errors less is better. The calibration plots cut the impressions into deciles "
        "by prediction: calibrated predictions lie on the dashed line.",
        blocks,
    )


def _slices(report: report_model.Report) -> Iterator[page.Block]:
    """Yields a table for each slice of the impressions."""
    for slice_name, rows in report.impression_slices.items():
        models = list(report.impressions)
        cells: list[Sequence[page.Cell]] = []
        for row in rows:
            metrics = next(iter(row.models.values()), {})
            cells += [
                [
                    f"{row.value}, {metric_names.title(metric)}",
                    row.impressions,
                    *(tables.cell(*row.models[model][metric]) for model in models),
                ]
                for metric in metrics
            ]
        yield page.Table(
            ["impressions of videos", "number", *map(names.model, models)],
            cells,
            f"By {names.sliced_by(slice_name)}",
        )


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A kind of calibration plot.

    Attributes:
      field: Field of `report_model.CalibrationReport`.
      title: Title of the plot.
      predicted: Name of the predicted value, with its unit.
      observed: Name of the observed value.
      words: A sentence under the plot, if any.
    """

    field: str
    title: str
    predicted: str
    observed: str
    words: str = ""


_KINDS = (
    _Kind(
        "seconds",
        "Calibration of expected watch seconds",
        "predicted watch seconds of an impression",
        "observed, mean over impressions",
    ),
    _Kind(
        "clicks",
        "Calibration of click probability",
        "predicted click probability",
        "observed, share of impressions",
    ),
    _Kind(
        "odds",
        "Calibration of odds",
        "predicted odds",
        "observed, per impression not clicked",
        "Weighted logistic regression learns odds: watch seconds divided by the "
        "impressions without a click (PAPER §4.2). Where clicks are frequent, that is "
        "more than the mean over all impressions.",
    ),
)


def _calibration(
    found: Mapping[str, report_model.CalibrationReport],
) -> Iterator[page.Block]:
    """Yields the plots side by side, then their numbers."""
    by_kind = {
        kind: {
            model: getattr(one, kind.field)
            for model, one in found.items()
            if getattr(one, kind.field)
        }
        for kind in _KINDS
    }
    measured = {kind: models for kind, models in by_kind.items() if models}
    if measured:
        yield page.Columns(
            [
                [_calibration_plot(models, kind), *filter(None, [kind.words])]
                for kind, models in measured.items()
            ]
        )
    for kind, models in measured.items():
        words = f"Numbers of the {kind.title[:1].lower()}{kind.title[1:]}"
        yield page.Details(words, [_calibration_table(models, kind)])


def _calibration_table(
    models: Mapping[str, Sequence[report_model.Tenth]], kind: _Kind
) -> page.Table:
    rows = [
        [
            names.model(model),
            place,
            tables.cell(entry.predicted),
            tables.cell(*entry.observed),
            tables.cell(*entry.ratio),
            entry.impressions,
        ]
        for model, tenths in models.items()
        for place, entry in enumerate(tenths, 1)
    ]
    headings = [
        "model",
        "decile",
        kind.predicted,
        kind.observed,
        "predicted / observed",
        "impressions",
    ]
    return page.Table(headings, rows)


def _calibration_plot(
    models: Mapping[str, Sequence[report_model.Tenth]], kind: _Kind
) -> markupsafe.Markup:
    series = {}
    for model, rows in models.items():
        observed, low, high = zip(*(entry.observed for entry in rows), strict=True)
        given = [entry.predicted for entry in rows]
        series[names.model(model)] = plots.Series(given, observed, low, high, "points")
    ends = [
        end
        for one in series.values()
        for end in finite_numbers.finite([*one.x, *one.y])
        if end > 0
    ]
    if ends:
        reach = [min(ends), max(ends)]
        series = {"perfect": plots.Series(reach, reach)} | series
    return plots.lines(
        kind.title,
        series,
        kind.predicted,
        kind.observed,
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
