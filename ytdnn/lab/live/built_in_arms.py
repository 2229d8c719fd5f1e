"""Arms that need no model: the most watched videos, and the upper bound by the truth.

The world's own policy (`lab/world/policy.py`), which made the slates of the log, is the
third.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.lab.live import bundle_arm, history
from ytdnn.lab.world import corpus, generate, memory, page_values, policy

LOGGING, POPULARITY, BOUND = "logging", "popularity", "bound"
NAMES = {
    LOGGING: "the policy that filled the slates of the log",
    POPULARITY: "what was watched most in the last seven days",
    BOUND: "the slate of most true expected watch seconds",
}

_POPULAR_DAYS = 7
_USERS_A_BLOCK = 512
_NOTHING = np.zeros(0, np.int64)


def popularity(
    world: generate.World, known: history.UserHistories, day: int, source: int
) -> policy.Policy:
    """Returns the policy that shows the most watched videos of the preceding days.

    Args:
      world: The world.
      known: Events of all users before the day.
      day: Day of the world.
      source: Code of the pages' source.
    """
    length = world.config.impressions_per_page
    since = corpus.START + (day - _POPULAR_DAYS) * corpus.SECONDS_PER_DAY
    counts = known.watch_counts(since, len(world.shared.videos))
    most = min(memory.NUM_WATCHES + length, len(counts))
    best = np.argsort(-counts, kind="stable")[:most]

    def make_pages(requests: policy.PageRequests) -> policy.Page:
        listed = np.repeat(best[None, :], len(requests.rows), axis=0)
        seen = requests.remembered.has_watched(requests.rows, listed)
        first = np.argsort(seen, axis=1, kind="stable")[:, :length]
        videos = np.take_along_axis(listed, first, axis=1)
        return bundle_arm.page_of(videos, counts[videos].astype(np.float64), source)

    return make_pages


def bound(world: generate.World, source: int) -> policy.Policy:
    """Returns the policy that orders all videos by their true watch seconds.

    True watch seconds are those of an impression in the first position, given the
    user's memory, averaged over the user's devices. This is the upper bound of one
    page, as in `lab/truth/true_page.py`. It does not look ahead: a video shown today
    can tire the user tomorrow.

    Args:
      world: The world.
      source: Code of the pages' source.
    """

    def make_pages(requests: policy.PageRequests) -> policy.Page:
        rows = np.arange(len(requests.rows))
        blocks = np.split(rows, np.arange(_USERS_A_BLOCK, len(rows), _USERS_A_BLOCK))
        parts = [_best(world, requests.subset(block, requests.rng)) for block in blocks]
        videos, worth = (np.concatenate(side) for side in zip(*parts, strict=True))
        return bundle_arm.page_of(videos, worth, source)

    return make_pages


def _best(
    world: generate.World, requests: policy.PageRequests
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns pages `[n, k]` and the expected watch seconds of each place."""
    length = world.config.impressions_per_page
    users = requests.users.first + requests.rows
    everything = np.arange(len(world.shared.videos))
    # Memory can push as many videos as it holds below those that are wanted.
    num = 2 * length + memory.NUM_IMPRESSIONS + memory.NUM_WATCHES
    listed = page_values.shortlist(
        world, users, requests.times, num, everything, (_NOTHING, _NOTHING)
    )
    remembered = requests.remembered
    worth = page_values.page_values(
        world,
        users,
        listed,
        requests.times,
        np.zeros(1),
        remembered.num_unclicked(requests.rows, listed),
        remembered.has_watched(requests.rows, listed),
    ).seconds
    order = np.argsort(-worth, axis=1, kind="stable")[:, :length]
    rows = np.arange(len(listed))[:, None]
    return listed[rows, order], worth[rows, order]
