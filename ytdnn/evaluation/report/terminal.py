"""The report for people: ours beside popularity, with intervals, and what to expect."""

from collections.abc import Iterator, Mapping
from typing import Any

import rich
from rich import console, table, text

_RANKING_NAMES = {
    "auc": "AUC (higher is better)",
    "log_loss": "log loss (lower is better)",
    "weighted_per_user_loss": "weighted per-user loss (lower)",
}
_WATCH_TIME_NOTE = (
    "The ranker orders by expected watch time once shown, the lists are judged by "
    "what was watched: candidates + ranker may fall below candidates alone."
)
_MOVIELENS_NOTE = (
    "On MovieLens expect candidates + ranker below candidates alone: the ranker was "
    "trained on ratings of films people had watched, so it orders by how well a film "
    "is liked, not by which is watched next."
)


def show(report: Mapping[str, Any]) -> None:
    """Prints the tables and notes of a report to the terminal."""
    rich.print(render(report))


def render(report: Mapping[str, Any]) -> console.Group:
    """Returns the tables and notes of a report, as `evaluate` returns it."""
    parts: list[console.RenderableType] = [_lists_table(report)]
    if report.get("impressions"):
        parts.append(_ranking_table(report))
    parts += [text.Text(note) for note in _notes(report)]
    return console.Group(*parts)


def _lists_table(report: Mapping[str, Any]) -> table.Table:
    protocol = report["protocol"]
    title = ", ".join(
        str(protocol[key]) for key in ("name", "split") if key in protocol
    )
    if "users" in protocol:
        title += f": {protocol['users']:,} users, {protocol['videos']:,} videos"
    return _table(title, report["lists"], {"system": "candidates + ranker"}, {})


def _ranking_table(report: Mapping[str, Any]) -> table.Table:
    number = report["protocol"].get("impressions", 0)
    title = f"ranking: {number:,} impressions"
    return _table(title, report["impressions"], {}, _RANKING_NAMES)


def _table(
    title: str,
    models: Mapping[str, Any],
    headings: Mapping[str, str],
    names: Mapping[str, str],
) -> table.Table:
    """Returns metrics down, models across."""
    result = table.Table(title=title)
    result.add_column("metric", no_wrap=True)
    for model in models:
        heading = headings.get(model, model)
        result.add_column(heading, justify="right", no_wrap=True)
    metrics = {metric: None for found in models.values() for metric in found["values"]}
    for metric in metrics:
        cells = [_cell(found, metric) for found in models.values()]
        result.add_row(names.get(metric, metric), *cells)
    return result


def _cell(found: Mapping[str, Any], metric: str) -> str:
    """Returns a number with half the width of its interval, – where undefined."""
    value = found["values"].get(metric)
    if value is None:
        return "–"
    bounds = found["intervals"].get(metric)
    if not bounds or None in bounds:
        return f"{value:.4f}"
    return f"{value:.4f} ± {(bounds[1] - bounds[0]) / 2:.4f}"


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    protocol = report["protocol"]
    yield "±: half a 95 % bootstrap interval over users."
    if protocol.get("targets_out_of_vocabulary"):
        yield (
            f"{protocol['targets_out_of_vocabulary']:,} of {protocol['targets']:,} "
            f"answers are videos out of the vocabulary, which no list can hold."
        )
    if report.get("index"):
        yield "Index: " + _pairs(report["index"]) + "."
    if report.get("latency"):
        yield "Latency of one user: " + _pairs(report["latency"]) + "."
    if "system" in report["lists"]:
        is_movielens = protocol.get("source") == "movielens"
        yield _MOVIELENS_NOTE if is_movielens else _WATCH_TIME_NOTE


def _pairs(values: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.3f}" for name, value in values.items()
    )
