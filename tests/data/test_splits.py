import numpy as np
import polars as pl
import pytest

from ytdnn import configs, errors
from ytdnn.data import prepared, splits

SPLIT = prepared.Split


def test_temporal_windows_hold_the_configured_shares():
    watches = pl.LazyFrame({"time": np.arange(1000)})
    config = configs.Data(
        test_fraction=0.1, ranking_fraction=0.2, validation_fraction=0.1
    )
    bounds = splits.bounds(config, watches)
    codes = splits.temporal_watches(np.arange(1000), bounds)
    # Training 0.7, of which the last tenth validates: 0.63 + 0.07 + 0.2 + 0.1.
    shares = np.bincount(codes, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.63, 0.07, 0.1, 0.2], atol=0.002)
    shown = splits.temporal_impressions(np.arange(1000), bounds)
    shares = np.bincount(shown, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.18, 0.02, 0.1, 0.7], atol=0.002)


def test_windows_follow_each_other_in_time():
    watches = pl.LazyFrame({"time": np.arange(1000)})
    bounds = splits.bounds(configs.Data(), watches)
    codes = splits.temporal_watches(np.arange(1000), bounds)
    order = [
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.CONTEXT,
        SPLIT.TEST,
    ]
    assert list(dict.fromkeys(codes.tolist())) == order


def test_watches_of_one_time_are_refused():
    watches = pl.LazyFrame({"time": [5, 5, 5]})
    with pytest.raises(errors.UserError, match="training window empty"):
        splits.bounds(configs.Data(), watches)


def test_shares_that_leave_no_training_are_refused():
    config = configs.Data(test_fraction=0.6, ranking_fraction=0.5)
    with pytest.raises(errors.UserError, match="lower one"):
        splits.bounds(config, pl.LazyFrame({"time": [1, 2]}))


def test_leave_one_out_takes_the_last_two_watches_of_users_with_three():
    codes = splits.leave_one_out_watches(np.array([0, 4, 6]), np.ones(6, bool))
    train, validation, test = (
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.TEST,
    )
    assert codes.tolist() == [train, train, validation, test, train, train]


def test_impressions_split_at_the_held_out_watches_of_their_user():
    train, validation, test = SPLIT.TRAIN, SPLIT.VALIDATION, SPLIT.TEST
    offsets, watch_times = np.array([0, 4, 5]), np.array([10, 20, 30, 40, 10])
    watch_splits = np.array([train, train, validation, test, train])
    users = np.array([0, 0, 0, 0, 1])
    times = np.array([29, 30, 39, 40, 99])
    codes = splits.impressions_by_watches(
        users, times, offsets, watch_times, watch_splits
    )
    assert codes.tolist() == [train, validation, validation, test, train]


def _given(names: str, times: list[int]) -> pl.LazyFrame:
    words = {"t": "train", "v": "validation", "x": "test"}
    return pl.LazyFrame({"split": [words[n] for n in names], "time": times})


def test_windows_of_a_given_split_begin_at_its_first_watches():
    bounds = splits.bounds(configs.Data(), _given("vttxv", [6, 1, 5, 9, 7]))
    assert bounds == splits.Windows(
        validation=6, ranking=1, ranking_validation=6, test=9
    )
    shown = splits.temporal_impressions(np.array([0, 1, 5, 6, 8, 9]), bounds)
    context, train, validation, test = (
        SPLIT.CONTEXT,
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.TEST,
    )
    expected = [context, train, train, validation, validation, test]
    assert shown.tolist() == expected


def test_a_random_split_is_refused_for_the_temporal_protocol_with_the_reason():
    with pytest.raises(errors.UserError) as caught:
        splits.bounds(configs.Data(), _given("txtvt", [1, 3, 4, 5, 6]))
    message = str(caught.value)
    assert "found 2 train watches at or after the first test watch (time 3)" in message
    assert "as a random split has" in message
    assert "--protocol=split" in message


@pytest.mark.parametrize(
    ("names", "times", "words"),
    [
        ("tvvx", [1, 2, 9, 8], "1 validation watches at or after the first test"),
        ("tvx", [5, 5, 8], "1 train watches at or after the first validation"),
        ("ttx", [1, 2, 3], "found no validation"),
        ("t", [1], "found no validation and no test"),
    ],
)
def test_a_given_split_out_of_order_or_incomplete_is_refused(names, times, words):
    with pytest.raises(errors.UserError, match=words):
        splits.bounds(configs.Data(), _given(names, times))
