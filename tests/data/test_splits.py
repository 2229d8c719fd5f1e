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
    bounds = splits.windows(config, watches)
    codes = splits.temporal_watches(np.arange(1000), bounds)
    # Training 0.7, of which the last tenth validates: 0.63 + 0.07 + 0.2 + 0.1.
    shares = np.bincount(codes, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.63, 0.07, 0.1, 0.2], atol=0.002)
    shown = splits.temporal_impressions(np.arange(1000), bounds)
    shares = np.bincount(shown, minlength=4) / 1000
    np.testing.assert_allclose(shares, [0.18, 0.02, 0.1, 0.7], atol=0.002)


def test_windows_follow_each_other_in_time():
    watches = pl.LazyFrame({"time": np.arange(1000)})
    bounds = splits.windows(configs.Data(), watches)
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
        splits.windows(configs.Data(), watches)


def test_shares_that_leave_no_training_are_refused():
    config = configs.Data(test_fraction=0.6, ranking_fraction=0.5)
    with pytest.raises(errors.UserError, match="lower one"):
        splits.windows(config, pl.LazyFrame({"time": [1, 2]}))


def test_leave_one_out_takes_the_last_two_watches_of_users_with_three():
    codes = splits.leave_one_out_watches(np.array([0, 4, 6]), np.ones(6, bool))
    train, validation, test = (
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.TEST,
    )
    assert codes.tolist() == [train, train, validation, test, train, train]


def test_leave_one_out_impressions_split_at_the_held_out_watches():
    offsets, watch_times = np.array([0, 4, 5]), np.array([10, 20, 30, 40, 10])
    users = np.array([0, 0, 0, 0, 1])
    times = np.array([29, 30, 39, 40, 99])
    codes = splits.leave_one_out_impressions(
        users, times, offsets, watch_times, np.ones(5, bool)
    )
    train, validation, test = (
        SPLIT.TRAIN,
        SPLIT.VALIDATION,
        SPLIT.TEST,
    )
    assert codes.tolist() == [train, validation, validation, test, train]
