"""Inverse-propensity hit rates: what they give back of a log exposed by popularity."""

import numpy as np
import pytest

from ytdnn.base import ragged
from ytdnn.base.metrics import debiased


def test_with_power_one_each_video_weighs_alike() -> None:
    """Nine answers of a video watched nine times weigh as one of one watched once."""
    targets = ragged.Ragged(np.arange(11), np.array([1] * 9 + [2]))
    watches = np.array([0.0, 9.0, 1.0])[targets.values]
    lists = np.tile(np.array([[1]], np.int32), (10, 1))
    for power, expected in ((0.0, 0.9), (1.0, 0.5)):
        weights = debiased.inverse_propensities(watches, power)
        above, below = debiased.hit_rate_parts(lists, targets, weights, 1)
        assert above.sum() / below.sum() == pytest.approx(expected)


def test_it_estimates_the_hit_rate_of_equal_exposure() -> None:
    """Users like videos alike; the log shows some more; a list knows the shown ones."""
    rng = np.random.default_rng(0)
    exposure = 1.0 / np.arange(1, 41)
    likes = rng.integers(1, 41, 40_000)
    is_seen = rng.random(len(likes)) < exposure[likes - 1]
    answers = likes[is_seen]
    counts = np.bincount(answers, minlength=41).astype(float)
    listed = np.array([1, 2, 3, 20, 30], np.int32)
    truth = np.isin(likes, listed).mean()
    targets = ragged.Ragged(np.arange(len(answers) + 1), answers)
    lists = np.tile(listed, (len(answers), 1))
    biased, fair = (
        np.divide(
            *(
                side.sum()
                for side in debiased.hit_rate_parts(
                    lists,
                    targets,
                    debiased.inverse_propensities(counts[answers], power),
                    5,
                )
            )
        )
        for power in (0.0, 1.0)
    )
    assert abs(fair - truth) < 0.02
    assert biased - truth > 0.2
