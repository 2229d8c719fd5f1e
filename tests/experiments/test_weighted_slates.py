"""Slates by weights of outcomes count by the truth of the world."""

import numpy as np
import pytest

from experiments import weighted_slates
from ytdnn import configs
from ytdnn.lab.world import corpus, generate, page_values


@pytest.fixture(scope="module")
def world() -> generate.World:
    config = configs.WorldConfig(
        num_users=50, num_videos=80, num_topics=2, num_days=20, outcomes=True
    )
    return generate.World(config)


def test_slates_count_by_the_truth(world: generate.World) -> None:
    at = corpus.START + 20 * corpus.SECONDS_PER_DAY
    users, slates = np.array([3, 7]), np.array([[5, 9, 11], [5, 9, -1]])
    found = weighted_slates.true_values(world, users, slates, at)
    worth = page_values.page_values(
        world, users, slates, np.array([at, at]), np.arange(3)
    )
    np.testing.assert_allclose(found["clicked"], worth.clicks.sum(axis=1))
    np.testing.assert_allclose(found["watch_seconds"], worth.seconds.sum(axis=1))
    for name in ("liked", "disliked"):
        assert (found[name] > 0.0).all()
        assert (found[name] < found["clicked"]).all()
    shorter = weighted_slates.true_values(world, users, slates[:, :2], at)
    assert found["liked"][1] == pytest.approx(shorter["liked"][1])


def test_a_slate_gains_by_its_own_weights() -> None:
    one = np.ones(4)
    brought = {
        name: {"watch_seconds": one, "liked": 0.0 * one, "disliked": 0.1 * one}
        for name in weighted_slates.WEIGHTS
    }
    brought["likes alone"]["liked"] = 0.5 * one
    found = weighted_slates.report(brought)
    gains = found["gain_by_own_weights_over"]
    assert gains["likes alone"]["watch seconds"] == pytest.approx([0.5] * 3)
    assert gains["watch seconds"]["likes alone"] == pytest.approx([0.0] * 3)
    assert gains["and likes"]["likes alone"] == pytest.approx([-1_500.0] * 3)
    assert found["true_means"]["likes alone"]["liked"] == 0.5
