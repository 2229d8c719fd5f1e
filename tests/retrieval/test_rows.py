import doctest

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.retrieval import rows


def test_examples() -> None:
    assert doctest.testmod(rows).failed == 0


@pytest.mark.parametrize("seed", range(3))
def test_occurrence_counts_those_before(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 5, (7, 30)).astype(np.int32)
    found = rows.occurrence(tf.constant(values)).numpy()
    for row, numbers in zip(values, found, strict=True):
        expected = [int((row[:i] == row[i]).sum()) for i in range(len(row))]
        assert numbers.tolist() == expected


@pytest.mark.parametrize("length", [1, 4, 40])
def test_kept_values_close_up_in_order(length: int) -> None:
    rng = np.random.default_rng(0)
    values, keep = rng.integers(1, 99, (6, 20)), rng.random((6, 20)) < 0.4
    found = rows.closed_up(tf.constant(values, tf.int32), tf.constant(keep), length)
    for row, kept, expected in zip(found.numpy(), keep, values, strict=True):
        wanted = expected[kept].tolist()[:length]
        assert row.tolist() == wanted + [0] * (length - len(wanted))


def test_contains_is_membership_of_the_row() -> None:
    rng = np.random.default_rng(1)
    sets, values = rng.integers(0, 20, (5, 9)), rng.integers(1, 20, (5, 30))
    found = rows.contains(tf.constant(sets, tf.int32), tf.constant(values, tf.int32))
    expected = [np.isin(v, s) for v, s in zip(values, sets, strict=True)]
    np.testing.assert_array_equal(found, expected)
    nothing = tf.zeros([5, 0], tf.int32)
    assert not rows.contains(nothing, tf.constant(values, tf.int32)).numpy().any()
