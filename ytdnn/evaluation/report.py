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
    if "ranking" in report:
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
    columns = {"popularity": "popularity", "candidates": "candidates"}
    if "system" in report:
        columns["system"] = "candidates + ranker"
    result = table.Table(title=title)
    result.add_column("metric", no_wrap=True)
    for heading in columns.values():
        result.add_column(heading, justify="right", no_wrap=True)
    for metric in report["candidates"]:
        cells = [_cell(report, column, metric) for column in columns]
        result.add_row(metric, *cells)
    return result


def _ranking_table(report: Mapping[str, Any]) -> table.Table:
    protocol = report["protocol"]
    result = table.Table(
        title=f"ranking: {protocol.get('impressions', 0):,} impressions"
    )
    result.add_column("metric", no_wrap=True)
    for heading in ("popularity", "ranker"):
        result.add_column(heading, justify="right", no_wrap=True)
    for metric in report["ranking"]:
        result.add_row(
            _RANKING_NAMES.get(metric, metric),
            _cell(report, "ranking_popularity", metric),
            _cell(report, "ranking", metric),
        )
    return result


def _cell(report: Mapping[str, Any], column: str, metric: str) -> str:
    """Returns a number with half the width of its interval, – where undefined."""
    value = report.get(column, {}).get(metric)
    if value is None:
        return "–"
    bounds = report.get(f"{column}_intervals", {}).get(metric)
    if not bounds or None in bounds:
        return f"{value:.4f}"
    return f"{value:.4f} ± {(bounds[1] - bounds[0]) / 2:.4f}"


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    protocol = report["protocol"]
    yield "±: half a 95 % bootstrap interval over users."
    if str(protocol.get("request_time", "")).startswith("sees"):
        yield f"The candidate model {protocol['request_time']}."
    if protocol.get("targets_out_of_vocabulary"):
        yield (
            f"{protocol['targets_out_of_vocabulary']:,} of {protocol['targets']:,} "
            f"answers are videos out of the vocabulary, which no list can hold."
        )
    if report.get("index"):
        yield "Index: " + _pairs(report["index"]) + "."
    if report.get("latency"):
        yield "Latency of one user: " + _pairs(report["latency"]) + "."
    if "system" in report:
        is_movielens = protocol.get("source") == "movielens"
        yield _MOVIELENS_NOTE if is_movielens else _WATCH_TIME_NOTE


def _pairs(values: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.3f}" for name, value in values.items()
    )
