r"""What does each step of a run take, on logs of two sizes with the same catalogue?

Claim: from a log to a refreshed recommender, each step takes as long for a million
watches of a large log as of one of a tenth; with windows of users
(`evaluation.window_events`) the memory of an evaluation does not follow the log.

    python -m experiments.benchmarks.whole_log --watches 1_000_000 10_000_000

A made log with an impression for every ten watches. Each step is a command, in a
process of its own: `prepare`, `train` (one epoch of both networks and the index),
`evaluate` (`--judged` of the users), `export`, `recommend` of one user and of 10,000,
and `refresh` with one more day. MiB are the most resident at once; the slope is that
between the two logs, in bytes of a watch with its tenth of an impression. The ratio is
core-seconds for each million watches, beside the small log's. Small networks, which
learn from four watches of each user.

A hundred million watches and ten million impressions of a million videos, beside ten
million and one, fifty watches a user; `--watches 10_000_000 100_000_000 --users 200_000
2_000_000 --videos 1_000_000 --shard 5_000_000 --window 5_000_000 --judged .02
--no-joined`. Measured 2026-11-29 on two cores of an AMD EPYC beside other work, from
dae3a82e on (related videos of export and refresh at a1f2cbe9, but for the small log's):

| step | MiB at 10⁷ | MiB at 10⁸ | core s at 10⁷ | core s at 10⁸ | ratio for a watch |
|---|---|---|---|---|---|
| prepare | 555 | 1,836 | 13 | 143 | 1.11 |
| train | 2,253 | 3,396 | 158 | 640 | 0.41 |
| evaluate, windows | 2,140 | 3,089 | 79 | 577 | 0.73 |
| export | 2,239 | 2,201 | 35 | 149 | 0.43 |
| recommend, one user | 1,113 | 1,188 | 6 | 7 | 0.11 |
| recommend, 10,000 users | 2,033 | 2,207 | 11 | 12 | 0.11 |
| refresh, one day | 4,813 | 4,156 | 236 | 1,773 | 0.75 |

Whatever takes as long for any log is in the small one's core seconds: a million videos,
graphs, the index. Before the ranker's windows and statistics were freed and packed, the
small log took 6,448 MiB to train and 6,560 to refresh.

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

_DAY = 86_400
_START, _SPAN = 1_600_000_000, 60 * _DAY
_IMPRESSIONS_A_WATCH = 0.1
_MEBI = 2**20
_WHOLE = 2**40  # events: any log is one window
_NUM_RECOMMENDED = 10_000
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
    directory: pathlib.Path,
    num_watches: int,
    num_users: int,
    num_videos: int,
    start: int = _START,
    span: int = _SPAN,
) -> None:
    """Writes watches and impressions, half of them of few popular videos."""
    rng = np.random.default_rng(num_watches)

    def events(size: int) -> pl.DataFrame:
        popular = (num_videos * rng.random(size) ** 4).astype(np.int64)
        drawn = rng.integers(num_videos, size=size)
        return pl.DataFrame(
            {
                "user_id": rng.integers(num_users, size=size),
                "video_id": np.where(rng.random(size) < 0.5, popular, drawn),
                "time": np.sort(rng.integers(start, start + span, size)),
            }
        )

    directory.mkdir(parents=True)
    events(num_watches).write_parquet(directory / "watches.parquet")
    size = int(_IMPRESSIONS_A_WATCH * num_watches)
    clicked = rng.random(size) < 0.3
    impressions = events(size).with_columns(
        clicked=clicked,
        watch_seconds=np.where(clicked, rng.exponential(60.0, size), 0.0),
    )
    impressions.write_parquet(directory / "impressions.parquet")


def write_inputs(
    directory: pathlib.Path,
    num_watches: int,
    num_users: int,
    num_videos: int,
    num_judged: int,
) -> None:
    """Writes a log, the log of one more day, and files of users."""
    write_log(directory / "log", num_watches, num_users, num_videos)
    of_day, end = num_watches * _DAY // _SPAN, _START + _SPAN
    write_log(directory / "day", of_day, num_users, num_videos, end, _DAY)
    for name, number in ("users", _NUM_RECOMMENDED), ("judged", num_judged):
        users = pl.DataFrame({"user_id": np.arange(min(num_users, number))})
        users.write_csv(directory / f"{name}.csv")


def steps(directory: pathlib.Path, window: int, joined: bool) -> dict[str, str]:
    """Returns the flags of each step by its name.

    Args:
      directory: Directory of the inputs, and of the run.
      window: Events of a window of the evaluation.
      joined: Whether to evaluate in one window too.
    """
    own = f"--workdir={directory / 'run'}"
    judged = f"--users={directory / 'judged.csv'}"
    evaluate = f"evaluate {own} {judged} --config.evaluation.window_events"
    windows = {"evaluate, one window": _WHOLE} if joined else {}
    windows["evaluate, windows"] = window
    everybody = f"--users={directory / 'users.csv'} --out={directory / 'lists.parquet'}"
    day = f"--from={directory / 'run'} --data_dir={directory / 'day'}"
    return {
        "prepare": f"prepare --source=log --data_dir={directory / 'log'} {own}",
        "train": f"train {own}",
        **{name: f"{evaluate}={events}" for name, events in windows.items()},
        "export": f"export {own}",
        "recommend, one user": f"recommend {own} --user=1",
        "recommend, 10,000 users": f"recommend {own} {everybody}",
        "refresh, one day": f"refresh {day} --workdir={directory / 'refreshed'}",
    }


def measured(
    num_watches: int,
    num_users: int,
    options: argparse.Namespace,
    scratch: pathlib.Path,
) -> dict[str, processes.Used]:
    """Returns what each step took on a log of a size."""
    directory = scratch / str(num_watches)
    num_judged = int(num_users * options.judged)
    write_inputs(directory, num_watches, num_users, options.videos, num_judged)
    settings = _SETTINGS | {"data.events_per_shard": options.shard}
    flags = [f"--config.{name}={value}" for name, value in settings.items()]
    found = {}
    for name, step in steps(directory, options.window, options.joined).items():
        command = [sys.executable, "-m", "ytdnn", *step.split()]
        command += flags if name in ("prepare", "train") else []
        environment = {"PYTHONPATH": str(pathlib.Path.cwd())}
        found[name] = processes.run(command, environment)
        took = found[name].seconds, found[name].core_seconds, found[name].mebibytes
        seconds, core_seconds, memory = (f"{each:,.0f}" for each in took)
        print(
            f"{num_watches:,} {name}: {seconds} s, {core_seconds} core s, {memory} MiB",
            flush=True,
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [1_000_000, 4_000_000]
    parser.add_argument("--watches", type=int, nargs=2, default=sizes)
    parser.add_argument("--users", type=int, nargs=2, default=[20_000, 20_000])
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--shard", type=int, default=500_000, help="events of a shard")
    parser.add_argument("--window", type=int, default=500_000, help="events of one")
    parser.add_argument("--judged", type=float, default=1.0, help="share of users")
    parser.add_argument("--joined", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--scratch", default=None, help="directory for the logs")
    options = parser.parse_args(arguments)
    print(measure.environment())
    with tempfile.TemporaryDirectory(dir=options.scratch) as made:
        scratch = pathlib.Path(made)
        small, large = (
            measured(watches, users, options, scratch)
            for watches, users in zip(options.watches, options.users, strict=True)
        )
    watches = options.watches[1] - options.watches[0]
    rows = [
        [
            name,
            *(f"{each[name].mebibytes:,.0f}" for each in (small, large)),
            f"{_MEBI * (large[name].mebibytes - small[name].mebibytes) / watches:,.0f}",
            *(f"{each[name].core_seconds:,.0f}" for each in (small, large)),
            f"{_ratio(small[name], large[name], options.watches):.2f}",
        ]
        for name in small
    ]
    header = ["step", *(f"MiB at {n:,}" for n in options.watches), "bytes a watch"]
    header += [*(f"core s at {n:,}" for n in options.watches), "ratio for a watch"]
    print(f"\n{measure.table(header, rows)}")


def _ratio(
    small: processes.Used, large: processes.Used, watches: Sequence[int]
) -> float:
    """Returns core-seconds for each watch, the large log's to the small one's."""
    return large.core_seconds / small.core_seconds * watches[0] / watches[1]


if __name__ == "__main__":
    main()
