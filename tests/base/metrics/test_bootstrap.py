import numpy as np
import pytest

from ytdnn.base.metrics import bootstrap


def test_every_resample_draws_as_many_users_as_there_are() -> None:
    draws = list(bootstrap.resamples(7, num_resamples=20, seed=0))
    assert len(draws) == 20
    assert {int(counts.sum()) for counts in draws} == {7}
    assert len({tuple(counts) for counts in draws}) > 1


def test_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    parts = {"x": bootstrap.mean_parts(values)}
    low, high = bootstrap.ratio_intervals(parts, num_resamples=4_000)["x"]
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_undefined_resamples_are_left_out() -> None:
    # The first metric is undefined unless user 0 is drawn; then it is one.
    first, never = np.array([1.0, 0.0, 0.0]), np.zeros(3)
    found = bootstrap.ratio_intervals({"x": (first, first), "y": (never, never)})
    assert found["x"] == (1.0, 1.0)
    assert np.isnan(found["y"]).all()


def test_users_for_whom_a_metric_is_not_defined_are_left_out_of_its_mean() -> None:
    parts = {"x": bootstrap.mean_parts(np.array([1.0, np.nan, 1.0, np.nan]))}
    assert bootstrap.ratio_intervals(parts)["x"] == (1.0, 1.0)


def test_ratios_are_resampled_by_user(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    above, below = rng.random((30, 2)), rng.random((30, 2))
    draws = bootstrap.ratio_draws(above, below, num_resamples=25, seed=4)
    by_hand = [
        (counts @ above) / (counts @ below) for counts in bootstrap.resamples(30, 25, 4)
    ]
    np.testing.assert_allclose(draws, by_hand)
    for size in (7, 6):  # of a block; more draws than are kept
        monkeypatch.setattr(bootstrap, "_BLOCK_BYTES", 30 * 8 * size)
        again = bootstrap.ratio_draws(above, below, num_resamples=25, seed=4)
        np.testing.assert_allclose(again, draws)


def test_user_pairs_interval_is_twice_as_wide_within_0_and_1() -> None:
    assert bootstrap.user_pairs_interval(0.5, (0.45, 0.6)) == pytest.approx((0.4, 0.7))
    assert bootstrap.user_pairs_interval(0.9, (0.8, 0.98)) == pytest.approx((0.7, 1.0))
    assert np.isnan(
        bootstrap.user_pairs_interval(0.5, (float("nan"), float("nan")))
    ).all()
