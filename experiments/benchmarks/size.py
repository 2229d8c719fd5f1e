"""How much memory and time does each step take on a log of some size?

Claim: every step holds the catalogue a few times at most and a bounded part of the log.

    python -m experiments.benchmarks.size [--videos=1000000] [--watches=2000000]

A made log: a million videos with title, channel, topic, language, duration and upload
time, all of them watched; half as many impressions as watches; ten watches a user. Each
step is the command itself with the defaults, in a process of its own. Other flags go to
`prepare` and `train` (`--config.candidates.training.epochs=1` for a short run).
`--root=DIR` runs the commands of another checkout, `--scratch=DIR` holds the log.

Measured on two cores of an AMD EPYC, MiB, both networks trained for one epoch without
content, as many impressions as watches (2026-11-29): prepare 1,075, train candidates
3,960, index 2,315, ranker 4,038, export 3,361, recommend 2,584. A hundred million
watches and ten million impressions of a million videos took at most 4.4 GB, `refresh`
included (window and shards of five million events).

Ten million watches of 20,000 videos, one epoch of all examples, 0.2.0 and 97c3468c in
turns, much other work beside both (2026-12-01), core-seconds and MiB: prepare 27 and
20, 643 and 643; candidates 487 and 758 (1.56 x), 6,488 and 2,627. What the candidates
take longer is the contest of five members. With two examples a user, index 7 and 9,
ranker 372 and 384, 10,248 and 2,644 (7898e118).
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.benchmarks import measure

_DAY = 86_400
_START, _SPAN = 1_600_000_000, 60 * _DAY
_TOPICS = 200
_LANGUAGES = ("de", "en", "es", "ja", "pt")
_WATCHES_A_USER = 10
_NUM_RECOMMENDED = 10_000


def write_log(directory: pathlib.Path, num_videos: int, num_watches: int) -> None:
    """Writes the tables of a log in which every video is watched.

    Args:
      directory: Directory of the tables; made if missing.
      num_videos: Number of videos.
      num_watches: Number of watches, at least that of the videos.
    """
    rng = np.random.default_rng(0)
    directory.mkdir(parents=True, exist_ok=True)
    drawn = rng.integers(num_videos, size=num_watches - num_videos)
    watched = rng.permutation(np.concatenate([np.arange(num_videos), drawn]))
    _write_events(directory, rng, watched, num_watches, _START, _SPAN)
    videos = pl.DataFrame(
        {
            "video_id": np.arange(num_videos),
            "title": [f"Title of video {i}" for i in range(num_videos)],
            "channel_id": rng.integers(max(1, num_videos // 50), size=num_videos),
            "topic": [f"topic {i}" for i in rng.integers(_TOPICS, size=num_videos)],
            "language": rng.choice(_LANGUAGES, num_videos).tolist(),
            "duration_seconds": rng.uniform(10, 3_600, num_videos),
            "upload_time": rng.integers(_START - _SPAN, _START, num_videos),
        }
    )
    videos.write_parquet(directory / "videos.parquet")


def write_day(directory: pathlib.Path, num_videos: int, num_watches: int) -> None:
    """Writes the events of one more day; arguments are those of `write_log`."""
    rng = np.random.default_rng(1)
    directory.mkdir(parents=True, exist_ok=True)
    watched = rng.integers(num_videos, size=max(1, num_watches * _DAY // _SPAN))
    _write_events(directory, rng, watched, num_watches, _START + _SPAN, _DAY)


def _write_events(
    directory: pathlib.Path,
    rng: np.random.Generator,
    watched: np.ndarray,
    num_watches: int,
    start: int,
    span: int,
) -> None:
    num_users = max(10, num_watches // _WATCHES_A_USER)

    def events(videos: np.ndarray) -> pl.DataFrame:
        times = np.sort(rng.integers(start, start + span, len(videos)))
        users = rng.integers(num_users, size=len(videos))
        return pl.DataFrame({"user_id": users, "video_id": videos, "time": times})

    events(watched).write_parquet(directory / "watches.parquet")
    shown = rng.permutation(watched)[: max(1, len(watched) // 2)]
    clicked = rng.random(len(shown)) < 0.2
    seconds = np.where(clicked, rng.uniform(1, 300, len(shown)), 0.0)
    impressions = events(shown).with_columns(clicked=clicked, watch_seconds=seconds)
    impressions.write_parquet(directory / "impressions.parquet")


def steps(home: pathlib.Path, flags: Sequence[str]) -> dict[str, list[str]]:
    """Returns the words of each step's command, in order.

    Args:
      home: Directory of the log and of the runs.
      flags: Further flags of `prepare` and `train`.
    """
    own = f"--workdir={home / 'run'}"
    log = ["--source=log", f"--data_dir={home / 'log'}"]
    everybody = [f"--users={home / 'users.csv'}", f"--out={home / 'lists.parquet'}"]
    day = [f"--from={home / 'run'}", f"--data_dir={home / 'day'}"]
    return {
        "prepare": ["prepare", *log, own, *flags],
        "train candidates": ["train", own, "--stage=candidates", *flags],
        "build index": ["train", own, "--stage=index", *flags],
        "train ranker": ["train", own, "--stage=ranking", *flags],
        "evaluate": ["evaluate", own],
        "export": ["export", own],
        "recommend, one user": ["recommend", own, "--user=1"],
        "recommend, 10,000 users": ["recommend", own, *everybody],
        "refresh, one day": ["refresh", *day, f"--workdir={home / 'refreshed'}"],
    }


def table(home: pathlib.Path, root: pathlib.Path, flags: Sequence[str]) -> str:
    """Runs every step and returns the table of their costs."""
    rows = []
    for name, words in steps(home, flags).items():
        command = [sys.executable, "-m", "ytdnn", *words]
        cost = measure.run(command, {"PYTHONPATH": str(root)})
        values = cost.mebibytes, cost.seconds, cost.core_seconds
        rows.append([name, *(f"{value:,.0f}" for value in values)])
        print(f"{name}: {cost}", file=sys.stderr, flush=True)
    return measure.table(["step", "MiB", "seconds", "core seconds"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--watches", type=int, default=2_000_000)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path.cwd())
    parser.add_argument("--scratch", type=pathlib.Path, help="directory for the log")
    options, flags = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        home = pathlib.Path(scratch)
        write_log(home / "log", options.videos, options.watches)
        write_day(home / "day", options.videos, options.watches)
        num_users = min(_NUM_RECOMMENDED, options.watches // _WATCHES_A_USER)
        pl.DataFrame({"user_id": range(num_users)}).write_csv(home / "users.csv")
        shown = table(home, options.root.resolve(), flags)
        print(f"{measure.environment()}\n\n{shown}")


if __name__ == "__main__":
    main()
