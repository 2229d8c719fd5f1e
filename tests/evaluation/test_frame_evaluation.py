"""`ytdnn.evaluate(lists, truth)`: by hand, against ranx, and against a file's."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import ranx

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import frame_evaluation

CONFIG = configs.EvaluationConfig(ks=(1, 3))
LISTS = pl.DataFrame(
    {
        "user_id": ["a", "a", "a", "b", "c", "c"],
        "video_id": ["x", "y", "z", "x", "y", "x"],
        "score": [0.1, 0.9, 0.5, 1.0, 2.0, 3.0],
    }
)
TRUTH = pl.DataFrame(
    {"user_id": ["a", "a", "b", "d"], "video_id": ["z", "w", "y", "x"]}
)


def test_values_by_hand() -> None:
    found = frame_evaluation.evaluate(LISTS, TRUTH, CONFIG)
    # a: y z x against z, w; b: x against y; d has no list; c has no right answer.
    assert found.values["recall@3"] == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert found.values["mrr@3"] == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert found.values["hit_rate@1"] == 0.0
    assert found.users["user_id"].to_list() == ["a", "b", "d"]
    assert found.users["recall@3"].to_list() == [0.5, 0.0, 0.0]
    assert found.ignored_rows == 2
    low, high = found.intervals["recall@3"]
    assert low <= found.values["recall@3"] <= high


def test_a_rank_is_a_falling_score_and_pandas_is_read() -> None:
    ranked = LISTS.with_columns(rank=-pl.col("score")).drop("score")
    frames = (pd.DataFrame(each.to_dict(as_series=False)) for each in (ranked, TRUTH))
    expected = frame_evaluation.evaluate(LISTS, TRUTH, CONFIG)
    assert frame_evaluation.evaluate(*frames, CONFIG).values == expected.values


def test_integer_ids_of_other_widths_and_other_columns_change_nothing() -> None:
    lists = pl.DataFrame({"user_id": [1, -1], "video_id": [7, 1 << 40], "rank": [1, 2]})
    truth = pl.DataFrame({"user_id": [1], "video_id": [7]}).cast(pl.UInt32)
    found = frame_evaluation.evaluate(lists.with_columns(row=0), truth, CONFIG)
    assert (found.values["recall@1"], found.ignored_rows) == (1.0, 1)


def test_watch_seconds_weigh_the_hits() -> None:
    truth = TRUTH.with_columns(watch_seconds=pl.Series([30.0, 90.0, 5.0, 1.0]))
    values = frame_evaluation.evaluate(LISTS, truth, CONFIG).values
    assert values["hit_watch_seconds@3"] == pytest.approx(30.0 / 3)
    assert values["watch_time_recall@3"] == pytest.approx(0.25 / 3)


def test_ranx_agrees_on_random_lists() -> None:
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 30, (400, 2)), axis=0)
    answers = np.unique(rng.integers(0, 30, (90, 2)), axis=0)
    lists = pl.DataFrame(
        {
            "user_id": pairs[:, 0],
            "video_id": pairs[:, 1],
            "score": rng.permutation(len(pairs)).astype(float),
        }
    )
    truth = pl.DataFrame({"user_id": answers[:, 0], "video_id": answers[:, 1]})
    found = frame_evaluation.evaluate(lists, truth, configs.EvaluationConfig(ks=(10,)))
    run: dict[str, dict[str, float]] = {}
    for user, video, score in lists.iter_rows():
        run.setdefault(str(user), {})[str(video)] = score
    right: dict[str, dict[str, int]] = {}
    for user, video in truth.iter_rows():
        right.setdefault(str(user), {})[str(video)] = 1
    names = ["ndcg@10", "recall@10", "map@10", "mrr@10"]
    theirs = ranx.evaluate(
        ranx.Qrels(right), ranx.Run(run), names, make_comparable=True
    )
    for name in names:
        assert found.values[name] == pytest.approx(theirs[name])


def test_the_frame_shows_each_metric_with_its_interval() -> None:
    found = frame_evaluation.evaluate(LISTS, TRUTH, CONFIG)
    assert found.frame.columns == ["metric", "value", "low", "high"]
    assert "3 users with right answers; 2 rows of other users" in repr(found)
    assert "recall@3" in repr(found)
    few = LISTS.filter(pl.col("user_id") == LISTS["user_id"][0])
    assert "without a list are misses" in repr(frame_evaluation.evaluate(few, TRUTH))


@pytest.mark.parametrize(
    ("lists", "truth", "message"),
    [
        (LISTS.drop("score"), TRUTH, "expected a column score or rank in lists"),
        (LISTS.drop("video_id"), TRUTH, "expected columns user_id and video_id"),
        (LISTS.clear(), TRUTH, "expected rows in lists"),
        (pl.concat([LISTS, LISTS]), TRUTH, "each video once for a user in lists"),
        (LISTS.with_columns(score=None), TRUTH, "expected finite numbers in score"),
        (
            LISTS.with_columns(user_id=pl.col("user_id") + "?"),
            TRUTH,
            "expected lists of the users in truth, found none",
        ),
        (LISTS, TRUTH.with_columns(watch_seconds=None), "numbers in watch_seconds"),
        (LISTS, TRUTH.with_columns(video_id=None), "ids in every row of truth"),
        (LISTS, TRUTH.head(1).with_columns(user_id=1), "expected user_id of one type"),
        (
            LISTS,
            TRUTH.head(1).with_columns(video_id=1),
            "expected video_id of one type",
        ),
        ([1], TRUTH, "expected a frame of Polars or pandas in lists, received list"),
    ],
)
def test_mistakes_are_one_line(lists: object, truth: object, message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        frame_evaluation.evaluate(lists, truth, CONFIG)
