import numpy as np
import pytest

from ytdnn.base.metrics import recalibration

N = 20_000


def test_a_calibrated_prediction_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(size=N)
    happened = rng.random(N) < 1.0 / (1.0 + np.exp(-log_odds))
    assert recalibration.fit_log_odds(log_odds, happened) == recalibration.IDENTITY
    # Heavy tails alone, of the right mean, are no miscalibration.
    log_seconds = rng.normal(2.0, 0.5, N)
    watched = np.exp(log_seconds) * rng.gamma(0.2, 5.0, N)
    assert recalibration.fit_log_amounts(log_seconds, watched) == (
        recalibration.IDENTITY
    )


def test_seconds_equal_what_was_observed_in_sum_and_at_both_ends() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(2.0, 0.8, N)
    watched = np.exp(true) * rng.exponential(size=N)
    said = 2.0 * true - 1.0  # twice as far apart as they are
    line = recalibration.fit_log_amounts(said, watched)
    found = np.exp(line.shift + line.slope * said)
    assert found.sum() == pytest.approx(watched.sum(), rel=1e-6)
    assert line.slope == pytest.approx(0.5, abs=0.03)
    for third in (said < np.quantile(said, 0.3), said > np.quantile(said, 0.7)):
        assert found[third].sum() == pytest.approx(watched[third].sum(), rel=0.06)


def test_the_order_stays_where_predictions_say_the_opposite() -> None:
    x = np.linspace(-2.0, 2.0, N)
    happened = np.random.default_rng(2).random(N) < 1.0 / (1.0 + np.exp(x))
    assert recalibration.fit_log_odds(x, happened) == recalibration.IDENTITY


def test_predictions_that_do_not_vary_are_shifted() -> None:
    line = recalibration.fit_log_odds(np.zeros(N), np.arange(N) % 4 == 0)
    assert line.slope == 1.0
    assert line.shift == pytest.approx(np.log(1.0 / 3.0), rel=1e-6)


def test_perfect_separation_gives_a_finite_line() -> None:
    x = np.linspace(-1.0, 1.0, 100)
    line = recalibration.fit_log_odds(x, x > 0.0)
    assert np.isfinite([line.shift, line.slope]).all()
