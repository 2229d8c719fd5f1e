"""The rule of a log's shape: thresholds of some logs, and their choice for others."""

import pytest

from experiments import shape_of_log
from experiments.shape_of_log import LARGE_STEPS, RANDOM, SMALL_STEPS
from ytdnn.base.configs import by_size


@pytest.mark.parametrize("log", shape_of_log.LOGS)
def test_the_shipped_rule_is_one_of_those_that_are_tried(log: str) -> None:
    shipped = shape_of_log.Thresholds(3.0, float("inf"), 1.15, 30, 20, 0.1)
    assert shipped in shape_of_log.RULES
    size = shape_of_log.LOGS[log]
    kind = shipped.kind(size)
    made = {
        RANDOM: by_size.random_start(size),
        SMALL_STEPS: by_size.counted_start(size, small_steps=True),
        LARGE_STEPS: by_size.counted_start(size, small_steps=False),
    }
    assert by_size.candidates(size) == made[kind]


def test_thresholds_that_are_fitted_choose_the_best_settings_of_each_log() -> None:
    best = {
        "ml-100k": LARGE_STEPS,
        "topics": SMALL_STEPS,
        "amazon-toys": LARGE_STEPS,
        "slice": RANDOM,
    }
    kinds = (RANDOM, SMALL_STEPS, LARGE_STEPS)
    validation = {
        log: {kind: 1.0 if kind == wanted else 0.5 for kind in kinds}
        for log, wanted in best.items()
    }
    found = shape_of_log.fitted(validation)
    for log, wanted in best.items():
        assert found.kind(shape_of_log.LOGS[log]) == wanted
