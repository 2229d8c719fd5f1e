"""The page of a backtest: its arms over time, what they cost, and the advice."""

import itertools
from collections.abc import Iterator

from ytdnn.base import formats, schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import tables
from ytdnn.lab.backtest import results
from ytdnn.lab.pages import page, plots


def draw(result: results.BacktestResult) -> str:
    """Returns the page as HTML.

    Args:
      result: Result of the backtest.
    """
    title = metric_names.title(result.metric)
    values = [arm.metrics[result.metric] for arm in result.arms.values()]
    by_time = [
        plots.lines(name, series, "days since the first step", unit, from_zero=True)
        for name, series, unit in (
            (f"{title} of each step", _series(result, result.metric), title),
            ("Processor time of updates so far", _costs(result), "core seconds"),
        )
    ]
    all_steps = plots.intervals(
        f"{title} of all steps", list(result.arms), {"": values}, title
    )
    sections = [
        page.Section(
            "Over time",
            "Each watch is a request, answered by what an arm knew before it.",
            by_time,
        ),
        page.Section(
            "All steps",
            " ".join(notes(result)),
            [all_steps, arms_table(result), differences_table(result)],
        ),
    ]
    summary = (
        f"The log lived again in {result.steps} steps from "
        f"{formats.utc(result.begin)}: {result.requests:,} requests."
    )
    return page.render("Backtest", summary, sections, result.advice)


def arms_table(result: results.BacktestResult) -> tables.Table:
    """Returns metrics and costs of each arm, and its difference to the first.

    Args:
      result: Result of the backtest.
    """
    first, *others = result.arms
    has_seconds = result.arms[first].hit_watch_seconds is not None
    metrics = list(result.arms[first].metrics)
    columns = ["arm", *map(metric_names.title, metrics)]
    columns += ["watch s of hits"] * has_seconds + ["updates", "core s a day"]
    columns += [f"{metric_names.title(result.metric)} less {first}"] * bool(others)
    rows: list[list[tables.Cell]] = []
    for name, arm in result.arms.items():
        row: list[tables.Cell] = [name]
        row += [tables.NumberCell(*arm.metrics[metric]) for metric in metrics]
        row += [arm.hit_watch_seconds] * has_seconds
        row += [arm.updates, arm.core_seconds_a_day]
        if others:
            row.append(_difference(result, name, first))
        rows.append(row)
    caption = f"backtest: {result.steps} steps, {result.requests:,} requests"
    return tables.Table(columns, rows, caption)


def differences_table(result: results.BacktestResult) -> tables.Table:
    """Returns the differences of all pairs of arms.

    Args:
      result: Result of the backtest.
    """
    rows: list[list[tables.Cell]] = [
        [name, *(_difference(result, name, other) for other in result.arms)]
        for name in result.arms
    ]
    caption = f"{metric_names.title(result.metric)}, arm less each other arm"
    return tables.Table(["arm", *result.arms], rows, caption)


def notes(result: results.BacktestResult) -> Iterator[str]:
    """Yields how to read the tables, a line each.

    Args:
      result: Result of the backtest.
    """
    sample = ""
    if result.watches > result.requests:
        sample = f", a sample of {result.watches:,} watches"
    empty = (
        f" {result.empty_steps} steps have no requests." if result.empty_steps else ""
    )
    yield f"{result.requests:,} requests{sample}; 95 % intervals over users.{empty}"
    yield (
        f"Core seconds: processor time of updates, without reading the log; the "
        f"training before the first step took {result.training_core_seconds:,.0f}."
    )
    others = "so do refreshed and refitted models, but `never` has the counts of its "
    others += "training's end"
    if not result.counts_chosen:
        others = "validation was not surely for it, so other models do not"
    yield f"`counters` counts what is watched up to each request; {others}."
    if "counted" in result.arms:
        yield f"`counted` is the list {tables.model_title(result.best_count)}."


def _series(result: results.BacktestResult, metric: str) -> dict[str, plots.Series]:
    return {
        name: plots.Series(
            [_days(result, step["begin"]) for step in arm.steps],
            [step.get(metric) for step in arm.steps],
        )
        for name, arm in result.arms.items()
    }


def _costs(result: results.BacktestResult) -> dict[str, plots.Series]:
    return {
        name: plots.Series(
            [_days(result, step["begin"]) for step in arm.steps],
            list(itertools.accumulate(s.get("core_seconds", 0.0) for s in arm.steps)),
            style="steps",
        )
        for name, arm in result.arms.items()
    }


def _days(result: results.BacktestResult, begin: float) -> float:
    return (begin - result.begin) / schema.DAY_SECONDS


def _difference(
    result: results.BacktestResult, name: str, other: str
) -> tables.NumberCell:
    if name == other:
        return tables.NumberCell(None)
    three = result.differences[name][other][result.metric]
    return tables.NumberCell(*three, "{:+.3f}".format)
