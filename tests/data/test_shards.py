import hypothesis
import numpy as np
from hypothesis import strategies as st

from ytdnn.data import shards

EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(-5, 5)), max_size=30
)


@hypothesis.given(EVENTS)
def test_earlier_events_equal_a_count_one_by_one(events):
    users, videos, times = (
        np.array([event[i] for event in events], np.int64) for i in range(3)
    )
    counts, latest = shards.earlier_events(users, videos, times)
    for i, (user, video, time) in enumerate(events):
        before = [t for u, v, t in events if (u, v) == (user, video) and t < time]
        assert counts[i] == len(before)
        assert latest[i] == max(before, default=-1)


@hypothesis.given(EVENTS, EVENTS)
def test_num_before_equals_a_count_one_by_one(watches, impressions):
    watches = sorted(watches, key=lambda watch: (watch[0], watch[2]))
    sizes = np.bincount([watch[0] for watch in watches], minlength=3)
    offsets = np.append(0, np.cumsum(sizes))
    reached = np.array([watch[2] for watch in watches], np.int64)
    users = np.array([event[0] for event in impressions], np.int64)
    times = np.array([event[2] for event in impressions], np.int64)
    found = shards.num_before(users, times, offsets, reached)
    expected = [
        sum(1 for u, _, t in watches if u == user and t < time)
        for user, _, time in impressions
    ]
    assert found.tolist() == expected


@hypothesis.given(EVENTS)
def test_running_max_equals_the_maximum_so_far_of_each_user(events):
    events = sorted(events, key=lambda event: event[0])
    sizes = np.bincount([event[0] for event in events], minlength=3)
    offsets = np.append(0, np.cumsum(sizes))
    times = np.array([event[2] for event in events], np.int64)
    found = shards.running_max(times, offsets)
    for user in range(3):
        own = slice(offsets[user], offsets[user + 1])
        np.testing.assert_array_equal(found[own], np.maximum.accumulate(times[own]))
