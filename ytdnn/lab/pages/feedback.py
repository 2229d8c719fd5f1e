"""The section of the outcomes of impressions."""

from collections.abc import Iterator, Mapping

from ytdnn.base import registries
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import names, outcome_table
from ytdnn.lab.pages import page, tables

_OF_TRADE_OFFS = "share in the first half of each user's list, by weights of the order"


@registries.REPORT_SECTIONS.register("outcomes", place=25)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section of outcomes, where the log has some."""
    found = report.outcomes
    if found is None:
        return
    blocks: list[page.Block] = [
        tables.metric_table(models, "", outcome, named=names.outcome_metric)
        for outcome, models in found.numbers.items()
    ]
    for outcome, models in found.calibration.items():
        blocks.append(page.Details(f"Calibration of {outcome}", [_tenths(models)]))
    if found.trade_offs:
        blocks.append(_trade_offs(found.trade_offs))
    yield page.Section(
        outcome_table.TITLE,
        "Each outcome is predicted for every impression of which it is known. Grouped "
        "AUC is within each user, by what was known when the user's list began. The "
        "calibration ratio is predicted over observed. The last table orders each "
        "user's impressions by weighted sums of the predictions.",
        blocks,
    )


def _tenths(models: Mapping[str, tuple[report_model.Tenth, ...]]) -> page.Table:
    """Returns predicted and observed means of ten parts, by prediction."""
    rows: list[list[page.Cell]] = [
        [
            names.model(name),
            number,
            one.impressions,
            one.predicted,
            tables.cell(*one.observed),
            tables.cell(*one.ratio),
        ]
        for name, tenths in models.items()
        for number, one in enumerate(tenths, 1)
    ]
    columns = ["model", "part", "impressions", "predicted", "observed", "ratio"]
    return page.Table(columns, rows, "Tenths by prediction")


def _trade_offs(found: Mapping[str, report_model.Entry]) -> page.Table:
    """Returns the shares of each quantity, weightings down."""
    quantities = list(next(iter(found.values())).values)
    rows: list[list[page.Cell]] = [
        [weights, *(tables.cell(*tables.three(entry, one)) for one in quantities)]
        for weights, entry in found.items()
    ]
    headings = [one.replace("_", " ") for one in quantities]
    caption = f"Trade-offs: {_OF_TRADE_OFFS}"
    return page.Table(["weights", *headings], rows, caption)
