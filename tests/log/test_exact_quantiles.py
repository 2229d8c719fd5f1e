import numpy as np
import polars as pl
import pytest

from ytdnn.log import exact_quantiles, log_checks

SHARES = (0.0, 0.01, 0.35, 0.5, 0.63, 0.99, 1.0)


@pytest.mark.parametrize("size", [1, 2, 3, 40, 5_000])
@pytest.mark.parametrize("spread", [1, 1_000, 10**9])
def test_quantiles_are_those_of_polars(size, spread):
    values = np.random.default_rng(size).integers(-spread, spread, size) + 1_600_000_000
    frame = pl.DataFrame({"time": values})
    counts = exact_quantiles.Counts(frame.lazy(), "time")
    expected = [int(frame["time"].quantile(share)) for share in SHARES]
    assert counts.nearest(SHARES) == expected


def test_repeated_values_are_ranked_one_by_one():
    counts = exact_quantiles.Counts(pl.LazyFrame({"time": [5] * 9 + [70_000]}), "time")
    assert counts.nearest([0.9, 1.0]) == [5, 70_000]


def test_equal_rows_are_counted_a_part_of_their_hashes_at_a_time(monkeypatch):
    rows = pl.LazyFrame(
        {"a": [1, 2, 1, 3, 3, 3], "b": [None, "x", None, "y", "y", "z"]}
    )
    assert log_checks._num_distinct(rows, 6) == 4
    monkeypatch.setattr(log_checks, "_HASHES_A_COUNT", 2)
    assert log_checks._num_distinct(rows, 6) == 4
