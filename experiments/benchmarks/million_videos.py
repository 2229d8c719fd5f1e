"""How much memory does a catalogue of a million videos take, step by step?

Claim: every step holds the catalogue a few times at most: tens of bytes of features and
one embedding row of each table for a video, whatever the log has.

    python -m experiments.benchmarks.million_videos

A log is made up: a million videos with title, channel, topic, language, duration and
upload time, of which all were watched; two watches and two impressions of each on
average, by a fifth as many users. Each step is the command itself, in a process of its
own: `prepare`, `train` of both networks (one epoch, 64 dims) and the index, `export`,
and `recommend` of one user; beside its peak memory that of the same step on a hundredth
of the log, which is what Python, TensorFlow and the code take. `--root=DIR` runs
another checkout's commands, to compare versions. The candidates have vectors of ids
alone: what content takes was not measured.

Measured 2026-11-29 on two cores of an AMD EPYC, nothing beside it; in brackets the
morning's code, beside other work:

| step | MiB | MiB of a hundredth | bytes a video more | seconds |
|---|---|---|---|---|
| prepare | 1,075 (1,076) | 644 | 452 | 5 |
| train candidates | 3,960 (4,162) | 1,108 | 2,991 | 194 |
| build index | 2,315 (2,313) | 984 | 1,396 | 29 |
| train ranker | 4,038 (4,183) | 988 | 3,198 | 63 |
| export | 3,361 (5,255) | 1,150 | 2,318 | 50 |
| recommend | 2,584 (2,639) | 1,073 | 1,584 | 11 |
| prepared set on disk | 114 | 1 | 119 | 0 |

The candidates' peak is the comparison with counted baselines behind their training; the
ranker's, the choice of the served order, which begins with what TensorFlow keeps of the
training.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.benchmarks import measure

_START = 1_600_000_000
_SPAN = 60 * 86_400
_TOPICS = 200
_LANGUAGES = ("de", "en", "es", "ja", "pt")
_KIB = 1024
_SETTINGS = (
    "--config.data.vocabulary=all",
    "--config.candidates.training.epochs=1",
    "--config.candidates.content.enabled=false",
    "--config.ranking.training.epochs=1",
)


@dataclasses.dataclass(frozen=True)
class Used:
    """What one step took.

    Attributes:
      mebibytes: Most memory resident at once.
      seconds: Of the whole process.
    """

    mebibytes: float
    seconds: float


def write_log(directory: pathlib.Path, num_videos: int) -> None:
    """Writes the tables of a log of `num_videos`, all of them watched."""
    rng = np.random.default_rng(0)
    num_users, num_events = max(10, num_videos // 5), 2 * num_videos
    every = np.arange(num_videos)
    watched = np.concatenate([every, rng.permutation(every)])
    times = np.sort(rng.integers(_START, _START + _SPAN, num_events))
    users = rng.integers(num_users, size=num_events)
    clicked = rng.random(num_events) < 0.2
    tables = {
        "watches": {"user_id": users, "video_id": rng.permutation(watched)},
        "impressions": {
            "user_id": users,
            "video_id": rng.integers(num_videos, size=num_events),
            "clicked": clicked,
            "watch_seconds": np.where(clicked, rng.uniform(1, 300, num_events), 0.0),
        },
    }
    for name, columns in tables.items():
        frame = pl.DataFrame(columns | {"time": times})
        frame.write_parquet(directory / f"{name}.parquet")
    videos = pl.DataFrame(
        {
            "video_id": every,
            "title": [f"Title of video {i}" for i in every.tolist()],
            "channel_id": rng.integers(max(1, num_videos // 50), size=num_videos),
            "topic": [f"topic {i}" for i in rng.integers(_TOPICS, size=num_videos)],
            "language": rng.choice(_LANGUAGES, num_videos).tolist(),
            "duration_seconds": rng.uniform(10, 3_600, num_videos),
            "upload_time": rng.integers(_START - _SPAN, _START, num_videos),
        }
    )
    videos.write_parquet(directory / "videos.parquet")


def steps(log: pathlib.Path, workdir: pathlib.Path) -> dict[str, list[str]]:
    """Returns the arguments of each step's command, in order."""
    at = f"--workdir={workdir}"
    return {
        "prepare": [
            "prepare",
            "--source=log",
            f"--data_dir={log}",
            at,
            *_SETTINGS,
        ],
        "train candidates": ["train", at, "--stage=candidates"],
        "build index": ["train", at, "--stage=index"],
        "train ranker": ["train", at, "--stage=ranking"],
        "export": ["export", at],
        "recommend": ["recommend", at, "--user=1"],
    }


def run(root: pathlib.Path, arguments: Sequence[str]) -> Used:
    """Runs a command of a checkout and returns what it took.

    Raises:
      subprocess.CalledProcessError: It failed.
    """
    environment = dict(os.environ) | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "ytdnn", *arguments]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, cwd=root, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(
                process.returncode, command, output.read()[-2_000:]
            )
    return Used(usage.ru_maxrss / _KIB, time.perf_counter() - started)


def measure_all(root: pathlib.Path, num_videos: int) -> dict[str, Used]:
    """Makes a log, runs every step on it, and returns what each took."""
    with tempfile.TemporaryDirectory() as made:
        log, workdir = pathlib.Path(made) / "log", pathlib.Path(made) / "run"
        log.mkdir()
        write_log(log, num_videos)
        used = {name: run(root, given) for name, given in steps(log, workdir).items()}
        kept = sum(path.stat().st_size for path in (workdir / "data").rglob("*.*"))
        facts = json.loads((workdir / "data" / "manifest.json").read_text())["facts"]
    assert facts["videos"] == num_videos
    return used | {"prepared set on disk": Used(kept / _KIB / _KIB, 0.0)}


def table(large: dict[str, Used], small: dict[str, Used], num_videos: int) -> str:
    """Returns the table of both sizes, and the bytes a video beyond the smaller."""
    rows = [
        [
            name,
            f"{used.mebibytes:,.0f}",
            f"{small[name].mebibytes:,.0f}",
            f"{(used.mebibytes - small[name].mebibytes) * 2**20 / num_videos:,.0f}",
            f"{used.seconds:,.0f}",
        ]
        for name, used in large.items()
    ]
    header = ["step", "MiB", "MiB of a hundredth", "bytes a video more", "seconds"]
    return measure.table(header, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--root", default=str(pathlib.Path.cwd()))
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    num_videos = 2_000 if options.tiny else options.videos
    root = pathlib.Path(options.root).resolve()
    small = measure_all(root, max(200, num_videos // 100))
    large = measure_all(root, num_videos)
    print(f"{measure.environment()}\n\n{table(large, small, num_videos)}")


if __name__ == "__main__":
    main()
