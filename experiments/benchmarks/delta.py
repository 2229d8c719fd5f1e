"""What do added videos cost a search?

    python -m experiments.benchmarks.delta

Claim: little, while they are few: a delta part (`ytdnn index add`) is searched exactly
beside the built index. One query for 300 videos, without and with delta parts of some
shares of the built one, in turns; medians.

Measured 2026-11-26 on two cores of an AMD EPYC under much other work (load 13), one
thread, `--videos=100000 --repeats=30`:

| 100,000 videos, added | 0 | 1% | 5% | 10% | 20% | 50% |
|---|---|---|---|---|---|---|
| exact, ms | 45.72 | 44.98 | 49.05 | 50.39 | 52.08 | 61.59 |
| scann, ms | 4.17 | 3.77 | 4.92 | 6.82 | 7.67 | 19.13 |

At a twentieth ScaNN with the delta part takes a sixth longer, at a tenth two thirds:
that is where `ytdnn index add` advises to build again.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.benchmarks import answer, measure
from ytdnn import configs
from ytdnn.retrieval.index import brute_force, scann_index

_DIM, _K = 65, 300
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


def mains(num_videos: int) -> dict[str, Any]:
    """Returns the kinds of index, built."""
    vectors = answer.clustered(num_videos, _DIM)
    found: dict[str, Any] = {"exact": brute_force.BruteForceModule(vectors)}
    if scann_index.is_available():
        built = scann_index.Scann.build(vectors, configs.ScannConfig())
        found["scann"] = built.module
    return found


def searches(main: Any, num_videos: int) -> dict[str, Callable[[], Any]]:
    """Returns a search of one query without a delta part, and with each share."""
    searchers = {"0": main.search}
    for share in _SHARES:
        added = answer.clustered(max(1, int(share * num_videos)), _DIM)
        both = brute_force.WithDelta(main, added)
        searchers[f"{share:.0%}"] = tf.function(both.search)
    query = tf.constant(np.random.default_rng(1).normal(size=[1, _DIM]), tf.float32)
    k = tf.constant(min(_K, num_videos))
    return {
        name: lambda search=search: search(query, k)[1].numpy()  # type: ignore[misc]
        for name, search in searchers.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the milliseconds of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--videos", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    num_videos = 2_000 if options.tiny else options.videos
    print(measure.environment())
    shares = ["0", *(f"{share:.0%}" for share in _SHARES)]
    print(f"\n| {num_videos:,} videos, added | {' | '.join(shares)} |")
    print("|---" * (1 + len(shares)) + "|")
    for kind, built in mains(num_videos).items():
        found = measure.interleaved(searches(built, num_videos), options.repeats)
        cells = (f"{1_000 * found[share]:.2f}" for share in shares)
        print(f"| {kind}, ms | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
