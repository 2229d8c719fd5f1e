"""How fast are recommendations for all users written, beside the products alone?

Claim: for 200,000 users and a million videos (k = 50) the lists without the ranker are
written to Parquet at half the rate or more of the matrix products alone (users × videos
in float32, 64 dims and the bias), in memory that does not grow with the users.

    python -m experiments.benchmarks.bulk [--users=200000] [--videos=1000000]
        [--workdir=DIR]

The log is that of million_videos.py, whose fifth as many users have ten watches each;
the run is that of answer.py: default sizes, fresh weights, every feature the columns
allow. First, in turns, on the same users, medians of `--turns`: the products alone,
made as fast as TensorFlow makes them, block by block and thrown away; these with the
best k picked; and all that `ytdnn recommend --users --out --noranker` does (requests,
user tower, products, watched videos left out, best k, Parquet). Then `--users` in one
go, and `--ranked` of them with the ranker. Memory is the most resident of the process
that writes, of which TensorFlow and the models are most. A workdir given is kept, and
used where it is whole.

Measured 2026-11-26 on two cores of an AMD EPYC with little beside it (load 2.5 as it
began, half of it its own), `--users=40960 --ranked=2000 --turns=3`:

| part | users/s | of the products' | core-ms a user | of the products' |
|---|---|---|---|---|
| products alone | 1,138 | 1.00 | 1.51 | 1.00 |
| products and best k | 657 | 0.58 | 2.33 | 0.65 |
| all, written | 690 | 0.61 | 2.51 | 0.60 |

| lists | users | seconds | users/s | MiB at most | MiB of the file |
|---|---|---|---|---|---|
| without the ranker | 40,960 | 57.1 | 717 | 3,034 | 17 |
| with the ranker | 2,000 | 14.3 | 140 | 5,592 | 1 |

An hour before, when parts were made one after another and blocks of scores were copied,
all 199,993 users took 482 s without the ranker (415 a second, 2,788 MiB at most), and
all of it had .37 of the products' rate; with the ranker 43 a second in 3,439 MiB.
"""

import argparse
import multiprocessing
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

import ytdnn
from experiments.benchmarks import answer, measure, ranking
from ytdnn.base import ragged, schema
from ytdnn.bundle import bulk, bundle

_K = 50
_TURN = 8_192  # users, of several parts
_VIDEOS_A_PRODUCT = 8_192
_USERS_A_PRODUCT = 1_024


def products(users: tf.Tensor, videos: tf.Tensor) -> None:
    """Makes all products of users and videos, each block thrown away."""
    for start in range(0, len(users), _USERS_A_PRODUCT):
        block = users[start : start + _USERS_A_PRODUCT]
        for first in range(0, len(videos), _VIDEOS_A_PRODUCT):
            part = videos[first : first + _VIDEOS_A_PRODUCT]
            tf.linalg.matmul(block, part, transpose_b=True)


def turns(
    recommender: ytdnn.Recommender, out: pathlib.Path, num_users: int, repeats: int
) -> tuple[dict[str, ranking.Timed], int]:
    """Returns the times of each part for the same users, and how many they are."""
    names = recommender.data.users[schema.USER_ID].head(min(_TURN, num_users))
    size = len(names)
    rows = np.arange(size)
    vectors = recommender.bundle.video_vectors()
    mine = bulk.UserVectors(recommender.bundle, recommender.logged)(rows)
    search = bulk.Search(vectors, np.zeros(0, np.int32))
    parts: dict[str, Callable[[], object]] = {
        "products alone": lambda: products(tf.constant(mine), tf.constant(vectors)),
        "products and best k": lambda: search(mine, ragged.empty(size), _K),
        "all, written": lambda: ytdnn.write_recommendations(
            recommender, out, names, _K, ranker=False
        ),
    }
    return ranking.timed(parts, repeats, warm_up=1), size


def table_of_turns(timed: dict[str, ranking.Timed], size: int) -> str:
    """Returns rates, core-milliseconds, and their shares of the products alone."""
    alone = timed["products alone"]
    rows = [
        [
            name,
            f"{1e3 * size / found.median:,.0f}",
            f"{alone.median / found.median:.2f}",
            f"{found.core / size:.2f}",
            f"{alone.core / found.core:.2f}",
        ]
        for name, found in timed.items()
    ]
    share = "of the products'"
    header = ["part", "users/s", share, "core-ms a user", share]
    return measure.table(header, rows)


def write(
    directory: pathlib.Path, out: pathlib.Path, num_users: int, ranker: bool
) -> list[str]:
    """Writes the lists of the first users in this process; returns a row."""
    recommender = ytdnn.Recommender.load(directory / bundle.KIND)
    names = recommender.data.users[schema.USER_ID].head(num_users)
    started = time.perf_counter()
    written = ytdnn.write_recommendations(recommender, out, names, _K, ranker=ranker)
    seconds = time.perf_counter() - started
    rows = pl.scan_parquet(out).select(pl.len()).collect().item()
    if rows != written.num_rows:
        raise ValueError(f"expected {written.num_rows} rows, found {rows}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kind = "with the ranker" if ranker else "without"
    return [
        kind,
        f"{written.num_asked:,}",
        f"{seconds:,.1f}",
        f"{written.num_asked / seconds:,.0f}",
        f"{peak:,.0f}",
        f"{out.stat().st_size / 2**20:,.0f}",
    ]


def apart(function: Callable[..., Any], *given: object) -> Any:
    """Returns what a function does in a process of its own, whose peak is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--ranked", type=int, default=2_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.users, options.videos, options.ranked = 300, 2_000, 20
    with tempfile.TemporaryDirectory() as made:
        directory, out = options.workdir or pathlib.Path(made), pathlib.Path(made)
        if not (directory / bundle.KIND).exists():
            apart(answer.make, directory, options.videos)
        recommender = ytdnn.Recommender.load(directory / bundle.KIND)
        timed, size = turns(
            recommender, out / "turns.parquet", options.users, options.turns
        )
        del recommender
        rows = [
            apart(write, directory, out / f"{ranker}.parquet", number, ranker)
            for number, ranker in ((options.users, False), (options.ranked, True))
        ]
    header = ["lists", "users", "seconds", "users/s", "MiB at most", "MiB of the file"]
    print(measure.environment())
    print(f"\n{table_of_turns(timed, size)}\n\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()
