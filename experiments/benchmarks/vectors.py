r"""What do vectors of a million videos cost to store and to look up?

Claim: a million vectors of 512 numbers are stored in 1.02 GB, written in bounded
memory, and a request that compares 300 candidates with 50 watches takes milliseconds.

    python -m experiments.benchmarks.vectors [--videos=1000000] [--width=512]

The table is made: normal numbers as lists of float32 in Parquet, a tenth of them
missing, in another order than the catalogue. `write` is the step of `prepare` that
reads, checks nothing, normalises and stores them; `rows` gathers 350 rows of the mapped
file; `products` is what the ranker's features of one request take in a graph that holds
the table as a bundle does; `nearest` is `ytdnn similar --by=COLUMN` of one video, its
table of float32 in memory.

Measured 2026-11-28, a million vectors of 512 numbers, two cores with a load of 12 from
other work, so that only processor times say something:

| | |
|---|---|
| file | 1.024 GB |
| write | 29.0 core-s, 92 s; peak memory 2.28 GB, with the making of the table |
| rows | 0.51 core-ms |
| products | 1.82 core-ms |
| nearest | 182 core-ms |
"""

import argparse
import dataclasses
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import vector_columns
from ytdnn.log import event_log, vector_files, vectors

_COLUMN = "clip"
_MISSING = 10  # every tenth video
_ROWS_A_PART = 50_000
_CANDIDATES, _WATCHES = 300, 50


@dataclasses.dataclass(frozen=True)
class Stored:
    """Vectors that were written.

    Attributes:
      seconds: Of writing them.
      core_seconds: Processor time of it.
      bytes: Size of the file.
      peak_bytes: Most memory the process had until then.
    """

    seconds: float
    core_seconds: float
    bytes: int
    peak_bytes: int


def make(directory: pathlib.Path, num_videos: int, width: int) -> event_log.EventLog:
    """Returns a log of a made table of videos, in parts of a folder."""
    rng = np.random.default_rng(0)
    for start in range(0, num_videos, _ROWS_A_PART):
        number = np.arange(start, min(start + _ROWS_A_PART, num_videos))
        values = rng.standard_normal((len(number), width), dtype=np.float32)
        lists = pl.Series(_COLUMN, values).cast(vectors.DTYPE)
        frame = pl.DataFrame({schema.VIDEO_ID: number, "place": number % _MISSING})
        is_there = pl.when(pl.col("place") > 0).then(pl.col(_COLUMN))
        frame = frame.with_columns(lists).with_columns(is_there).drop("place")
        frame.write_parquet(directory / f"{start:09d}.parquet")
    table = pl.scan_parquet(directory / "*.parquet")
    return event_log.EventLog({schema.VIDEOS: table})


def store(
    log: event_log.EventLog, num_videos: int, directory: pathlib.Path
) -> tuple[vectors.Vectors, Stored]:
    """Writes the vectors, and returns them with what it took."""
    order = np.random.default_rng(1).permutation(num_videos)
    ids = pl.Series(schema.VIDEO_ID, order)
    started, used = time.perf_counter(), time.process_time()
    facts = vector_files.write(log, schema.VIDEOS, ids, directory)
    seconds, core = time.perf_counter() - started, time.process_time() - used
    found = vectors.Vectors(directory, {vectors.FACT: facts})
    size = found.file(f"{schema.VIDEOS}.{_COLUMN}").stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found, Stored(seconds, core, size, peak)


def ways(stored: vectors.Vectors) -> dict[str, Callable[[], Any]]:
    """Returns each way to look vectors up."""
    rows = stored.rows(f"{schema.VIDEOS}.{_COLUMN}")
    rng = np.random.default_rng(2)
    some = rng.integers(1, len(rows), _CANDIDATES + _WATCHES)
    table = tf.Variable(np.asarray(rows), trainable=False)
    videos = tf.constant(some[np.newaxis, :_CANDIDATES], tf.int32)
    watched = tf.constant(some[np.newaxis, _CANDIDATES:], tf.int32)
    products = tf.function(lambda: vector_columns._products(table, watched, videos))
    every = np.asarray(rows, np.float32)
    query = every[int(some[0])]
    return {
        "rows": lambda: np.asarray(rows[some], np.float32),
        "products": products,
        "nearest": lambda: np.argpartition(every @ query, -10)[-10:],
    }


def core_milliseconds(call: Callable[[], Any], repeats: int) -> float:
    """Returns the median processor time of a call, after one more."""
    call()
    found = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        found.append(1_000.0 * (time.process_time() - started))
    return float(np.median(found))


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the table, stores it, and prints what each way takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=21)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as root:
        made, target = pathlib.Path(root) / "made", pathlib.Path(root) / "set"
        made.mkdir()
        target.mkdir()
        log = make(made, options.videos, options.width)
        found, stored = store(log, options.videos, target)
        print(
            f"write: {stored.seconds:.1f} s, {stored.core_seconds:.1f} core-s, "
            f"{stored.bytes / 1e9:.3f} GB, peak memory {stored.peak_bytes / 1e9:.2f} GB"
        )
        for name, call in ways(found).items():
            print(f"{name}: {core_milliseconds(call, options.repeats):.2f} core-ms")


if __name__ == "__main__":
    main()
