"""Codes of columns and the videos of ranges of codes, against NumPy."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from ytdnn.retrieval import filter_conditions

CODES = [
    np.array([0, 2, 1, 0, 2, 3, 2]),
    np.array([0, 0, 0, 0, 0, 0, 0]),  # no value is known
    np.array([0, 6, 5, 4, 3, 2, 1]),
]


@pytest.fixture(scope="module")
def lists() -> filter_conditions.ValueLists:
    variables = filter_conditions.list_variables(
        [one.astype(np.int32) for one in CODES]
    )
    return filter_conditions.ValueLists(*variables)


def test_codes_are_those_of_columns_and_videos(
    lists: filter_conditions.ValueLists,
) -> None:
    found = lists.codes_of(tf.constant([[0], [2]]), tf.constant([[1, 6]]))
    assert found.numpy().tolist() == [[2, 2], [6, 1]]


RANGE = strategies.tuples(
    strategies.integers(0, 2), strategies.integers(0, 8), strategies.integers(-1, 9)
)


@hypothesis.given(strategies.lists(RANGE, min_size=1, max_size=5))
@hypothesis.settings(max_examples=60, deadline=None)
def test_a_range_holds_the_videos_whose_codes_are_in_it(
    lists: filter_conditions.ValueLists, ranges: list[tuple[int, int, int]]
) -> None:
    columns, low, high = tf.constant(ranges, tf.int32, [len(ranges), 3]).numpy().T
    found = lists.videos(*(tf.constant(one) for one in (columns, low, high)))
    start, end = lists.ends(*(tf.constant(one) for one in (columns, low, high)))
    for place, (column, lowest, highest) in enumerate(ranges):
        codes = CODES[column]
        wanted = np.flatnonzero((codes >= lowest) & (codes <= highest))
        listed = found[place].numpy()
        assert sorted(listed.tolist()) == wanted.tolist()
        assert (np.diff(codes[listed]) >= 0).all()
        assert int(end[place] - start[place]) == len(wanted)
