"""The result of a backtest: metrics, costs and differences of its arms, and advice."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from ytdnn.base import configs, errors, schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import request_measure, user_means
from ytdnn.lab.backtest import arms, backtesting

Interval = tuple[float, float, float]  # value, low end, high end
_SHOWN = ("hit_rate", "ndcg")
_KEPT = ("begin", "requests", "hit_watch_seconds", "core_seconds")  # of a record


@dataclasses.dataclass(frozen=True)
class ArmResult:
    """The result of an arm.

    Attributes:
      metrics: Value with its 95 % interval over users, by metric@k.
      hit_watch_seconds: Mean watch seconds of the answers that were listed; None: the
        log has no watch time.
      updates: Number of updates.
      core_seconds: Processor time of all updates.
      core_seconds_a_day: The same for a day of the log.
      steps: Numbers of each step with requests, by name.
    """

    metrics: Mapping[str, Interval]
    hit_watch_seconds: float | None
    updates: int
    core_seconds: float
    core_seconds_a_day: float
    steps: Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class BacktestResult:
    """The result of a backtest.

    Attributes:
      metric: Metric that decides.
      begin: First second of the first step.
      every: Seconds of a step.
      steps: Number of steps.
      empty_steps: Number of those without requests.
      requests: Number of requests.
      watches: Number of watches that they are a sample of.
      training_core_seconds: Processor time of the training that all arms share.
      counts_chosen: Whether validation chose to count up to each request; if not, only
        the arm `counters` does.
      best_count: The counted list that was best on validation.
      arms: Result of each arm.
      differences: Differences of each arm to each other one, by metric@k.
      advice: How often to update, in a sentence.
    """

    metric: str
    begin: int
    every: int
    steps: int
    empty_steps: int
    requests: int
    watches: int
    training_core_seconds: float
    counts_chosen: bool
    best_count: str
    arms: Mapping[str, ArmResult]
    differences: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    advice: str = ""


def from_played(played: backtesting.Played) -> BacktestResult:
    """Returns the result of a backtest.

    Args:
      played: The backtest, all steps answered.

    Raises:
      errors.UserError: No step has requests.
    """
    asked, rules = played.backtest, played.config.evaluation
    records = {arm.name: played.records(arm) for arm in asked.arms}
    first = next(iter(records.values()))
    users = [user for record in first for user in record["users"]]
    if not users:
        raise errors.UserError(
            "expected requests in the steps of the backtest, found none: give more "
            "--steps, or another evaluation.users"
        )
    names, places = np.unique(users, return_inverse=True)
    k = min(rules.ks)
    shown = [metric_names.at(name, k) for name in _SHOWN]
    parts = {}
    for name, of_arm in records.items():
        ranks = np.array([rank for record in of_arm for rank in record["ranks"]])
        sums = request_measure.user_sums(ranks, places, len(names), (k,))
        parts[name] = {metric: sums[metric] for metric in shown}
    differences: dict[str, dict[str, Mapping[str, Interval]]] = {n: {} for n in parts}
    for one, other in itertools.permutations(parts, 2):
        gaps = {
            m: (parts[one][m][0] - parts[other][m][0], parts[one][m][1]) for m in shown
        }
        differences[one][other] = _intervals(gaps, rules)
    days = len(first) * asked.every / schema.DAY_SECONDS
    result = BacktestResult(
        metric=shown[-1],
        begin=played.begin,
        every=asked.every,
        steps=len(first),
        empty_steps=sum(not record["requests"] for record in first),
        requests=len(users),
        watches=sum(record.get("watches", 0) for record in first),
        training_core_seconds=played.training_core_seconds,
        counts_chosen=played.serves_live,
        best_count=played.best_count,
        arms={
            name: _arm_result(of_arm, _intervals(parts[name], rules), days)
            for name, of_arm in records.items()
        },
        differences=differences,
    )
    return dataclasses.replace(result, advice=advice(result, asked.arms))


def _arm_result(
    records: Sequence[backtesting.Record], metrics: Mapping[str, Interval], days: float
) -> ArmResult:
    """Returns the result of an arm from the records of its steps."""
    costs = [record["core_seconds"] for record in records if "core_seconds" in record]
    known = [record for record in records if "hit_watch_seconds" in record]
    seconds = sum(record["hit_watch_seconds"] * record["requests"] for record in known)
    number = sum(record["requests"] for record in known)
    kept = (*_KEPT, *metrics)
    return ArmResult(
        metrics=metrics,
        hit_watch_seconds=seconds / number if number else None,
        updates=len(costs),
        core_seconds=sum(costs),
        core_seconds_a_day=sum(costs) / days,
        steps=[{k: v for k, v in each.items() if k in kept} for each in records],
    )


def advice(result: BacktestResult, of_arms: Sequence[arms.Arm]) -> str:
    """Returns the cheapest arm that is not surely worse than the best, in a sentence.

    Args:
      result: The result.
      of_arms: Its arms.
    """
    values = {name: arm.metrics[result.metric][0] for name, arm in result.arms.items()}
    costs = {name: arm.core_seconds for name, arm in result.arms.items()}
    best = max(values, key=lambda name: values[name])
    low = {
        n: result.differences[best][n][result.metric][1] for n in values if n != best
    }
    level = [name for name in values if name == best or low[name] <= 0.0]
    chosen = min(level, key=lambda name: (costs[name], -values[name]))
    words = {arm.name: arm.words for arm in of_arms}[chosen]
    text = f"{words}: {metric_names.title(result.metric)} {values[chosen]:.3f}"
    if costs[chosen]:
        text += f" for {result.arms[chosen].core_seconds_a_day:,.0f} core seconds a day"
    cheaper = [n for n in values if n not in level and costs[n] <= costs[chosen]]
    if cheaper:
        text += f", {_against(result, chosen, _first(cheaper, values))}"
    dearer = [name for name in values if name != chosen and costs[name] > costs[chosen]]
    if dearer:
        text += f"; {_first(dearer, values)} is "
        text += _against(result, _first(dearer, values), chosen)
    return f"{text}."


def _intervals(
    parts: user_means.Parts, rules: configs.EvaluationConfig
) -> dict[str, Interval]:
    """Returns ratios of sums over users with their intervals, all of them defined."""
    return cast(dict[str, Interval], user_means.with_intervals(parts, rules))


def _first(names: Sequence[str], values: Mapping[str, float]) -> str:
    """Returns the arm with the largest value."""
    return max(names, key=lambda name: values[name])


def _against(result: BacktestResult, one: str, other: str) -> str:
    """Returns how an arm differs from another one in words."""
    value, low, high = result.differences[one][other][result.metric]
    verdict = "surely above" if low > 0.0 else "not surely above"
    if high < 0.0:
        verdict = "surely below"
    return f"{verdict} {other} ({value:+.3f}, {low:+.3f} to {high:+.3f})"
