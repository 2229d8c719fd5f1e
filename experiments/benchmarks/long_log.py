r"""Are a hundred million watches prepared and trained on in the memory of ten million?

Claim: ten times the watches take no more memory to train on, at examples a second
within 10 %, and less than 6 GB to prepare; the catalogue is a million videos in both.

    python -m experiments.benchmarks.long_log --watches 10_000_000 100_000_000

A log is made up, in parts by time as logs are written: half of the watches are of
videos drawn alike, half of few popular ones; fifty watches a user on average. Each step
is a process of its own: `ytdnn prepare` (vocabulary `all`), then training steps of the
candidates (64 dims, 256-128, 4,096 sampled negatives, batch 4,096). The steps lie
around the place where the first window of the log is left for the second, where there
is one, so that reading the next window counts. Examples a second are those of all logs,
trained on in turns in one process, medians of blocks of steps.

Measured 2026-11-26 on two cores of an AMD EPYC, one thread (`OMP_NUM_THREADS=1` and so
on), 100 steps, beside other work (load 7, so times say little and the ratio does):

| watches | shards | prepare, s | MiB | windows | training, MiB | examples/s | ratio |
|---|---|---|---|---|---|---|---|
| 10,000,000 | 3 | 43 | 1,040 | 1 | 3,137 | 6,476 | 1.00 |
| 100,000,000 | 21 | 786 | 1,775 | 7 | 3,715 | 6,256 | 0.97 |

At load 2 ten million were prepared in 17 s. A median leaves out the one block in which
a window ends, whose wait for the next is thus not in the rate.

By Spark too, whose driver, JVM and Python workers count together; seconds of the clock
at load 6 (a million) and about 15:

    python -m experiments.benchmarks.long_log --engines polars spark --steps=0 \
        --spark="--spark_master=local[2] --conf=spark.driver.memory=1g"

| watches | engine | s | core s | MiB | same bytes |
|---|---|---|---|---|---|
| 1,000,000 | polars | 5 | 2 | 181 | yes |
| 1,000,000 | spark | 99 | 44 | 1,930 | yes |
| 10,000,000 | polars | 100 | 17 | 554 | yes |
| 10,000,000 | spark | 636 | 117 | 3,034 | yes |
| 100,000,000 | polars | 1,607 | 187 | 1,682 | yes |
| 100,000,000 | spark | 4,032 | 886 | 4,034 | yes |

The last two ran at the same time, Spark with 1536m and one pass over the users more
than it now makes.
"""

import argparse
import dataclasses
import itertools
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from experiments.benchmarks import measure, processes
from ytdnn import configs

