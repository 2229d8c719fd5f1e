"""Outcomes in one network: weights of losses, and paired differences by hand."""

import pathlib

import numpy as np
import pytest

from experiments import feedback, weighted_slates
from tests import kuairand_files
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.evaluation import outcome_metrics
from ytdnn.lab.world import corpus, generate, page_truth

NAMES = ["liked", "completed"]


def test_networks_differ_in_the_weights_of_their_losses_alone(
    tmp_path: pathlib.Path,
) -> None:
    assert feedback.loss_weights(NAMES) == ("liked=0.1", "completed=0.1")
    alone = feedback.loss_weights(NAMES, "liked")
    assert alone == ("head=0", "liked=1", "completed=0")
    of_click = feedback.loss_weights(NAMES, schema.CLICKED)
    assert of_click == ("liked=0", "completed=0")
    one, other = (
        feedback.config_of(tmp_path, 2, weights).ranking
        for weights in (alone, of_click)
    )
    assert one.weights_of(NAMES) == {"head": 0.0, "liked": 1.0, "completed": 0.0}
    assert other.weights_of(NAMES) == {"head": 1.0, "liked": 0.0, "completed": 0.0}


def test_differences_are_paired_by_user() -> None:
    rng = np.random.default_rng(0)
    losses, sizes = rng.random(200), np.full(200, 4.0)
    own = {outcome_metrics.LOG_LOSS: (losses, sizes)}
    other = {outcome_metrics.LOG_LOSS: (losses + 0.4, sizes)}
    found = feedback.compared(own, other, outcome_metrics.LOG_LOSS)
    # Every user loses .4 of 4 less, so every resample does.
    assert found == pytest.approx([-0.1, -0.1, -0.1])
    twice = {outcome_metrics.CALIBRATION_RATIO: (2.0 * losses, losses)}
    half = {outcome_metrics.CALIBRATION_RATIO: (0.5 * losses, losses)}
    found = feedback.compared(twice, half, outcome_metrics.CALIBRATION_RATIO)
    assert found == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


@pytest.mark.slow
def test_the_protocol_goes_through_on_made_files(tmp_path: pathlib.Path) -> None:
    folder = kuairand_files.write(tmp_path, num_rows=4_000)
    found = feedback.measure(folder, tmp_path / "run", epochs=1)
    assert found["chosen"] in feedback.JOINT
    assert (
        f"{schema.COMPLETED} {outcome_metrics.GROUPED_AUC}"
        in (found["differences_chosen_less_alone"])
    )


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
    worth = page_truth.of_pages(world, users, slates, np.array([at, at]), np.arange(3))
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
