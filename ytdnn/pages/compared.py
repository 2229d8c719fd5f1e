"""A comparison (`evaluation/compare.py`) as tables in the terminal."""

import math
from collections.abc import Sequence

from rich import console, table, text

from ytdnn.evaluation import compare


def render(found: compare.Comparison) -> console.Group:
    """Returns a table for each model; differences surely not 0 are marked."""
    by_model: dict[str, list[compare.Difference]] = {}
    for one in found.differences:
        by_model.setdefault(one.model, []).append(one)
    note = (
        f"{found.num_users:,} users in both, {found.num_other:,} in only one. "
        f"Difference: second minus first, paired over the users in both. *: its 95 % "
        f"interval excludes 0."
    )
    if found.marks:
        note += f" Candidate model: {', '.join(found.marks)}."
    tables = [_table(name, rows) for name, rows in by_model.items()]
    return console.Group(*tables, text.Text(note))


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
