r"""Does the memory of evaluation and export follow the log?

Claim: with windows of users (`evaluation.window_events`) it does not; with the log as
one window an evaluation holds all of its events.

    python -m experiments.benchmarks.whole_log --watches 1_000_000 4_000_000

A made log: the users and the catalogue stay, each user has more watches, and an
impression for every ten of them. Each step is a process of its own; MiB are the most
resident at once. The slope is that between the two logs, in bytes of a watch with its
tenth of an impression. Small networks: one epoch over four watches of each user.

Measured 2026-11-28 on two cores of an AMD EPYC at load 11: the candidates alone, by
`evaluate_run.evaluate(…, stage="candidates")`, 4,000 users and videos, windows and
shards of 250,000 events. The reports are the same, but for times.

| evaluation | MiB at 500,000 | MiB at 3,000,000 | bytes a watch |
|---|---|---|---|
| one window | 827 | 1,050 | 94 |
| windows | 803 | 808 | 2 |
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.benchmarks import measure, processes

_START, _SPAN = 1_600_000_000, 60 * 86_400
_IMPRESSIONS_A_WATCH = 0.1
_MEBI = 2**20
_WHOLE = 2**40  # events: any log is one window
_SETTINGS = {
    "candidates.content.enabled": "false",
    "candidates.embedding_dim": 16,
    "candidates.tower": "32,",
    "candidates.label.examples_per_user": 4,
    "candidates.history_length": 10,
    "candidates.loss.num_negatives": 64,
    "candidates.training.epochs": 1,
    "candidates.training.batch_size": 4_096,
    "ranking.tower": "32,",
    "ranking.training.epochs": 1,
    "composition.num_candidates": 20,
    "evaluation.ks": "10,",
    "evaluation.num_resamples": 20,
    "evaluation.baselines": "recent_popularity,",
}


def write_log(
    directory: pathlib.Path, num_watches: int, num_users: int, num_videos: int
) -> None:
    """Writes watches and impressions, half of them of few popular videos."""
    rng = np.random.default_rng(num_watches)
    directory.mkdir(parents=True)
    watches = _events(rng, num_watches, num_users, num_videos)
    watches.write_parquet(directory / "watches.parquet")
    size = int(_IMPRESSIONS_A_WATCH * num_watches)
    clicked = rng.random(size) < 0.3
    impressions = _events(rng, size, num_users, num_videos).with_columns(
        clicked=clicked,
        watch_seconds=np.where(clicked, rng.exponential(60.0, size), 0.0),
    )
    impressions.write_parquet(directory / "impressions.parquet")


def _events(
    rng: np.random.Generator, size: int, num_users: int, num_videos: int
) -> pl.DataFrame:
    popular = (num_videos * rng.random(size) ** 4).astype(np.int64)
    drawn = rng.integers(num_videos, size=size)
    return pl.DataFrame(
        {
            "user_id": rng.integers(num_users, size=size),
            "video_id": np.where(rng.random(size) < 0.5, popular, drawn),
            "time": np.sort(rng.integers(_START, _START + _SPAN, size)),
        }
    )


def steps(log: pathlib.Path, workdir: pathlib.Path, window: int) -> dict[str, str]:
    """Returns the flags of each step by its name."""
    own = f"--workdir={workdir}"
    evaluate = f"evaluate {own} --config.evaluation.window_events"
    return {
        "prepare": f"prepare --source=log --data_dir={log} {own}",
        "train": f"train {own}",
        "evaluate, one window": f"{evaluate}={_WHOLE}",
        "evaluate, windows": f"{evaluate}={window}",
        "export": f"export {own}",
        "recommend --user": f"recommend {own} --user=1",
    }


def measured(
    num_watches: int, options: argparse.Namespace, scratch: pathlib.Path
) -> dict[str, processes.Used]:
    """Returns what each step took on a log of a size."""
    log, workdir = (scratch / f"{name}-{num_watches}" for name in ("log", "run"))
    write_log(log, num_watches, options.users, options.videos)
    settings = _SETTINGS | {"data.events_per_shard": options.shard}
    flags = [f"--config.{name}={value}" for name, value in settings.items()]
    found = {}
    for name, step in steps(log, workdir, options.window).items():
        command = [sys.executable, "-m", "ytdnn", *step.split()]
        command += flags if name in ("prepare", "train") else []
        environment = {"PYTHONPATH": str(pathlib.Path.cwd())}
        found[name] = processes.run(command, environment)
        print(f"{num_watches:,} {name}: {found[name].mebibytes:,.0f} MiB", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [1_000_000, 4_000_000]
    parser.add_argument("--watches", type=int, nargs=2, default=sizes)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--shard", type=int, default=500_000, help="events of a shard")
    parser.add_argument("--window", type=int, default=500_000, help="events of one")
    parser.add_argument("--scratch", default=None, help="directory for the logs")
    options = parser.parse_args(arguments)
    print(measure.environment())
    with tempfile.TemporaryDirectory(dir=options.scratch) as made:
        scratch = pathlib.Path(made)
        small, large = (measured(n, options, scratch) for n in options.watches)
    watches = options.watches[1] - options.watches[0]
    rows = [
        [
            name,
            *(f"{each[name].mebibytes:,.0f}" for each in (small, large)),
            f"{_MEBI * (large[name].mebibytes - small[name].mebibytes) / watches:,.0f}",
            *(f"{each[name].core_seconds:,.0f}" for each in (small, large)),
        ]
        for name in small
    ]
    header = ["step", *(f"MiB at {n:,}" for n in options.watches), "bytes a watch"]
    header += [f"core s at {n:,}" for n in options.watches]
    print(f"\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()
