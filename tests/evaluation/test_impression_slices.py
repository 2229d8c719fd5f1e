import pathlib

import pytest

from tests.evaluation import logged
from ytdnn import configs
from ytdnn.evaluation import impression_slices, ranker
from ytdnn.log import events

Split = events.Split
CONFIG = configs.EvaluationConfig(num_resamples=200)


def test_parts_of_the_impressions_are_measured_alone(tmp_path: pathlib.Path) -> None:
    new = [
        ("u0", "n1", 90, True, 60.0),
        ("u0", "n2", 90, False, 0.0),
        ("u1", "n1", 91, False, 0.0),
        ("u2", "n2", 91, True, 5.0),
    ]
    data = logged.prepared_data(tmp_path, logged.TRAIN + logged.TEST + new)
    shown = ranker.SplitImpressions(data.log, Split.TEST)
    assert (shown.videos > data.vocabulary_size).sum() == 4
    # "n2" above all, "a" above "b".
    logits = logged.ranker_of(data, {"a": 1.0, "n2": 2.0}).predictions(data, shown.rows)
    found = impression_slices.measure(data.catalogue, shown, {"ranker": logits}, CONFIG)
    known, unknown = found["id_embedding"]
    assert (known.value, unknown.value) == (
        "with an id embedding",
        "without an id embedding",
    )
    assert (known.impressions, known.clicks, known.users) == (4, 2, 2)
    assert (unknown.impressions, unknown.clicks, unknown.users) == (4, 2, 3)
    # As of the first test: pairs with "n1" and "n2" do not count.
    assert known.models["ranker"]["weighted_per_user_loss"][0] == pytest.approx(10 / 40)
    # u0's page alone has both: its 60 s are below.
    assert unknown.models["ranker"]["weighted_per_user_loss"][0] == 1.0
    # Clicks score 0 and 2, the others 2 and 0.
    assert unknown.models["ranker"]["auc"][0] == pytest.approx((0.5 + 0 + 1 + 0.5) / 4)


def test_without_new_videos_there_are_no_parts(tmp_path: pathlib.Path) -> None:
    data = logged.prepared_data(tmp_path, logged.TRAIN + logged.TEST)
    shown = ranker.SplitImpressions(data.log, Split.TEST)
    predicted = {"ranker": logged.ranker_of(data, {}).predictions(data, shown.rows)}
    assert impression_slices.measure(data.catalogue, shown, predicted, CONFIG) == {}
