import numpy as np

from ytdnn.log import events, shard_arrays

SPLIT = events.Split


def test_leave_one_out_takes_the_last_two_watches_of_users_with_three():
    codes = shard_arrays.leave_one_out_watches(np.array([0, 4, 6]), np.ones(6, bool))
    train, validation, test = (SPLIT.TRAIN, SPLIT.VALIDATION, SPLIT.TEST)
    assert codes.tolist() == [train, train, validation, test, train, train]


def test_impressions_split_at_the_held_out_watches_of_their_user():
    train, validation, test = SPLIT.TRAIN, SPLIT.VALIDATION, SPLIT.TEST
    offsets, watch_times = np.array([0, 4, 5]), np.array([10, 20, 30, 40, 10])
    watch_splits = np.array([train, train, validation, test, train])
    users = np.array([0, 0, 0, 0, 1])
    times = np.array([29, 30, 39, 40, 99])
    codes = shard_arrays.impressions_by_watches(
        users, times, offsets, watch_times, watch_splits
    )
    assert codes.tolist() == [train, validation, validation, test, train]
