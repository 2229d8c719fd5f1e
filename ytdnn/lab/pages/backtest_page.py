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
    title, values, costs = metric_names.title(result.metric), {}, {}
    for name, arm in result.arms.items():
        days = [(s["begin"] - result.begin) / schema.DAY_SECONDS for s in arm.steps]
        values[name] = plots.Series(days, [s.get(result.metric) for s in arm.steps])
        spent = itertools.accumulate(s.get("core_seconds", 0.0) for s in arm.steps)
        costs[name] = plots.Series(days, [*spent], style="steps")
    along, whole = "days since the first step", "Processor time of updates so far"
    threes = [arm.metrics[result.metric] for arm in result.arms.values()]
    blocks: list[page.Block] = [
        plots.lines(f"{title} of each step", values, along, title, from_zero=True),
        plots.lines(whole, costs, along, "core seconds", from_zero=True),
        plots.intervals(f"{title} of all steps", [*costs], {"": threes}, title),
        arms_table(result),
        *notes(result),
    ]
    summary = f"{result.requests:,} requests from {formats.utc(result.begin)} on."
    sections = [page.Section("Arms", "Each watch is a request at its time.", blocks)]
    return page.render("Backtest", summary, sections, result.advice)


def arms_table(result: results.BacktestResult) -> tables.Table:
    """Returns metrics and costs of each arm, and its difference to the first.

    Args:
      result: Result of the backtest.
    """
    first = next(iter(result.arms))
    metrics = list(result.arms[first].metrics)
    columns = ["arm", *map(metric_names.title, metrics), "watch s of hits", "updates"]
    columns += ["core s/day", f"{metric_names.title(result.metric)} less {first}"]
    rows: list[list[tables.Cell]] = []
    for name, arm in result.arms.items():
        cells = (tables.NumberCell(*arm.metrics[metric]) for metric in metrics)
        gaps = result.differences[name].get(first, {})
        value, low, high = gaps.get(result.metric, (None, None, None))
        gap = tables.NumberCell(value, low, high, "{:+.3f}".format)
        costs = arm.updates, arm.core_seconds_a_day
        rows.append([name, *cells, arm.hit_watch_seconds, *costs, gap])
    return tables.Table(columns, rows, f"backtest, {result.requests:,} requests")


def notes(result: results.BacktestResult) -> Iterator[str]:
    """Yields how to read the table, a line each.

    Args:
      result: Result of the backtest.
    """
    steps = next(iter(result.arms.values())).steps
    empty = sum(not step["requests"] for step in steps)
    yield (
        f"{len(steps)} steps, {empty} without requests; 95 % intervals over users. "
        f"Core seconds: processor time of updates, without reading the log; of the "
        f"training before the first step {result.training_core_seconds:,.0f}."
    )
    others = "refreshed and refitted models too, `never` up to the first step"
    if not result.counts_chosen:
        others = "other models do not, since validation was not surely for it"
    best = tables.model_title(result.best_count)
    yield (
        f"`counters` counts what is watched up to each request, {others}; the best "
        f"counted list on validation was {best}."
    )
