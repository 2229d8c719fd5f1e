"""The result of a backtest: metrics, costs and differences of its arms, and advice."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ytdnn.base import configs, errors, schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import request_measure, user_means
from ytdnn.lab.backtest import arms, backtesting

Interval = tuple[float, float, float]  # value, low end, high end


@dataclasses.dataclass(frozen=True)
class ArmResult:
    """The result of an arm.

    Attributes:
      metrics: Value with its 95 % interval over users, by metric@k.
      hit_watch_seconds: Mean watch seconds of the answers that were listed; None: the
        log has no watch time.
      updates: Number of updates.
      core_seconds_a_day: Processor time of the updates for a day of the log.
      steps: Numbers of each step by name.
    """

    metrics: Mapping[str, Interval]
    hit_watch_seconds: float | None
    updates: int
    core_seconds_a_day: float
    steps: Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class BacktestResult:
    """The result of a backtest.

    Attributes:
      metric: Metric that decides.
      begin: First second of the first step.
      every: Seconds of a step.
      requests: Number of requests.
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
    requests: int
    training_core_seconds: float
    counts_chosen: bool
    best_count: str
    arms: Mapping[str, ArmResult]
    differences: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    advice: str = ""


def from_played(played: backtesting.RollingEvaluation) -> BacktestResult:
    """Returns the result of a backtest.

    Args:
      played: The backtest, all steps answered.

    Raises:
      errors.UserError: No step has requests.
    """
    asked, rules = played.backtest, played.config.evaluation
    records = {arm.name: played.records(arm) for arm in asked.arms}
    first = records[asked.arms[0].name]
    asking = [user for record in first for user in record["users"]]
    if not asking:
        raise errors.UserError(
            "expected requests in the steps of the backtest, found none: give more "
            "--steps, or other evaluation.users and num_requests"
        )
    names, users = np.unique(asking, return_inverse=True)
    k, days = min(rules.ks), len(played.spans) * asked.every / schema.DAY_SECONDS
    shown = [metric_names.at(name, k) for name in ("hit_rate", "ndcg")]
    parts, of_arms = {}, {}
    for name, steps in records.items():
        ranks = np.array([rank for record in steps for rank in record["ranks"]])
        sums = request_measure.user_sums(ranks, users, len(names), (k,))
        parts[name] = {metric: sums[metric] for metric in shown}
        of_arms[name] = _arm_result(steps, _intervals(parts[name], rules), days)
    differences: dict[str, dict[str, Mapping[str, Interval]]] = {n: {} for n in parts}
    for one, other in itertools.permutations(parts, 2):
        pairs = zip(shown, parts[one].values(), parts[other].values(), strict=True)
        gaps = {metric: (own[0] - its[0], own[1]) for metric, own, its in pairs}
        differences[one][other] = _intervals(gaps, rules)
    result = BacktestResult(
        metric=shown[-1],
        begin=played.begin,
        every=asked.every,
        requests=len(users),
        training_core_seconds=played.training_core_seconds,
        counts_chosen=played.serves_live,
        best_count=played.best_count,
        arms=of_arms,
        differences=differences,
    )
    return dataclasses.replace(result, advice=advice(result, asked.arms))


def _arm_result(
    records: Sequence[backtesting.Record], metrics: Mapping[str, Interval], days: float
) -> ArmResult:
    """Returns the result of an arm from the records of its steps."""
    costs = [record["core_seconds"] for record in records if "core_seconds" in record]
    timed = [record for record in records if "hit_watch_seconds" in record]
    numbers = [record["requests"] for record in timed]
    seconds = [record["hit_watch_seconds"] for record in timed]
    mean = float(np.average(seconds, weights=numbers)) if timed else None
    steps = [{k: v for k, v in r.items() if not isinstance(v, list)} for r in records]
    return ArmResult(metrics, mean, len(costs), sum(costs) / days, steps)


def _intervals(
    parts: user_means.Parts, rules: configs.EvaluationConfig
) -> dict[str, Interval]:
    """Returns ratios of sums over users with their intervals, all of them defined."""
    return user_means.with_intervals(parts, rules)  # type: ignore[return-value]


def advice(result: BacktestResult, of_arms: Sequence[arms.BacktestArm]) -> str:
    """Returns the cheapest arm that is not surely worse than the best, in a sentence.

    Args:
      result: The result.
      of_arms: Its arms.
    """
    metric = result.metric
    values = {name: arm.metrics[metric][0] for name, arm in result.arms.items()}
    costs = {name: arm.core_seconds_a_day for name, arm in result.arms.items()}
    best = max(values, key=values.__getitem__)
    below = result.differences[best]
    level = [name for name in values if name == best or below[name][metric][1] <= 0.0]
    chosen = min(level, key=lambda name: (costs[name], -values[name]))
    words = {arm.name: arm.words for arm in of_arms}[chosen]
    text = f"{words}: {metric_names.title(metric)} {values[chosen]:.3f}"
    if costs[chosen]:
        text += f" for {costs[chosen]:,.0f} core seconds a day"
    cheaper = [n for n in values if n not in level and costs[n] <= costs[chosen]]
    if cheaper:
        other = max(cheaper, key=values.__getitem__)
        text += f", {_against(result, chosen, other)}"
    dearer = [name for name in values if costs[name] > costs[chosen]]
    if dearer:
        other = max(dearer, key=values.__getitem__)
        text += f"; {other} is {_against(result, other, chosen)}"
    return f"{text}."


def _against(result: BacktestResult, one: str, other: str) -> str:
    """Returns how an arm differs from another one in words."""
    value, low, high = result.differences[one][other][result.metric]
    verdict = "surely below" if high < 0.0 else "not surely above"
    verdict = "surely above" if low > 0.0 else verdict
    return f"{verdict} {other} ({value:+.3f}, {low:+.3f} to {high:+.3f})"
