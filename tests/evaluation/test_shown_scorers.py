import math
import pathlib

import numpy as np
import pytest

from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.evaluation import impression_metrics, shown_scorers
from ytdnn.log import events, prepared
from ytdnn.ranking import predictions

Split = events.Split
CONFIG = configs.EvaluationConfig(num_resamples=200)


def test_popularity_is_what_training_showed_smoothed(tmp_path: pathlib.Path) -> None:
    data = logged.prepared_data(
        tmp_path, [*logged.TRAIN, *logged.TEST, ("u2", "c", 95, True, 5.0)]
    )
    shown = shown_scorers.SplitImpressions(data.log, Split.TEST)
    found = shown_scorers.popularity(data)(shown)
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


class _ClicksFollowClicks:
    """A ranker of the user's clicks before the impression, or before another's."""

    sees_request_time = False

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: np.ndarray,
        history_rows: np.ndarray | None = None,
    ) -> predictions.Predictions:
        shown = data.impressions
        then = impression_rows if history_rows is None else history_rows
        before = [
            np.sum(shown.clicked[(shown.users == user) & (shown.times < time)])
            for user, time in zip(shown.users[then], shown.times[then], strict=True)
        ]
        likes_b = 0.5 * (shown.videos[impression_rows] == fakes.index_of(data, "b"))
        return predictions.Predictions(np.array(before) + likes_b)


def test_a_list_is_ordered_by_what_was_known_when_it_began(
    tmp_path: pathlib.Path,
) -> None:
    # Two of three users click "b" alone, whichever is shown first.
    shown_to = {"u0": "ab", "u1": "ba", "u2": "ab"}
    clicks = {"u0": "b", "u1": "b", "u2": "a"}
    test = [
        (user, video, 90 + 2 * place, video == clicks[user], 9.0)
        for user, videos in shown_to.items()
        for place, video in enumerate(videos)
    ]
    data = logged.prepared_data(tmp_path, logged.TRAIN + test)
    shown = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    found = shown_scorers.scorer(data, _ClicksFollowClicks())(shown)  # type: ignore[arg-type]

    def grouped(order: np.ndarray) -> float:
        right, weight = impression_metrics.grouped_auc_parts(shown, order)
        return float(right.sum() / weight.sum())

    # A click raises all that follows it in the list, which is not clicked: u1 is
    # ordered wrongly by a ranker that is right of u1 before the list begins.
    assert grouped(found.order) == pytest.approx(1 / 3)
    assert grouped(found.list_order) == pytest.approx(2 / 3)
    entry, _ = impression_metrics.measure(shown, found, configs.EvaluationConfig())
    assert entry.values["grouped_auc"] == pytest.approx(2 / 3)
