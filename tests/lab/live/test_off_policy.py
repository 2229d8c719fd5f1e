"""Off-policy estimates on a world: its truth shows their bias and their coverage."""

import math
import pathlib

import numpy as np
import numpy.typing as npt
import pytest

from experiments import off_policy as experiment
from ytdnn import configs
from ytdnn.lab.metrics import off_policy
from ytdnn.lab.off_policy import counterfactual
from ytdnn.lab.world import generate, page_truth
from ytdnn.run.pipeline import workdir as workdir_room

NUM_LISTED = 12
REPEATS = 150
Array = npt.NDArray[np.float64]


def softmax(logits: Array) -> Array:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Array = shares / shares.sum(axis=1, keepdims=True)
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[Array, Array, float]]:
    """Errors and coverage of each estimate, and the true value of the target policy.

    Every user of a tiny world is shown one video out of twelve, three times: the log
    draws by a rough view of the true watch seconds, the target would draw by them.
    """
    world = generate.World(configs.WORLDS["tiny"])
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(world.config.num_users), 3)
    uploaded = np.flatnonzero(world.shared.videos.upload_times < world.end_of_log)
    listed = rng.choice(uploaded, (len(users), NUM_LISTED))
    times = np.full(len(users), world.end_of_log)
    worth = page_truth.page_values(world, users, listed, times, np.zeros(1))
    liking = np.log(worth.seconds + 1.0)
    rough = 0.5 * liking + rng.normal(0.0, 0.5, liking.shape)
    of_log, of_target = softmax(rough), softmax(liking)
    truth = float((of_target * worth.seconds).sum(axis=1).mean())
    model = np.full_like(worth.seconds, worth.seconds.mean()) * np.exp(0.3 * rough)
    estimates = {
        "ips": off_policy.inverse_propensity,
        "snips": off_policy.self_normalised,
        "dr": off_policy.doubly_robust,
    }
    errors: dict[str, list[float]] = {name: [] for name in estimates}
    covered: dict[str, list[bool]] = {name: [] for name in estimates}
    row = np.arange(len(users))
    for _ in range(REPEATS):
        drawn = (rng.random((len(users), 1)) > of_log.cumsum(axis=1)).sum(axis=1)
        drawn = drawn.clip(max=NUM_LISTED - 1)
        chance = worth.clicks[row, drawn]
        seconds = worth.seconds[row, drawn] / np.maximum(chance, 1e-12)
        clicked = rng.random(len(users)) < chance
        logged = off_policy.Decisions(
            users,
            np.where(clicked, rng.gamma(4.0, seconds / 4.0), 0.0),
            of_log[row, drawn],
            of_target[row, drawn],
            model[row, drawn],
            (of_target * model).sum(axis=1),
        )
        for name, estimate in estimates.items():
            one = estimate(logged)
            errors[name].append(one.value - truth)
            covered[name].append(one.low <= truth <= one.high)
    return {
        name: (np.array(errors[name]), np.array(covered[name]), truth)
        for name in estimates
    }


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_the_truth_shows_no_bias_and_the_coverage_of_the_intervals(
    found: dict[str, tuple[Array, Array, float]], name: str
) -> None:
    errors, covered, truth = found[name]
    noise = errors.std() / math.sqrt(REPEATS)
    assert abs(errors.mean()) < 4.0 * noise + 0.02 * truth
    assert covered.mean() > 0.85


def test_what_the_log_brought_is_not_what_the_target_would(
    found: dict[str, tuple[Array, Array, float]],
) -> None:
    """So there was something to estimate: within a fifth of the truth, each time."""
    errors, _, truth = found["snips"]
    assert errors.std() < 0.2 * truth


@pytest.mark.thorough
def test_the_experiment_in_its_tiny_form(workdir: pathlib.Path) -> None:
    """Logs of a trained recommender: of itself it brings what the truth says."""
    config = workdir_room.require_config(workdir)
    found = experiment.run(workdir, config, num_pages=80, repeats=12)
    rewards = counterfactual.CLICKS, counterfactual.WATCH_SECONDS
    policies = {policy for policy, _, _ in found}
    assert len(found) == len(policies) * 2 * len(rewards)
    for scope in ("place", "page"):
        for reward in rewards:
            own = found[experiment.LOGGING, scope, reward]
            assert own.weight == pytest.approx(1.0, abs=1e-5)
            ips, snips = (own.estimates[name][:, 0] for name in ("ips", "snips"))
            np.testing.assert_allclose(ips, snips, rtol=1e-4)
            assert abs(ips.mean() - own.truth) < 0.25 * own.truth
    cooler = found[experiment.COOLER, "place", counterfactual.WATCH_SECONDS]
    assert cooler.weight == pytest.approx(1.0, abs=0.1)
    assert cooler.effective_size > 100
    assert experiment.show(found).row_count == len(found)
