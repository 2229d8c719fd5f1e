import math
import pathlib

import numpy as np
import pytest

from tests.evaluation import logged
from ytdnn import configs
from ytdnn.evaluation import impression_metrics, shown_scorers
from ytdnn.log import events
from ytdnn.ranking import predictions

Split = events.Split
CONFIG = configs.EvaluationConfig(num_resamples=200)


def test_calibration_of_seconds_clicks_and_odds() -> None:
    shown = logged.impressions(30, 3_000)
    chance = np.where(np.arange(3_000) < 1_500, 0.4, 0.2)
    both = predictions.Predictions(
        np.zeros(3_000), seconds=2.0 * shown.seconds + 1.0, click_probability=chance
    )
    found = impression_metrics.measure_calibration(shown, both, CONFIG)
    assert not found.odds
    high = found.seconds[-1]
    assert high.ratio[0] == pytest.approx(2.0, abs=0.02)
    assert high.observed[1] < high.observed[0] < high.observed[2]
    # Two predictions alone: two parts. Clicks have a chance of 0.4 everywhere.
    low, high = found.clicks
    assert low.impressions == high.impressions == 1_500
    assert (low.predicted, high.predicted) == pytest.approx((0.2, 0.4))
    assert low.ratio[0] == pytest.approx(0.5, abs=0.05)
    assert high.ratio[1] < 1.0 < high.ratio[2]  # type: ignore[operator]


def test_calibration_of_odds_is_of_what_training_fits(tmp_path: pathlib.Path) -> None:
    more = [("u0", "a", 92, False, 0.0), ("u1", "b", 92, False, 0.0)]
    data = logged.prepared_data(tmp_path, logged.TRAIN + logged.TEST + more)
    shown = shown_scorers.SplitImpressions(data.log, Split.TEST)
    # Predicted 10 of "a" (30 s, two without a click), 1 of "b" (10 s, two without).
    logits = (
        logged.ranker_of(data, {"a": math.log(10)}).predictions(data, shown.rows).order
    )
    found = impression_metrics.measure_calibration(
        shown, predictions.Predictions(logits, logits=logits), CONFIG
    )
    assert not found.seconds
    assert [row.impressions for row in found.odds] == [3, 3]
    assert [row.predicted for row in found.odds] == pytest.approx([1, 10])
    assert [row.observed[0] for row in found.odds] == pytest.approx([10 / 2, 30 / 2])
