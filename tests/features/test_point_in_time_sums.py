"""Sums over the events of several shards, against a loop over all of them."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ytdnn.features import point_in_time_sums

NUM_GROUPS = 5
GROUPS, TIMES = st.integers(0, NUM_GROUPS - 1), st.integers(-3, 12)
EVENTS = st.lists(st.tuples(GROUPS, TIMES, st.integers(0, 9)), max_size=30)
SHARDS = st.lists(EVENTS, max_size=4)
ASKED = st.lists(st.tuples(GROUPS, TIMES), max_size=9)


def _read(shards):
    columns = (np.array(events, np.int64).reshape(-1, 3).T for events in shards)
    return lambda: ((groups, times, values / 8) for groups, times, values in columns)


def _sorted(shards, since):
    return point_in_time_sums.sort_events(_read(shards), NUM_GROUPS, since)


@hypothesis.given(SHARDS, ASKED, TIMES)
def test_sums_are_those_of_a_loop_over_the_groups_earlier_events(shards, asked, since):
    found = _sorted(shards, since)
    asked = [(group, max(since, moment)) for group, moment in asked]
    groups, moments = np.array(asked, np.int64).reshape(-1, 2).T
    places = found.places(groups, moments)
    every = [event for shard in shards for event in shard]
    values = [
        [value for group, time, value in every if 0 < group == of and time < moment]
        for of, moment in asked
    ]
    counts = found.counts().before(groups, places)
    assert counts.tolist() == [len(of_group) for of_group in values]
    sums = found.sums(_read(shards)).before(groups, places)
    assert sums.tolist() == [sum(of_group) / 8 for of_group in values]


def test_events_before_the_first_moment_are_not_stored():
    found = _sorted([[(1, 5, 1), (1, 7, 1)], [(2, 6, 1)]], since=6)
    assert len(found.codes) == 2
    assert found.codes.nbytes == 16
    assert found.earlier.tolist() == [0, 1, 0, 0, 0]


def test_codes_come_back_and_times_beyond_all_years_stay_in_their_group():
    groups, times = np.array([0, 3, 3]), np.array([-5, 0, 2**40])
    codes = point_in_time_sums.to_codes(groups, times)
    assert (np.diff(codes) > 0).all()
    found_groups, found_times = point_in_time_sums.from_codes(codes)
    assert found_groups.tolist() == [0, 3, 3]
    assert found_times[:2].tolist() == [-5, 0]


@pytest.mark.parametrize("far", [2**40, -(2**40)])
def test_an_event_of_a_wrong_time_counts_before_no_moment_but_later_ones(far):
    found = _sorted([[(1, far, 1), (2, 3, 1)]], since=-(2**60))
    places = found.places(np.array([1, 2]), np.array([9, 9]))
    counts = found.counts().before(np.array([1, 2]), places)
    assert counts.tolist() == [float(far < 0), 1.0]
