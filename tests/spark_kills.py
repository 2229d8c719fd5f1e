"""Kills workers of Spark at random moments, and compares what the commands leave.

    YTDNN_OPTIMISED_GRAPHS=1 python -m tests.spark_kills DIR [NUMBER]

makes a small run in DIR once, then `prepare`, `evaluate`, `recommend` and `refresh`
with `--engine=spark` in turn, NUMBER commands in all (20), on a cluster of two workers.
One of them is killed at a random moment of each command, and replaced before the next.
The files must have the bytes of the same commands on one machine, but for times. Prints
a line for each command; exit status 1 where a file differs or a command failed.
"""

import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

import polars as pl

from tests import planted
from tests.ops.spark import clusters
from ytdnn.log import prepared
from ytdnn.run.pipeline import workdir as workdir_room

_WINDOW = "--config.evaluation.window_events=800"
_SHARDS = "--config.data.events_per_shard=900"
_COMMANDS = ("prepare", "evaluate", "recommend", "refresh")
_UNREPEATABLE = ("made", "latency")


class Trial:
    """The commands on a run, and what they leave."""

    def __init__(self, home: pathlib.Path) -> None:
        """Makes the run, unless it is there."""
        self._home = home
        if not (home / "run" / "bundle").exists():
            self._make()

    def _make(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        log = planted.write_log(self._home / "log")
        (self._home / "run").mkdir()
        config = planted.tiny_config(ranking_epochs=1)
        workdir_room.write_config(self._home / "run", config)
        source = ["--source=log", f"--data_dir={log}", _SHARDS]
        self.run("prepare", f"--workdir={self._home / 'run'}", *source)
        for name in ("train", "export"):
            self.run(name, f"--workdir={self._home / 'run'}")
        watches = pl.read_parquet(log / "watches.parquet")
        time = pl.col("time")
        later = watches.with_columns(time + time.max() - time.min() + 1).tail(500)
        (self._home / "day").mkdir()
        later.write_parquet(self._home / "day" / "watches.parquet")

    def flags(self, name: str) -> list[str]:
        """Returns the flags of a command, which writes into `out`."""
        run, out = self._home / "run", self._home / "out"
        if name == "prepare":
            source = ["--source=log", f"--data_dir={self._home / 'log'}", _SHARDS]
            return [f"--workdir={out}", *source]
        if name == "evaluate":
            return [f"--workdir={run}", _WINDOW]
        if name == "recommend":
            return [f"--workdir={run}", "--users=all", f"--out={out}.parquet"]
        return [f"--from={run}", f"--data_dir={self._home / 'day'}", f"--workdir={out}"]

    def clean(self) -> None:
        """Removes what a command has written."""
        for path in self._home.glob("out*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self._home / "run" / "evaluation", ignore_errors=True)

    def run(self, name: str, *flags: str) -> None:
        """Runs a command to its end."""
        subprocess.run(command(name, *flags), check=True, capture_output=True)

    def outputs(self, name: str) -> dict[str, bytes]:
        """Returns the content of the files that a command leaves, without times."""
        if name == "recommend":
            return {"lists": (self._home / "out.parquet").read_bytes()}
        if name == "evaluate":
            home = self._home / "run" / "evaluation"
            report = json.loads((home / "report.json").read_text())
            kept = {key: report[key] for key in report if key not in _UNREPEATABLE}
            users = (home / "users.parquet").read_bytes()
            return {"report": json.dumps(kept).encode(), "users": users}
        home = self._home / "out" / prepared.KIND
        files = (path for path in sorted(home.rglob("*")) if path.is_file())
        return {
            path.relative_to(home).as_posix(): path.read_bytes()
            for path in files
            if path.name != "manifest.json"  # holds when it was made
        }


def command(name: str, *flags: str) -> list[str]:
    """Returns the words of a command."""
    return [sys.executable, "-m", "ytdnn", name, *flags]


def is_killed(trial: Trial, name: str, cluster: clusters.Cluster, after: float) -> bool:
    """Runs a command on Spark and kills a worker after some seconds.

    Returns:
      Whether the command was still running then.

    Raises:
      subprocess.CalledProcessError: The command failed.
    """
    conf = f"{clusters.CONF},spark.sql.shuffle.partitions=4"
    spark = ["--engine=spark", f"--spark_master={cluster.url}", f"--conf={conf}"]
    words = command(name, *trial.flags(name), *spark)
    running = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    hit = False
    try:
        _, errors = running.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        hit = True
        cluster.kill_and_replace(random.randrange(2))
        _, errors = running.communicate(timeout=900)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, words, stderr=errors)
    return hit


def main(arguments: list[str]) -> int:
    """Runs the commands; returns the exit status."""
    home = pathlib.Path(arguments[0]).absolute()
    number = int(arguments[1]) if len(arguments) > 1 else 20
    trial, expected = Trial(home), dict[str, dict[str, bytes]]()
    most = dict.fromkeys(_COMMANDS, 40.0)  # seconds until a kill
    for name in _COMMANDS:
        trial.clean()
        trial.run(name, *trial.flags(name))
        expected[name] = trial.outputs(name)
    hits = wrong = turn = 0
    cluster = clusters.Cluster(home)
    try:
        while hits < number:
            name = _COMMANDS[turn % len(_COMMANDS)]
            turn += 1
            trial.clean()
            after, begun = random.uniform(5.0, most[name]), time.monotonic()
            try:
                hit = is_killed(trial, name, cluster, after)
                found = "same" if trial.outputs(name) == expected[name] else "differs"
            except subprocess.CalledProcessError as error:
                hit, found = True, f"failed: {error.stderr.strip().splitlines()[-1]}"
            if not hit:
                most[name] = time.monotonic() - begun
            hits, wrong = hits + hit, wrong + (found != "same")
            what = f"worker killed after {after:.0f} s" if hit else "no worker killed"
            print(f"{hits} {name}, {what}: {found}", flush=True)
    finally:
        cluster.stop()
    print(f"{hits} workers killed, {wrong} commands wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
