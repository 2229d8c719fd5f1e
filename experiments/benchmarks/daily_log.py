r"""How much of a `prepare` is saved when only the last day of a log is read?

Claim: with `--parts` a grown log is prepared to the same bytes, in about two thirds of
the processor time where the days are Parquet; the first time costs little more.

    python -m experiments.benchmarks.daily_log

A log of 60 days is made up, a file a day: users and videos by ids of text, time,
seconds and device. `ytdnn prepare --parts` is run on all days but the last, then on
all; `ytdnn prepare` on all. Each is a process, with its start in its time.

Measured 2026-11-28 on two cores of an AMD EPYC, beside other work (load 4 to 6, so
seconds of the clock say little):

| prepare | s | core s | MiB, most so far | same bytes |
|---|---|---|---|---|
| 59 days, none kept | 37.2 | 15.8 | 679 | |
| 60 days, one new | 33.6 | 9.9 | 679 | yes |
| 60 days, without --parts | 64.2 | 15.3 | 679 | |
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.benchmarks import measure

_START, _DAY = 1_600_000_000, 86_400
_WATCHES_A_USER = 50
_DEVICES = ("phone", "tv", "web")


def write_day(
    directory: pathlib.Path, day: int, num_watches: int, num_users: int
) -> None:
    """Writes the watches of a day as a partition."""
    rng = np.random.default_rng(day)
    begin = _START + day * _DAY
    skewed = (num_users * rng.random(num_watches) ** 3).astype(np.int64)
    frame = pl.DataFrame(
        {
            "user_id": rng.integers(num_users, size=num_watches),
            "video_id": skewed,
            "time": np.sort(rng.integers(begin, begin + _DAY, num_watches)),
            "watch_seconds": rng.exponential(120.0, num_watches),
            "device": rng.choice(_DEVICES, num_watches),
        }
    )
    place = directory / "watches" / f"day={day:03d}"
    place.mkdir(parents=True)
    frame.with_columns(
        pl.format("user-{}", "user_id").alias("user_id"),
        pl.format("video-{}", "video_id").alias("video_id"),
    ).write_parquet(place / "part.parquet")


def prepare(log: pathlib.Path, workdir: pathlib.Path, *flags: str) -> list[str]:
    """Prepares a log and returns seconds, core seconds and MiB.

    The memory is the largest of all processes so far.
    """
    command = [sys.executable, "-m", "ytdnn", "prepare", "--source=log"]
    command += [f"--data_dir={log}", f"--workdir={workdir}", *flags]
    before, started = _core_seconds(), time.perf_counter()
    path = {"PYTHONPATH": str(pathlib.Path.cwd())}
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env=os.environ | path
    )
    seconds = time.perf_counter() - started
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [f"{seconds:,.1f}", f"{_core_seconds() - before:,.1f}", f"{most:,.0f}"]


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _same(left: pathlib.Path, right: pathlib.Path) -> bool:
    """Whether two sets are the same: their manifests hold the SHA-256 of each file."""
    one, other = (at / "data" / "manifest.json" for at in (left, right))
    return one.read_bytes() == other.read_bytes()


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watches", type=int, default=6_000_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--shard", type=int, default=2_000_000, help="events_per_shard")
    parser.add_argument("--scratch", default=None, help="directory for the logs")
    options = parser.parse_args(arguments)
    print(measure.environment())
    size = options.watches // options.days
    shard = f"--config.data.events_per_shard={options.shard}"
    with tempfile.TemporaryDirectory(dir=options.scratch) as made:
        scratch = pathlib.Path(made)
        log, parts = scratch / "log", f"--parts={scratch / 'parts'}"
        rows = []
        for day in range(options.days):
            if day == options.days - 1:
                used = prepare(log, scratch / "first", shard, parts)
                rows.append([f"{day} days, none kept", *used, ""])
            write_day(log, day, size, options.watches // _WATCHES_A_USER)
        used = prepare(log, scratch / "grown", shard, parts)
        again = prepare(log, scratch / "whole", shard)
        same = _same(scratch / "grown", scratch / "whole")
        rows.append([f"{options.days} days, one new", *used, "yes" if same else "no"])
        rows.append([f"{options.days} days, without --parts", *again, ""])
    header = ["prepare", "s", "core s", "MiB, most so far", "same bytes"]
    print(f"\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()
