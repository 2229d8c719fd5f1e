import numpy as np
import pytest

from ytdnn.ranking import predictions


def test_weighted_logits_are_the_odds_of_a_log() -> None:
    """Of N impressions with k clicks: ΣT / (N − k) from E[T] = ΣT / N and P = k / N."""
    num_impressions, num_clicks, total_seconds = 10, 4, 90.0
    found = predictions.Predictions(
        order=np.zeros(1),
        seconds=np.array([total_seconds / num_impressions]),
        click_probability=np.array([num_clicks / num_impressions]),
    ).weighted_logits
    assert found is not None
    expected = total_seconds / (num_impressions - num_clicks)
    assert np.exp(found) == pytest.approx([expected])


def test_weighted_logits_are_finite_at_the_ends() -> None:
    found = predictions.Predictions(
        order=np.zeros(2),
        seconds=np.array([0.0, 60.0]),
        click_probability=np.array([0.0, 1.0]),
    ).weighted_logits
    assert found is not None
    assert np.isfinite(found).all()


@pytest.mark.parametrize("given", ["seconds", "click_probability"])
def test_one_alone_gives_no_weighted_logits(given: str) -> None:
    found = predictions.Predictions(np.zeros(1), **{given: np.ones(1)})
    assert found.weighted_logits is None
