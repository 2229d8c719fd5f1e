"""How fast is exact full ranking of a million videos, and how near to its lower bound?

Claim: exact ranking takes less than a minute on two cores, about twice the time of the
matrix product that no exact method can avoid.

Lists of the 200 best of a million made videos for ten thousand made users of 64
coordinates, as `ytdnn evaluate` makes them (blocks of users × videos, a running
threshold for each user), beside the plain way (one product for each block of users,
`argpartition` over its whole rows) and the floor, the matrix product alone. The plain
way and the floor are timed on a part and scaled; all in one process, in turn.

    python -m experiments.benchmarks.ranking_1m [--users=10000] [--videos=1000000]

Measured 2026-11-24, two cores of an AMD EPYC, 0.40 GiB at most in the process:

| way | seconds | ratio to plain |
|---|---|---|
| exact top 200 | 10.1 | 0.32 |
| floor: the product alone | 5.5 | 0.18 |
| plain: product and argpartition | 30.8 | 1.00 |

Beside another training on the same two cores: 24 to 31 s.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import rich
from rich import table

from ytdnn.base.metrics import retrieval

_DIM = 64
_K = 200
_PART_USERS = 256
_VIDEOS_A_BLOCK = 4_096
_REPEATS = 3


def main() -> None:
    """Times all three and prints them as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=1_000_000)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    users = rng.standard_normal((given.users, _DIM), np.float32)
    videos = rng.standard_normal((given.videos, _DIM), np.float32)
    part = users[:_PART_USERS]
    ours = _seconds(lambda: retrieval.top_k(users, videos, None, None, _K), 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    scale = len(users) / len(part)
    floor = scale * _seconds(lambda: _product(part, videos), _REPEATS)
    plain = scale * _seconds(lambda: _plain(part, videos), _REPEATS)
    _check(len(videos) // 10)
    _show(len(users), len(videos), {"ours": ours, "floor": floor, "plain": plain})
    rich.print(f"peak memory of the process with ours: {memory:.2f} GiB")


def _seconds(run: Callable[[], object], repeats: int) -> float:
    """Returns the median time of a call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _product(users: np.ndarray, videos: np.ndarray) -> None:
    """Makes every score once, block by block, and keeps none."""
    out = np.empty((len(users), _VIDEOS_A_BLOCK), np.float32)
    for start in range(0, len(videos), _VIDEOS_A_BLOCK):
        block = videos[start : start + _VIDEOS_A_BLOCK]
        np.matmul(users, block.T, out=out[:, : len(block)])


def _plain(users: np.ndarray, videos: np.ndarray, rows: int = 64) -> np.ndarray:
    """Returns the best k of whole rows of scores, ties as they come."""
    lists = []
    for start in range(0, len(users), rows):
        scores = users[start : start + rows] @ videos.T
        best = np.argpartition(-scores, _K, axis=1)[:, :_K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        lists.append(np.take_along_axis(best, order, axis=1) + 1)
    return np.concatenate(lists)


def _check(num_videos: int) -> None:
    """Compares the two ways on scores without rounding: whole numbers."""
    rng = np.random.default_rng(1)
    whole = rng.integers(-9, 10, (5, 4)).astype(np.float32)
    corpus = rng.integers(-9, 10, (num_videos, 4)).astype(np.float32)
    found = retrieval.top_k(whole, corpus, None, None, _K)
    expected = np.argsort(-(whole @ corpus.T), axis=1, kind="stable")[:, :_K] + 1
    if not np.array_equal(found, expected):
        raise ValueError("expected the lists of a whole sort, found others")


def _show(num_users: int, num_videos: int, seconds: dict[str, float]) -> None:
    operations = 2.0 * num_users * num_videos * _DIM
    names = {
        "ours": "exact top 200 (ytdnn)",
        "floor": "floor: the product alone",
        "plain": "plain: product and argpartition",
    }
    result = table.Table(title=f"{num_users:,} users × {num_videos:,} videos × {_DIM}")
    result.add_column("way", no_wrap=True)
    for heading in ("seconds", "GFLOP/s", "ratio to plain"):
        result.add_column(heading, justify="right")
    for key, name in names.items():
        rate = operations / seconds[key] / 1e9
        ratio = seconds[key] / seconds["plain"]
        result.add_row(name, f"{seconds[key]:.1f}", f"{rate:.0f}", f"{ratio:.2f}")
    rich.print(result)


if __name__ == "__main__":
    main()
