"""Reports, comparisons and definitions of metrics in the terminal."""

import math
import textwrap

import rich

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import compare, lists, report_summary, report_types, tables

_WIDTH = 88
_SCANN_RECALL = "scann_recall@100"
_RULES = {
    "users": "one request for each user with a right answer; means are over requests.",
    "full ranking": "all videos of the candidate set are ranked; no negatives are "
    "sampled. Videos of the history are removed from every list, unless "
    "remove_watched=false.",
    "ties": "of equal float32 scores the lower video index comes first.",
    "interval": "95 %, percentiles of a bootstrap over users (num_resamples). "
    "Of XAUC it is that of Hoeffding's projection.",
    "all others": "docs/evaluation.md, and the schema of report.json (python -m "
    "ytdnn.evaluation.report_schema).",
}


def show(report: report_types.Report, is_full: bool = True) -> None:
    """Prints the result of a report, a table of its systems, and notes.

    Args:
      report: Report of the evaluation.
      is_full: Whether all systems and notes are printed, not only what was won over
        what, below a short table.
    """
    screen = rich.get_console()
    told = [report_summary.request_headline(report), report_summary.headline(report)]
    drawn = tables.draw(report_summary.summary_table(report, not is_full), screen.width)
    recall, notes = report.index.get(_SCANN_RECALL), list(report_summary.notes(report))
    if recall is not None:
        notes.insert(0, f"ScaNN finds {recall:.1%} of the 100 nearest videos.")
    served = f"{words}." if (words := report.protocol.served_order) else ""
    short = [
        *report_summary.baseline_notes(report),
        *told,
        served,
        *report.warnings[:1],
    ]
    head = f"{len(notes):,} notes and all systems" if notes else "all systems"
    more = f"{head}: --full, or the page"
    parts = [*told, drawn, *notes] if is_full else [drawn, *short, more]
    for part in filter(None, parts):
        screen.print(part, highlight=False, markup=False)


def show_comparison(comparison: compare.Comparison) -> None:
    """Prints a comparison: the verdict, and a table of what differs."""
    screen = rich.get_console()
    screen.print(comparison_headline(comparison), highlight=False, markup=False)
    screen.print(tables.draw(comparison_table(comparison), screen.width))
    note = (
        f"{comparison.num_users:,} users in both, {comparison.num_other:,} in only "
        f"one. Difference: second minus first, paired over the users in both, with its "
        f"95 % interval. *: the interval excludes 0. Metrics that are equal in both "
        f"are left out."
    )
    if comparison.requests_left_out:
        note += f" Not compared by requests: {comparison.requests_left_out}."
    if comparison.marks:
        note += f" Candidate model: {', '.join(comparison.marks)}."
    screen.print(note, highlight=False, markup=False)


def comparison_table(comparison: compare.Comparison) -> tables.Table:
    """Returns the metrics that differ, those of popularity and bounds last."""
    ordered = sorted(
        comparison.differences,
        key=lambda row: row.model in lists.REFERENCES,
    )
    rows: list[list[tables.Cell]] = [
        [
            tables.model_title(row.model),
            row.metric,
            tables.NumberCell(row.first),
            tables.NumberCell(row.second),
            tables.NumberCell(row.difference, row.low, row.high, "{:+.4f}".format),
            "*" if row.low > 0.0 or row.high < 0.0 else "",
        ]
        for row in ordered
        if row.difference != 0.0
    ]
    columns = ["model", "metric", "first", "second", "difference", ""]
    return tables.Table(columns, rows, words=(0, 1))


def comparison_headline(comparison: compare.Comparison) -> str:
    """Returns the verdicts of a comparison, by requests and by all users' lists."""
    judged = {
        f"{comparison.num_requests:,} requests": comparison.by_requests,
        f"{comparison.num_users:,} users": comparison.headline,
    }
    told = [_verdict(one, over) for over, one in judged.items() if one is not None]
    return "\n".join(told) or "Nothing in both judges the two: see the table."


def _verdict(headline: compare.Headline, over: str) -> str:
    row, verdict = headline.of, headline.verdict
    what = f"{metric_names.title(row.metric)} of {tables.model_title(row.model)}"
    interval = ""
    if math.isfinite(row.low):
        interval = f" [{_number(row.low, True)}, {_number(row.high, True)}]"
    told = f"The second is {verdict}"
    if verdict == compare.NO_DIFFERENCE:
        told = "No difference can be told"
    return (
        f"{told}: {what} {_number(row.first)} → {_number(row.second)}, "
        f"difference {_number(row.difference, True)}{interval} over {over}."
    )


def _number(value: float, signed: bool = False) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 4
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def explain() -> str:
    """Returns the definitions of all metrics as text."""
    own = [*metric_names.defaults(), *metric_names.LISTS, *registries.METRICS.names()]
    shown = [*metric_names.IMPRESSIONS, *registries.IMPRESSION_METRICS.names()]
    sections = {
        "Lists of k videos, means over users": {n: metric_names.text(n) for n in own},
        "Logged impressions, for the ranker": {n: metric_names.text(n) for n in shown},
        "Rules": _RULES,
    }
    return "\n\n".join(
        "\n".join([title, *(_wrapped(*entry) for entry in entries.items())])
        for title, entries in sections.items()
    )


def _wrapped(name: str, text: str) -> str:
    return textwrap.fill(
        f"{name}: {text}", _WIDTH, initial_indent="  ", subsequent_indent="      "
    )
