import doctest

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.log import row_sorting


def test_examples() -> None:
    assert doctest.testmod(row_sorting).failed == 0


@pytest.mark.parametrize("size", [0, 1, 40])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_it_is_what_tensorflow_and_numpy_find(size: int, dtype: type) -> None:
    rng = np.random.default_rng(size)
    rows = rng.integers(-9, 9, (5, size)).astype(dtype)
    if size > 1:
        rows[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    values, asked = tf.constant(rows), tf.constant(rng.integers(-9, 9, (5, 7)), dtype)
    ordered = row_sorting.rising(values)
    np.testing.assert_array_equal(ordered, np.sort(rows, axis=1))
    np.testing.assert_array_equal(
        row_sorting.rising_places(values), np.argsort(rows, axis=1, kind="stable")
    )
    np.testing.assert_array_equal(
        row_sorting.falling(values)[1],
        tf.argsort(values, axis=1, direction="DESCENDING", stable=True),
    )
    for side, found in (
        ("left", row_sorting.num_below),
        ("right", row_sorting.num_up_to),
    ):
        np.testing.assert_array_equal(
            found(ordered, asked), tf.searchsorted(ordered, asked, side=side)
        )
