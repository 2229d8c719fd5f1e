"""The table of the outcomes of impressions in the terminal."""

from collections.abc import Iterator

from rich import console, table

from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import names

TITLE = "Outcomes of impressions"


def terminal_tables(report: report_model.Report) -> Iterator[console.RenderableType]:
    """Yields the tables of outcomes for the terminal."""
    found = report.outcomes
    if found is None:
        return
    metrics = list(
        dict.fromkeys(
            metric
            for models in found.numbers.values()
            for entry in models.values()
            for metric in entry.values
        )
    )
    result = table.Table(title=TITLE.lower())
    for heading in ("outcome", "model"):
        result.add_column(heading, no_wrap=True)
    for metric in metrics:
        result.add_column(names.outcome_metric(metric), justify="right")
    for outcome, models in found.numbers.items():
        for name, entry in models.items():
            cells = [_number(entry.values.get(metric)) for metric in metrics]
            result.add_row(outcome, names.model(name), *cells)
    yield result


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
