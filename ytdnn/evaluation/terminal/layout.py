"""Tables of metrics and models that fit the width of a terminal.

The widest form that fits is taken: metrics down and models across, with intervals, then
without; else models down, in as many tables as the metrics need. No number is broken
into lines.
"""

from collections.abc import Mapping, Sequence

from rich import console, table

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import finite_numbers, names

WITHOUT_INTERVALS = "intervals: on the report's page, or in a wider terminal"
_FOUR_DECIMALS_BELOW = 10.0
_UNBOUNDED = 10_000  # characters


def tables(
    title: str,
    models: Mapping[str, report_model.Entry],
    groups: Sequence[Sequence[str]],
    width: int,
) -> list[table.Table]:
    """Returns tables of metrics, each group with a line after it or a table of its own.

    Args:
      title: Title of the first table.
      models: Values of each model.
      groups: Names of metrics.
      width: Characters of a line.
    """
    found = _metrics_down(title, models, groups, with_intervals=True)
    if _fits(found, width):
        return [found]
    parts = [_metrics_down(title, models, groups, with_intervals=False)]
    if not _fits(parts[0], width):
        parts = [
            part
            for group in groups
            for part in models_down(
                [_marked(metric_names.title(metric), metric) for metric in group],
                {k: [cell(v, m, False) for m in group] for k, v in models.items()},
                width,
            )
        ]
        parts[0].title = title
    parts[-1].caption = WITHOUT_INTERVALS
    return parts


def models_down(
    headings: Sequence[str], rows: Mapping[str, Sequence[str]], width: int
) -> list[table.Table]:
    """Returns tables with a row for each model, as few as the width permits.

    Args:
      headings: Heading of each column.
      rows: Cells of each model, by its name.
      width: Characters of a line.
    """
    found: list[table.Table] = []
    first = 0
    while first < len(headings):
        for last in range(len(headings), first, -1):
            part = table.Table()
            _add_columns(part, "system", headings[first:last])
            for name, cells in rows.items():
                part.add_row(names.model(name), *cells[first:last])
            if _fits(part, width):
                break
        found.append(part)
        first = last
    return found


def cell(found: report_model.Entry, metric: str, with_interval: bool) -> str:
    """Returns a number, – where undefined; with half the width of its interval."""
    value = found.values.get(metric)
    if value is None:
        return "–"
    decimals = 4 if abs(value) < _FOUR_DECIMALS_BELOW else 1
    ends = found.intervals.get(metric) or ()
    return number(value, decimals, ends if with_interval else ())


def number(value: float, decimals: int, ends: Sequence[float | None]) -> str:
    """Returns a number, with half the width of its interval if that has finite ends."""
    known = finite_numbers.finite(ends)
    width = f" ± {(known[1] - known[0]) / 2:,.{decimals}f}" if len(known) > 1 else ""
    return f"{value:,.{decimals}f}{width}"


def metric(name: str) -> str:
    """Returns a metric with an arrow down where less is better."""
    return _marked(name, name)


def _marked(words: str, name: str) -> str:
    return f"{words} ↓" if metric_names.less_is_better(name) else words


def _metrics_down(
    title: str,
    models: Mapping[str, report_model.Entry],
    groups: Sequence[Sequence[str]],
    with_intervals: bool,
) -> table.Table:
    result = table.Table(title=title)
    _add_columns(result, "metric", [names.model(model) for model in models])
    for group in groups:
        for name in group:
            cells = [cell(found, name, with_intervals) for found in models.values()]
            result.add_row(metric(name), *cells)
        result.add_section()
    return result


def _add_columns(result: table.Table, first: str, headings: Sequence[str]) -> None:
    """Adds columns without line breaks in cells; headings break at spaces."""
    result.add_column(first, no_wrap=True)
    for heading in headings:
        lines = heading.replace(" ↓", "\N{NO-BREAK SPACE}↓").replace(" ", "\n")
        result.add_column(lines, justify="right", no_wrap=True)


def _fits(one: table.Table, width: int) -> bool:
    screen = console.Console(width=_UNBOUNDED)
    return one.__rich_measure__(screen, screen.options).maximum <= width
