"""Each function against a loop over its lists; keys may lie far outside the range."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ytdnn.base import ragged

NUM_GROUPS = 4
INT64 = np.iinfo(np.int64)
LISTS = st.lists(st.lists(st.integers(-5, 5), max_size=6), max_size=8)
GROUPS = st.integers(0, NUM_GROUPS - 1)
# Seconds as of a log, and what stands for "never" and "always".
TIMES = st.one_of(
    st.integers(-5, 5),
    st.integers(1_600_000_000, 1_600_000_009),
    st.sampled_from([0, 4 * 10**9]),
)
KEYS = st.one_of(TIMES, st.sampled_from([INT64.min, INT64.min + 1, INT64.max]))
EVENTS = st.lists(st.tuples(GROUPS, TIMES, st.integers(-3, 3)), max_size=30)
ASKED = st.lists(st.tuples(GROUPS, KEYS), max_size=20)


def _ragged(lists):
    offsets = np.append(0, np.cumsum([len(values) for values in lists]))
    flat = [value for values in lists for value in values]
    return ragged.Ragged(offsets.astype(np.int64), np.array(flat, np.int64))


def _lists(found):
    bounds = zip(found.offsets[:-1], found.offsets[1:], strict=True)
    return [found.values[a:b].tolist() for a, b in bounds]


def _column(rows, i):
    return np.array([row[i] for row in rows], np.int64)


@hypothesis.given(LISTS)
def test_rows_and_sizes_are_those_of_the_lists(lists):
    found = _ragged(lists)
    assert found.sizes.tolist() == [len(values) for values in lists]
    expected = [i for i, values in enumerate(lists) for _ in values]
    assert found.rows.tolist() == expected
    assert ragged.rows_of(found.offsets).tolist() == expected


@hypothesis.given(LISTS, st.randoms(use_true_random=False))
def test_select_keeps_marked_entries_and_every_list(lists, random):
    marks = [[random.random() < 0.5 for _ in values] for values in lists]
    keep = [mark for row in marks for mark in row]
    expected = [
        [value for value, mark in zip(*pair, strict=True) if mark]
        for pair in zip(lists, marks, strict=True)
    ]
    assert _lists(_ragged(lists).select(keep)) == expected
    assert _lists(_ragged(lists).select(np.array(keep, np.int8))) == expected


@hypothesis.given(LISTS.filter(len), st.data())
def test_take_gives_lists_in_the_order_asked_for(lists, data):
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=10))
    for dtype in (np.int32, np.int64):
        found = _ragged(lists).take(np.array(rows, dtype))
        assert _lists(found) == [lists[row] for row in rows]


def test_empty_has_lists_without_entries():
    assert _lists(ragged.empty(3)) == [[], [], []]
    assert _lists(ragged.empty(0)) == []


@hypothesis.given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6))))
def test_ranges_are_those_of_python(bounds):
    starts, sizes = _column(bounds, 0), _column(bounds, 1)
    found = ragged.ranges(starts, starts + sizes)
    assert _lists(found) == [list(range(a, a + size)) for a, size in bounds]
    assert found.offsets.dtype == np.int64


@hypothesis.given(st.lists(st.lists(TIMES, max_size=6), max_size=6))
def test_running_max_is_the_largest_so_far_of_each_list(lists):
    entries = _ragged(lists)
    found = ragged.running_max(entries.values, entries.offsets)
    expected = [[max(v[: i + 1]) for i in range(len(v))] for v in lists]
    assert _lists(ragged.Ragged(entries.offsets, found)) == expected


def _num_before(groups, keys, lists):
    return [
        sum(entry < key for entry in lists[group])
        for group, key in zip(groups, keys, strict=True)
    ]


@hypothesis.given(
    st.lists(st.lists(TIMES, max_size=6), min_size=NUM_GROUPS, max_size=NUM_GROUPS),
    ASKED,
)
def test_num_before_equals_a_count_one_by_one(lists, asked):
    lists = [sorted(values) for values in lists]
    entries = _ragged(lists)
    groups, keys = _column(asked, 0), _column(asked, 1)
    found = ragged.num_before(groups, keys, entries.offsets, entries.values)
    assert found.tolist() == _num_before(groups.tolist(), keys.tolist(), lists)
    assert found.dtype == np.int64


def test_num_before_by_hand_at_the_ends_of_int64():
    entries = _ragged([[10, 20], [], [15, 15, 30]])
    groups = np.repeat([0, 1, 2], 4)
    keys = np.tile([INT64.min, 15, 16, INT64.max], 3)
    found = ragged.num_before(groups, keys, entries.offsets, entries.values)
    assert found.tolist() == [0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 2, 3]


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_num_before_does_not_overflow_with_narrow_groups(dtype):
    # 4,000 users of a log of 40 days: group times the span of the log exceeds int32.
    num_users, span = 4_000, 40 * 86_400
    first = np.full(num_users, 1_600_000_000)
    times = np.stack([first, first + span], axis=1).ravel()
    offsets = np.arange(0, 2 * num_users + 1, 2)
    groups = np.array([0, 619, 621, 1_500, 3_999], dtype)
    keys = np.full(5, 1_600_000_001)
    assert ragged.num_before(groups, keys, offsets, times).tolist() == [1] * 5


def test_nothing_asked_and_nothing_there():
    none, offsets = np.zeros(0, np.int64), np.zeros(3, np.int64)
    assert ragged.num_before(none, none, offsets, none).tolist() == []
    found = ragged.num_before(np.array([0, 1]), np.array([5, 6]), offsets, none)
    assert found.tolist() == [0, 0]
    assert ragged.running_max(none, offsets).tolist() == []


@hypothesis.given(EVENTS, ASKED)
def test_earlier_events_equal_a_loop_over_all(events, asked):
    join = ragged.Earlier(_column(events, 0), _column(events, 1))
    groups, keys = _column(asked, 0), _column(asked, 1)
    before = [[e for e in events if e[0] == g and e[1] < key] for g, key in asked]
    assert join.count(groups, keys).tolist() == [len(found) for found in before]
    sums = join.sum(_column(events, 2), groups, keys)
    assert sums.tolist() == [sum(e[2] for e in found) for found in before]


def test_earlier_takes_any_integers_as_groups():
    # A group such as user · num_videos + video; asked for below, between and above.
    join = ragged.Earlier(np.array([10**12, 5, 10**12]), np.array([7, 1, 3]))
    groups = np.array([0, 5, 6, 10**12, 10**12 + 1])
    assert join.count(groups, np.full(5, 8)).tolist() == [0, 1, 0, 2, 0]
    weights = np.array([0.5, 1.5, 2.0])  # as the events were given
    assert join.sum(weights, groups, np.full(5, 8)).tolist() == [0, 1.5, 0, 2.5, 0]


def test_events_of_the_same_moment_are_not_earlier():
    join = ragged.Earlier(np.array([1, 1]), np.array([5, 5]))
    assert join.count(np.array([1, 1]), np.array([5, 6])).tolist() == [0, 2]


def test_earlier_of_no_events():
    none = np.zeros(0, np.int64)
    join = ragged.Earlier(none, none)
    asked = np.array([1, 2]), np.array([5, 5])
    assert join.count(*asked).tolist() == [0, 0]
    assert join.sum(none, *asked).tolist() == [0.0, 0.0]


@hypothesis.given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_values_among_others_are_those_of_a_set(
    values: list[int], others: list[int]
) -> None:
    found = ragged.are_among(np.array(values, int), np.sort(np.array(others, int)))
    assert found.tolist() == [value in set(others) for value in values]
