"""Are a hundred million watches prepared and trained on in the memory of ten million?

Claim: ten times the watches take no more memory to train on, at examples a second
within 10 %, and less than 6 GB to prepare; the catalogue is a million videos in both.

    python -m experiments.benchmarks.long_log --watches 10_000_000 100_000_000

A log is made up, in parts by time as logs are written: half of the watches are of
videos drawn alike, half of few popular ones; fifty watches a user on average. Each step
is a process of its own: `ytdnn prepare` (vocabulary `all`), then training steps of the
candidates (64 dims, 256-128, 4,096 sampled negatives, batch 4,096). The steps measured
lie around the place where the first window of the log is left for the second, where
there is one, so that reading the next window counts.
"""

import argparse
import dataclasses
import itertools
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.benchmarks import measure, million_videos
from ytdnn import configs

_START, _SPAN = 1_600_000_000, 60 * 86_400
_ROWS_A_PART = 5_000_000
_WATCHES_A_USER = 50
_SPREAD = 2_654_435_761  # odd, so that a product with it is a permutation of 2³²
_WARM_UP = 20  # steps
_TINY_WARM_UP = 2
_KIB = 1024


@dataclasses.dataclass(frozen=True)
class Trained:
    """What some training steps took.

    Attributes:
      examples_per_second: Batches of examples, over the time of the steps.
      mebibytes: Most memory resident at once, of the whole process.
      windows: How many the log is read in.
      first_seconds: Until the first step.
    """

    examples_per_second: float
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
    candidates = configs.Candidates(
        content=configs.Content(enabled=False),
        loss=configs.SampledSoftmax(num_negatives=4_096),
        training=configs.Training(batch_size=4_096),
    )
    if tiny:
        candidates = dataclasses.replace(
            candidates,
            embedding_dim=8,
            tower=(8,),
            loss=configs.SampledSoftmax(num_negatives=32),
            training=configs.Training(batch_size=32),
            window_events=1_000,
        )
    return configs.Config(candidates=candidates)


def train(directory: pathlib.Path, num_steps: int, tiny: bool) -> Trained:
    """Trains on a prepared set, in this process."""
    from ytdnn.candidates import model
    from ytdnn.data import prepared, streaming
    from ytdnn.training import candidates, determinism, loop, strategies

    started = time.perf_counter()
    determinism.set_seed(0)
    chosen, data = config(tiny), prepared.load(directory)
    built = model.build(chosen.candidates, data)
    stage = candidates.make_stage(chosen, data, built)
    training = chosen.candidates.training
    trainer = loop.Trainer(stage, training, 0, strategies.make("none"))
    most = chosen.candidates.window_events
    windows = len(streaming.windows(data, most))
    first = max(0, _first_window_steps(stage) - num_steps // 2) if windows > 1 else 0
    batches = itertools.chain.from_iterable(stage.batches(0, first))
    warm_up = _TINY_WARM_UP if tiny else _WARM_UP
    begun = first_step = 0.0
    for step, batch in enumerate(itertools.islice(batches, warm_up + num_steps)):
        loss = trainer.step(batch, _int64(step))
        if step == 0:
            first_step = time.perf_counter() - started
        if step == warm_up - 1:
            float(loss)
            begun = time.perf_counter()
    float(loss)
    rate = (step + 1 - warm_up) * training.batch_size / (time.perf_counter() - begun)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
    return Trained(rate, used, windows, first_step)


def _int64(step: int) -> object:
    import tensorflow as tf

    return tf.constant(step, tf.int64)


def _first_window_steps(stage: object) -> int:
    """Returns how many steps the first window of an epoch has."""
    (first,) = itertools.islice(stage.batches(0, 0), 1)  # type: ignore[attr-defined]
    return int(first.cardinality())


def measured(
    num_watches: int, num_videos: int, num_steps: int, options: argparse.Namespace
) -> list[str]:
    """Makes a log, prepares it and trains on it; returns a row of the table."""
    root = pathlib.Path.cwd()
    with tempfile.TemporaryDirectory(dir=options.scratch or None) as made:
        log, workdir = pathlib.Path(made) / "log", pathlib.Path(made) / "run"
        write_log(log, num_watches, num_videos)
        settings = ["--config.data.vocabulary=all", *options.prepare]
        if options.tiny:
            settings.append("--config.data.events_per_shard=500")
        command = ["prepare", "--source=log", f"--data_dir={log}"]
        used = million_videos.run(root, [*command, f"--workdir={workdir}", *settings])
        facts = json.loads((workdir / "data" / "manifest.json").read_text())["facts"]
        found = _trained_apart(workdir / "data", num_steps, options.tiny)
    return [
        f"{num_watches:,}",
        f"{facts['vocabulary']:,}",
        f"{len(facts['shards']):,}",
        f"{used.seconds:,.0f}",
        f"{used.mebibytes:,.0f}",
        f"{found.windows:,}",
        f"{found.first_seconds:,.0f}",
        f"{found.examples_per_second:,.0f}",
        f"{found.mebibytes:,.0f}",
    ]


def _trained_apart(directory: pathlib.Path, num_steps: int, tiny: bool) -> Trained:
    """Trains in a process of its own, whose memory is that of training alone."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__]
    command += [f"--train={directory}", f"--steps={num_steps}"]
    command += ["--tiny"] if tiny else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Trained(**json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [10_000_000, 100_000_000]
    parser.add_argument("--watches", type=int, nargs="+", default=sizes)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--prepare", nargs="*", default=[], help="flags of prepare")
    parser.add_argument("--scratch", default="", help="directory for the logs")
    parser.add_argument("--train", default="", help="a prepared set to train on alone")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    steps = 8 if options.tiny else options.steps
    if options.train:
        found = train(pathlib.Path(options.train), steps, options.tiny)
        print(json.dumps(dataclasses.asdict(found)))
        return
    watches = [500, 4_000] if options.tiny else options.watches
    num_videos = 50 if options.tiny else options.videos
    rows = [measured(number, num_videos, steps, options) for number in watches]
    header = ["watches", "videos", "shards", "prepare, s", "prepare, MiB"]
    header += ["windows", "to the first step, s", "examples/s", "training, MiB"]
    print(f"{measure.environment()}\n\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()
