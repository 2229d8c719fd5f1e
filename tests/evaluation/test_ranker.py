import math
import pathlib

import numpy as np
import pytest

from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import ranker

Split = prepared.Split
CONFIG = configs.EvaluationConfig(num_resamples=200)


def test_popularity_is_what_training_showed_smoothed(tmp_path: pathlib.Path) -> None:
    data = logged.prepared_data(
        tmp_path, [*logged.TRAIN, *logged.TEST, ("u2", "c", 95, True, 5.0)]
    )
    shown = ranker.SplitImpressions(data, Split.TEST)
    found = ranker.popularity_predictions(data, shown)
    # Eight impressions: 4 clicks of 20 s, 4 others; ten average ones are added.
    watched, clicks, others = 10 * 80 / 8, 10 * 4 / 8, 10 * 4 / 8
    expected = {
        "a": (60 + watched, 3 + clicks, 1 + others),
        "b": (20 + watched, 1 + clicks, 3 + others),
        "c": (watched, clicks, others),
    }
    for video_id, (seconds, clicked, rest) in expected.items():
        row = shown.videos.tolist().index(fakes.index_of(data, video_id))
        assert found.order[row] == pytest.approx(math.log(seconds / rest)), video_id
        assert found.seconds[row] == pytest.approx(seconds / (clicked + rest))
        assert found.click_probability[row] == pytest.approx(clicked / (clicked + rest))
    assert found.weighted_logits is found.logits is found.order


def test_test_clicks_do_not_reach_popularity(tmp_path: pathlib.Path) -> None:
    more = [*logged.TRAIN, *logged.TEST, ("u2", "b", 96, True, 500.0)]
    first = logged.prepared_data(tmp_path / "1", logged.TRAIN + logged.TEST)
    second = logged.prepared_data(tmp_path / "2", more)
    logits = [
        set(
            np.round(
                ranker.popularity(d)(ranker.SplitImpressions(d, Split.TEST)).order, 9
            )
        )
        for d in (first, second)
    ]
    assert logits[0] == logits[1]
