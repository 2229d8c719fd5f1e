"""Tables of metrics with their intervals."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import markupsafe

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import finite_numbers, names
from ytdnn.lab.pages import page, plots

_WIDE = 0.002  # an interval that makes the fourth decimal worthless


def three(found: report_model.Entry, metric: str) -> plots.Interval:
    """Returns a model's value of a metric and the ends of its interval."""
    low, high = found.intervals.get(metric) or (None, None)
    return found.values.get(metric), low, high


def metric_table(
    models: Mapping[str, report_model.Entry],
    end: str,
    caption: str,
    left_out: Collection[str] = (),
    named: Callable[[str], str] = metric_names.title,
) -> page.Table:
    """Returns a table of metrics down, models across, of metrics with a given suffix.

    Args:
      models: Metrics of each model.
      end: Suffix of the metric names, left off in the table.
      caption: Description of the table.
      left_out: Metrics that are not shown, without their suffix.
      named: Function that returns the display name of a metric.
    """
    metrics = {
        name: None
        for found in models.values()
        for name in found.values
        if name.endswith(end) and name.removesuffix(end) not in left_out
    }
    rows = [
        [
            named(name.removesuffix(end)),
            *(cell(*three(found, name)) for found in models.values()),
        ]
        for name in metrics
    ]
    return page.Table(["metric", *map(names.model, models)], rows, caption)


def gap_tables(
    report: report_model.Report,
    kind: str,
    metrics: Sequence[str] = (),
    shown_models: Collection[str] | None = None,
) -> list[page.Block]:
    """Returns how much of the gap to the oracle each model closes, where there is one.

    Args:
      report: The report.
      kind: `lists` or `impressions`.
      metrics: Those shown, all if empty.
      shown_models: Models that are shown; None: all.
    """
    models = {
        name: found
        for name, found in report.gap_closed.get(kind, {}).items()
        if shown_models is None or name in shown_models
    }
    if not models:
        return []
    shown = metrics or list(next(iter(models.values())))
    rows = [
        [
            metric_names.title(metric),
            *(_percent(found.get(metric)) for found in models.values()),
        ]
        for metric in shown
    ]
    columns = ["metric", *map(names.model, models)]
    caption = names.GAP_CLOSED[:1].upper() + names.GAP_CLOSED[1:]
    return [
        page.Table(columns, rows, f"{caption} (0 %: as popularity, 100 %: as oracle)")
    ]


def _percent(share: float | None) -> page.Cell:
    return None if share is None else f"{round(share, 2) + 0.0:.0%}"


def cell(
    value: Any,
    low: Any = None,
    high: Any = None,
    show: Callable[[float], str] | None = None,
) -> page.Cell:
    """Returns a value with its interval in small below it.

    Args:
      value: A number.
      low: Lower end of its interval, if it has one.
      high: Upper end.
      show: How numbers are written; None: with as many decimals as the interval
        is worth.
    """
    if not finite_numbers.is_finite(value):
        return None
    if not (finite_numbers.is_finite(low) and finite_numbers.is_finite(high)):
        return (show or fixed)(value)
    if show is None:
        show = _coarse if high - low > _WIDE else fixed
    bounds = f"{show(low)} – {show(high)}"
    return markupsafe.Markup('{}<span class="small">{}</span>').format(
        show(value), bounds
    )


def _coarse(value: float) -> str:
    """Returns a number with three decimals, for values too uncertain for four."""
    return f"{value:.3f}" if abs(value) < 10 else page.format_number(value)


def fixed(value: float) -> str:
    """Returns a number with four decimals if below 10, so that columns line up."""
    return f"{value:.4f}" if abs(value) < 10 else page.format_number(value)
