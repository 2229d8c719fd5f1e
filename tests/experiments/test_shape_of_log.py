"""The rule of a log's shape: thresholds of some logs, and their choice for others."""

import pytest

from experiments import shape_of_log
from experiments.shape_of_log import DENSE, LONG, SHORT
from ytdnn.run.configs import by_size


@pytest.mark.parametrize("log", shape_of_log.LOGS)
def test_the_shipped_rule_is_one_of_those_that_are_tried(log: str) -> None:
    shipped = shape_of_log.Thresholds(30, 5, 20, 0.1)
    assert shipped in shape_of_log.RULES
    size = shape_of_log.LOGS[log]
    kind = shipped.kind(size)
    made = {
        DENSE: by_size.of_dense_log(size),
        LONG: by_size.of_sparse_log(size, has_long=True),
        SHORT: by_size.of_sparse_log(size, has_long=False),
    }
    assert by_size.candidates(size) == made[kind]


def test_thresholds_that_are_fitted_choose_the_best_settings_of_each_log() -> None:
    best = {"ml-100k": DENSE, "topics": LONG, "amazon-toys": SHORT, "slice": DENSE}
    validation = {
        log: {kind: 1.0 if kind == wanted else 0.5 for kind in (DENSE, LONG, SHORT)}
        for log, wanted in best.items()
    }
    found = shape_of_log.fitted(validation)
    for log, wanted in best.items():
        assert found.kind(shape_of_log.LOGS[log]) == wanted
