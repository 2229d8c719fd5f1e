"""The advice of a backtest, of numbers with a known answer."""

from collections.abc import Mapping

import pytest

from ytdnn.lab.backtest import arms, results

METRIC = "ndcg@10"
NEVER, COUNTED, COUNTERS, DAILY, WEEKLY = [
    "never",
    "counted",
    "counters",
    "refresh=1d",
    "refit=7d",
]


def made(
    values: Mapping[str, float], costs: Mapping[str, float], half: float
) -> tuple[results.BacktestResult, tuple[arms.BacktestArm, ...]]:
    """Returns a result whose intervals reach `half` to either side."""
    gaps = {
        one: {
            other: {METRIC: (own - value, own - value - half, own - value + half)}
            for other, value in values.items()
            if other != one
        }
        for one, own in values.items()
    }
    by_arm = {
        name: results.ArmResult(
            metrics={METRIC: (value, value - half, value + half)},
            hit_watch_seconds=None,
            updates=0,
            core_seconds_a_day=costs.get(name, 0.0),
            steps=(),
        )
        for name, value in values.items()
    }
    result = results.BacktestResult(
        metric=METRIC,
        begin=0,
        every=86_400,
        requests=9,
        training_core_seconds=1.0,
        counts_chosen=True,
        best_count="last_day",
        arms=by_arm,
        differences=gaps,
    )
    return result, arms.parse_all(",".join(values), 86_400)


@pytest.mark.parametrize(
    ("values", "costs", "words"),
    [
        (  # nothing is surely better than what costs nothing
            {NEVER: 0.30, DAILY: 0.31},
            {DAILY: 10.0},
            "Update nothing: nDCG@10 0.300; refresh=1d is not surely above never "
            "(+0.010, -0.010 to +0.030).",
        ),
        (  # of two that are level the cheaper one
            {NEVER: 0.10, COUNTED: 0.20, DAILY: 0.30, WEEKLY: 0.31},
            {DAILY: 10.0, WEEKLY: 20.0},
            "Refresh every 1d: nDCG@10 0.300 for 10 core seconds a day, surely above "
            "counted (+0.100, +0.080 to +0.120); refit=7d is not surely above "
            "refresh=1d (+0.010, -0.010 to +0.030).",
        ),
        (  # a dearer one that loses
            {NEVER: 0.10, COUNTERS: 0.40, DAILY: 0.30},
            {DAILY: 10.0},
            "Count what is watched up to each request, and refresh nothing: nDCG@10 "
            "0.400, surely above never (+0.300, +0.280 to +0.320); refresh=1d is "
            "surely below counters (-0.100, -0.120 to -0.080).",
        ),
        (  # a cheaper one that is surely worse than the best, not than the chosen
            {NEVER: 0.29, DAILY: 0.30, WEEKLY: 0.312},
            {DAILY: 10.0, WEEKLY: 20.0},
            "Refresh every 1d: nDCG@10 0.300 for 10 core seconds a day, not surely "
            "above never (+0.010, -0.010 to +0.030); refit=7d is not surely above "
            "refresh=1d (+0.012, -0.008 to +0.032).",
        ),
    ],
)
def test_the_cheapest_arm_that_is_not_surely_worse_is_advised(
    values: dict[str, float], costs: dict[str, float], words: str
) -> None:
    result, of_arms = made(values, costs, 0.02)
    assert results.advice(result, of_arms) == words
