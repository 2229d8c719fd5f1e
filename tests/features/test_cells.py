"""Events of several shards by group and span, against a loop over all of them."""

from unittest import mock

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ytdnn.features import cells

NUM_GROUPS = 5
EVENTS = st.lists(
    st.tuples(st.integers(0, NUM_GROUPS - 1), st.integers(-3, 40_000)), max_size=30
)
SHARDS = st.lists(EVENTS, max_size=4)


def _columns(events):
    rows = np.array(events, np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _counted(shards):
    return cells.counted(lambda: map(_columns, shards), NUM_GROUPS)


@pytest.mark.parametrize("part", [1, 4, 1 << 22])
@hypothesis.given(shards=SHARDS)
def test_cells_are_the_distinct_pairs_with_the_events_before_each(shards, part):
    with mock.patch.object(cells, "_EVENTS_A_PART", part):
        found = _counted(shards)
    events = [event for shard in shards for event in shard]
    groups = np.repeat(np.arange(NUM_GROUPS), np.diff(found.firsts)).tolist()
    spans = [found.lowest + span for span in found.spans.tolist()]
    pairs = list(zip(groups, spans, strict=True))
    assert pairs == sorted(set(events))
    assert len(found) == len(pairs)
    before = [sum(event < pair for event in events) for pair in pairs]
    assert found.counts.tolist() == [*before, len(events)]


@hypothesis.given(SHARDS, EVENTS)
def test_places_are_the_first_cells_that_are_not_before(shards, asked):
    found = _counted(shards)
    pairs = sorted({event for shard in shards for event in shard})
    with mock.patch.object(cells, "_REQUESTS_A_PART", 3):
        places = found.places(*_columns(asked))
    assert places.tolist() == [sum(pair < one for pair in pairs) for one in asked]


def test_a_cell_of_few_spans_takes_six_bytes():
    many = [[(event % 3, event % 1_000) for event in range(9_000)]]
    found = _counted(many)
    assert len(found) == 3_000
    assert found.spans.nbytes + found.counts.nbytes == 6 * len(found) + 4


def test_spans_are_wider_where_they_must_be():
    found = _counted([[(1, 0), (1, 70_000)]])
    assert found.spans.tolist() == [0, 70_000]
