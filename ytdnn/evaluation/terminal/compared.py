"""A comparison (`evaluation/compare.py`) as tables in the terminal."""

import math
from collections.abc import Sequence

from rich import console, table, text

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import compare, lists
from ytdnn.evaluation.terminal import names as page_names


def render(found: compare.Comparison) -> console.Group:
    """Returns the verdict, and a table for each model that differs.

    Significant differences are marked.
    """
    by_model: dict[str, list[compare.Difference]] = {}
    for one in found.differences:
        by_model.setdefault(one.model, []).append(one)
    # What is compared first; popularity and bounds are the same of two good reports.
    names = sorted(by_model, key=lambda name: name in lists.REFERENCES)
    same = [name for name in names if not any(map(_differs, by_model[name]))]
    note = (
        f"{found.num_users:,} users in both, {found.num_other:,} in only one. "
        f"Difference: second minus first, paired over the users in both. *: its 95 % "
        f"interval excludes 0."
    )
    if same:
        note += f" The same in both: {', '.join(map(page_names.model, same))}."
    if found.marks:
        note += f" Candidate model: {', '.join(found.marks)}."
    tables = [_table(name, by_model[name]) for name in names if name not in same]
    return console.Group(text.Text(headline(found)), *tables, text.Text(note))


def headline(found: compare.Comparison) -> str:
    """Returns the verdict of the comparison as a sentence."""
    if found.headline is None:
        return "Nothing in both judges the two: see the table."
    one, verdict = found.headline.of, found.headline.verdict
    what = f"{metric_names.title(one.metric)} of {page_names.model(one.model)}"
    interval = ""
    if math.isfinite(one.low):
        interval = f" [{_number(one.low, True)}, {_number(one.high, True)}]"
    told = (
        "No difference can be told"
        if verdict == compare.NO_DIFFERENCE
        else f"The second is {verdict}"
    )
    return (
        f"{told}: {what} {_number(one.first)} → {_number(one.second)}, difference "
        f"{_number(one.difference, True)}{interval} over {found.num_users:,} users."
    )


def _number(value: float, signed: bool = False) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 4
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def _differs(one: compare.Difference) -> bool:
    return one.difference != 0.0


def _table(model: str, rows: Sequence[compare.Difference]) -> table.Table:
    result = table.Table(title=model)
    result.add_column("metric", no_wrap=True)
    for heading in ("first", "second", "difference", "95 % interval"):
        result.add_column(heading, justify="right", no_wrap=True)
    for one in rows:
        has_interval = math.isfinite(one.low)
        is_sure = has_interval and (one.low > 0.0 or one.high < 0.0)
        interval = f"{one.low:+.4f} {one.high:+.4f}" if has_interval else "–"
        result.add_row(
            one.metric,
            f"{one.first:.4f}",
            f"{one.second:.4f}",
            f"{one.difference:+.4f}{'*' if is_sure else ' '}",
            interval,
        )
    return result