_START, _SPAN = 1_600_000_000, 60 * 86_400
_ROWS_A_PART = 5_000_000
_WATCHES_A_USER = 50
_SPREAD = 2_654_435_761  # odd, so that a product with it is a permutation of 2³²
_BLOCK = 5  # steps timed together
_KIB = 1024


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is trained.

    Attributes:
      steps: Training steps.
      tiny: Whether it is a test.
    """

    steps: int
    tiny: bool


@dataclasses.dataclass(frozen=True)
class Trained:
    """What some training steps took.

    Attributes:
      mebibytes: Most memory resident at once, of the whole process.
      windows: How many the log is read in.
      first_seconds: Until the first step.
    """

    mebibytes: float
    windows: int
    first_seconds: float


def write_log(directory: pathlib.Path, num_watches: int, num_videos: int) -> None:
    """Writes `watches` in parts, whatever their number, in the memory of one."""
    (directory / "watches").mkdir(parents=True)
    starts = range(0, num_watches, _ROWS_A_PART)
    num_users = max(10, num_watches // _WATCHES_A_USER)
    for number, start in enumerate(starts):
        rng = np.random.default_rng(number)
        size = min(_ROWS_A_PART, num_watches - start)
        begin = _START + _SPAN * start // num_watches
        end = _START + _SPAN * (start + size) // num_watches
        skewed = (num_videos * rng.random(size) ** 4).astype(np.int64)
        popular = skewed * _SPREAD % num_videos
        videos = np.where(
            rng.random(size) < 0.5, popular, rng.integers(num_videos, size=size)
        )
        frame = pl.DataFrame(
            {
                "user_id": rng.integers(num_users, size=size),
                "video_id": videos,
                "time": np.sort(rng.integers(begin, end, size)),
            }
        )
        frame.write_parquet(directory / "watches" / f"part-{number:05d}.parquet")


def config(tiny: bool) -> configs.Config:
    """Returns what is trained."""
    candidates = configs.CandidatesConfig(
        content=configs.ContentConfig(enabled=False),
        loss=configs.SampledSoftmaxConfig(num_negatives=4_096),
        training=configs.TrainingConfig(batch_size=4_096),
    )
    if tiny:
        candidates = configs.changed(
            candidates,
            {
                "embedding_dim": 8,
                "tower": (8,),
                "loss.num_negatives": 32,
                "training.batch_size": 32,
                "window_events": 1_000,
            },
        )
    return configs.Config(candidates=candidates)


class Run:
    """Training of the candidates on one prepared set, block of steps by block."""

    def __init__(self, directory: pathlib.Path, sizes: Sizes) -> None:
        """Builds the model and reads up to the first batch."""
        from ytdnn.candidates import model
        from ytdnn.layers import randomness
        from ytdnn.log import prepared, shard_windows
        from ytdnn.training import candidates, devices, loop

        randomness.set_seed(0)
        chosen, data = config(sizes.tiny), prepared.load(directory)
        built = model.build(chosen.candidates, data)
        stage = candidates.make_stage(chosen, data, built)
        self.training = chosen.candidates.training
        self.trainer = loop.Trainer(stage, self.training, 0, devices.make("none"))
        most = chosen.candidates.window_events
        self.num_windows = len(shard_windows.ShardWindows(data, most))
        first = 0
        if self.num_windows > 1:
            (window,) = itertools.islice(stage.batches(0, 0), 1)
            first = max(0, int(window.cardinality()) - sizes.steps // 2)
        self._batches = _batches(stage, first)
        self._steps = itertools.count()

    def block(self, number: int = _BLOCK) -> None:
        """Makes some steps."""
        import tensorflow as tf

        for batch in itertools.islice(self._batches, number):
            step = tf.constant(next(self._steps), tf.int64)
            loss = self.trainer.step(batch, step)
        float(loss)


def _batches(stage: Any, first: int) -> Iterator[Any]:
    """Yields the batches from a step of the first epoch on, without end."""
    yield from itertools.chain.from_iterable(stage.batches(0, first))
    for epoch in itertools.count(1):
        yield from itertools.chain.from_iterable(stage.batches(epoch, 0))


def train(directory: pathlib.Path, sizes: Sizes) -> Trained:
    """Trains on a prepared set, in this process."""
    started = time.perf_counter()
    run = Run(directory, sizes)
    run.block(1)
    first = time.perf_counter() - started
    run.block(sizes.steps)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
    return Trained(used, run.num_windows, first)


def rates(directories: Sequence[pathlib.Path], sizes: Sizes) -> list[float]:
    """Returns the examples a second of several sets, trained on in turns."""
    runs = [Run(directory, sizes) for directory in directories]
    functions = {str(place): run.block for place, run in enumerate(runs)}
    seconds = measure.interleaved(functions, max(2, sizes.steps // _BLOCK - 2))
    examples = _BLOCK * runs[0].training.batch_size
    return [examples / seconds[str(place)] for place in range(len(runs))]


def prepare(
    log: pathlib.Path, workdir: pathlib.Path, engine: str, options: argparse.Namespace
) -> processes.Used:
    """Prepares a log in a process of its own, by one engine."""
    command = [sys.executable, "-m", "ytdnn", "prepare", "--source=log"]
    command += [f"--data_dir={log}", f"--workdir={workdir}", f"--engine={engine}"]
    command += ["--config.data.vocabulary=all", *options.prepare.split()]
    command += options.spark.split() if engine == "spark" else []
    command += ["--config.data.events_per_shard=500"] if options.tiny else []
    return processes.run(command, {"PYTHONPATH": str(pathlib.Path.cwd())})


def prepared(
    number: int, num_videos: int, scratch: pathlib.Path, options: argparse.Namespace
) -> tuple[pathlib.Path, list[list[str]]]:
    """Makes a log and prepares it by each engine.

    Returns:
      The set of the first engine, and a row of the table for each. Sets are the same
      if their manifests are, which have the SHA-256 of every file.
    """
    log, sets, rows = scratch / f"log-{number}", [], []
    write_log(log, number, num_videos)
    for engine in options.engines:
        workdir = scratch / f"run-{number}-{engine}"
        used = prepare(log, workdir, engine, options)
        sets.append(workdir / "data")
        first, own = ((at / "manifest.json").read_bytes() for at in (sets[0], sets[-1]))
        figures = (used.seconds, used.core_seconds, used.mebibytes)
        row = [f"{number:,}", engine, *(f"{figure:,.0f}" for figure in figures)]
        rows.append([*row, "yes" if own == first else "no"])
    shutil.rmtree(log)
    return sets[0], rows


def trained(directory: pathlib.Path, options: argparse.Namespace) -> list[str]:
    """Trains on a prepared set and returns a row of the table."""
    facts = json.loads((directory / "manifest.json").read_text())["facts"]
    found = _trained_apart(directory, options)
    return [
        f"{facts['watches']:,}",
        f"{facts['vocabulary']:,}",
        f"{len(facts['shards']):,}",
        f"{found.windows:,}",
        f"{found.first_seconds:,.0f}",
        f"{found.mebibytes:,.0f}",
    ]


def _trained_apart(directory: pathlib.Path, options: argparse.Namespace) -> Trained:
    """Trains in a process of its own, whose memory is that of training alone."""
    command = [sys.executable, "-m", "experiments.benchmarks.long_log"]
    command += [f"--train={directory}", f"--steps={options.steps}"]
    command += ["--tiny"] if options.tiny else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Trained(**json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [10_000_000, 100_000_000]
    parser.add_argument("--watches", type=int, nargs="+", default=sizes)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="+", default=["polars"], help="of prepare")
    parser.add_argument("--steps", type=int, default=300, help="0: prepares alone")
    parser.add_argument("--prepare", default="", help="further flags of prepare")
    parser.add_argument(
        "--spark", default="--spark_master=local[2]", help="those of Spark alone"
    )
    parser.add_argument("--scratch", default=None, help="directory for the logs")
    parser.add_argument("--train", default="", help="a prepared set to train on alone")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    of_run = Sizes(12 if options.tiny else options.steps, options.tiny)
    if options.train:
        found = train(pathlib.Path(options.train), of_run)
        print(json.dumps(dataclasses.asdict(found)))
        return
    watches = [500, 4_000] if options.tiny else options.watches
    num_videos = 50 if options.tiny else options.videos
    print(measure.environment())
    with tempfile.TemporaryDirectory(dir=options.scratch) as made:
        scratch = pathlib.Path(made)
        logs = [prepared(n, num_videos, scratch, options) for n in watches]
        header = ["watches", "engine", "s", "core s", "MiB", "same bytes"]
        print(f"\n{measure.table(header, [row for _, rows in logs for row in rows])}")
        if options.steps:
            _print_trained([directory for directory, _ in logs], of_run, options)


def _print_trained(
    directories: Sequence[pathlib.Path], sizes: Sizes, options: argparse.Namespace
) -> None:
    of_logs = [trained(directory, options) for directory in directories]
    side_by_side = rates(directories, sizes)
    rows = [
        [*row, f"{rate:,.0f}", f"{rate / side_by_side[0]:.2f}"]
        for row, rate in zip(of_logs, side_by_side, strict=True)
    ]
    header = ["watches", "videos", "shards", "windows", "to the first step, s"]
    header += ["training, MiB", "examples/s", "ratio"]
    print(f"\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()
