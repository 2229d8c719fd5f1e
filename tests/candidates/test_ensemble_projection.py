"""Narrow vectors whose products are the nearest there are."""

import numpy as np
import pytest

from ytdnn.candidates import ensemble


def _vectors(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(12, 12)) * np.geomspace(1.0, 0.01, 12)
    return rng.normal(size=(300, 12)) @ mixing, rng.normal(size=(90, 12)) + 0.5


@pytest.mark.parametrize("dim", [1, 5, 12])
def test_products_are_those_of_the_truncated_singular_values(dim: int) -> None:
    users, videos = _vectors(dim)
    scores = users @ videos.T
    left, values, right = np.linalg.svd(scores, full_matrices=False)
    expected = (left[:, :dim] * values[:dim]) @ right[:dim]
    of_users, of_videos = ensemble.nearest_products(users, videos, dim)
    assert of_users.shape == of_videos.shape == (12, dim)
    found = (users @ of_users) @ (videos @ of_videos).T
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(scores).max())


def test_a_direction_that_no_user_of_the_sample_has_is_no_matter() -> None:
    users, videos = _vectors(0)
    users[:, 3] = 0.0
    for matrix in ensemble.nearest_products(users, videos, 12):
        assert np.isfinite(matrix).all()


def test_of_one_user_there_is_a_projection() -> None:
    of_users, of_videos = ensemble.nearest_products(np.ones([1, 4]), np.eye(4), 2)
    found = (np.ones([1, 4]) @ of_users) @ of_videos.T
    np.testing.assert_allclose(found, np.ones([1, 4]), atol=1e-3)
