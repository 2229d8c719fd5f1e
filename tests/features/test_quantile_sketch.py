import hypothesis
import numpy as np
from hypothesis import strategies as st

from ytdnn.features import open_features

LISTS = st.lists(st.lists(st.integers(0, 10**9), max_size=20), max_size=5)


@hypothesis.given(LISTS, st.integers(1, 12))
def test_small_streams_are_exact_in_any_pieces(
    pieces: list[list[int]], num_quantiles: int
) -> None:
    sketch = open_features.QuantileSketch()
    for piece in pieces:
        sketch.add(np.array(piece, np.int64))
    values = np.array([v for piece in pieces for v in piece], np.float64)
    expected = np.zeros(num_quantiles)
    if len(values):
        expected = np.quantile(values, np.linspace(0, 1, num_quantiles))
    assert np.allclose(sketch.quantiles(num_quantiles), expected)


def test_long_streams_are_sampled_without_bias_of_place() -> None:
    sketch = open_features.QuantileSketch(max_values=2_000)
    for start in range(0, 100_000, 1_000):  # ascending: the hard order
        sketch.add(np.arange(start, start + 1_000))
    # The standard error of a quartile of 2,000 is about 1 % of the range.
    assert np.allclose(
        sketch.quantiles(5), [0, 25_000, 50_000, 75_000, 100_000], atol=4_000
    )
