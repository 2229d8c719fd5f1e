import doctest

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.retrieval import row_ops


def test_examples() -> None:
    assert doctest.testmod(row_ops).failed == 0


@pytest.mark.parametrize("seed", range(3))
def test_occurrence_counts_those_before(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 5, (7, 30)).astype(np.int32)
    found = row_ops.occurrence(tf.constant(values)).numpy()
    for row, numbers in zip(values, found, strict=True):
        expected = [int((row[:i] == row[i]).sum()) for i in range(len(row))]
        assert numbers.tolist() == expected


@pytest.mark.parametrize("num_excluded", [None, 0, 5])
@pytest.mark.parametrize("length", [1, 4, 40])
def test_first_places_are_of_distinct_held_values(
    length: int, num_excluded: int | None
) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 15, (6, 20)).astype(np.int32)
    without = rng.integers(0, 15, (6, num_excluded or 0)).astype(np.int32)
    found = row_ops.first_places(
        tf.constant(values),
        length,
        lambda one: one > 3,
        None if num_excluded is None else tf.constant(without),
    )
    taken = row_ops.taken(tf.constant(values), found).numpy()
    for row, places, kept, out in zip(
        values, found.numpy(), taken, without, strict=True
    ):
        distinct = dict.fromkeys(int(v) for v in row if v > 3 and v not in out)
        wanted = list(distinct)[:length]
        assert kept.tolist() == wanted + [0] * (length - len(wanted))
        firsts = [row.tolist().index(one) for one in wanted]
        assert places.tolist() == firsts + [len(row)] * (length - len(wanted))


def test_contains_is_membership_of_the_row() -> None:
    rng = np.random.default_rng(1)
    sets, values = rng.integers(0, 20, (5, 9)), rng.integers(1, 20, (5, 30))
    found = row_ops.contains(tf.constant(sets, tf.int32), tf.constant(values, tf.int32))
    expected = [np.isin(v, s) for v, s in zip(values, sets, strict=True)]
    np.testing.assert_array_equal(found, expected)
    nothing = tf.zeros([5, 0], tf.int32)
    assert not row_ops.contains(nothing, tf.constant(values, tf.int32)).numpy().any()
