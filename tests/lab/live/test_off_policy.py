"""Off-policy estimates on a world: its truth shows their bias and their coverage."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from ytdnn import configs
from ytdnn.lab.metrics import off_policy
from ytdnn.lab.world import generate, page_values

NUM_LISTED = 12
REPEATS = 150
Array = npt.NDArray[np.float64]


def softmax(logits: Array) -> Array:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


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
    worth = page_values.page_values(world, users, listed, times, np.zeros(1))
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
