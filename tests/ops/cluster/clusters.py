"""Local clusters for tests: the program, started as a user would."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from tests import planted, quick
from ytdnn import configs
from ytdnn.evaluation import evaluate_run
from ytdnn.ops.cluster import tasks
from ytdnn.run import pipeline

_RUN = """
import pathlib, sys
from ytdnn.ops.cluster import local_cluster
logs, workers, servers, is_open, *command = sys.argv[1:]
plan = local_cluster.Plan(
    command, int(workers), int(servers), pathlib.Path(logs), 0, print, is_open == "True"
)
sys.exit(local_cluster.run(plan))
"""


def has_own_network() -> bool:
    """Whether processes can have a network of their own here."""
    code = "from ytdnn.ops.cluster import local_cluster as x; x.enter_own_network()"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def output_of(
    command: Sequence[str], workers: int, servers: int, logs: pathlib.Path
) -> str:
    """Runs a command in every process of a cluster, and returns the chief's output."""
    sizes = [str(logs), str(workers), str(servers), str(not has_own_network())]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *sizes, *command],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(planted.__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared_run(directory: pathlib.Path) -> pathlib.Path:
    """Prepares the planted log as a run, and returns its workdir."""
    log = planted.write_log(directory / "log")
    data = configs.DataConfig(
        source="log", dir=str(log), ranking_fraction=0.4, vocabulary="train"
    )
    pipeline.prepare(directory / "run", planted.cluster_config(data))
    return directory / "run"


def start(
    workdir: pathlib.Path, *flags: str, command: Sequence[str] = ("train",)
) -> "subprocess.Popen[str]":
    """Starts `ytdnn cluster` with flags on a run."""
    network = "own" if has_own_network() else "open"
    arguments = ["cluster", f"--network={network}", *flags, "--", *command]
    return subprocess.Popen(
        [*quick.PROGRAM, *arguments, f"--workdir={workdir}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=pathlib.Path(planted.__file__).parents[1],
    )


def finished(process: "subprocess.Popen[str]", seconds: float) -> str:
    """Returns what a cluster printed, once it has ended by itself."""
    out, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, out
    return out


def losses(workdir: pathlib.Path) -> list[float]:
    """Returns the loss of each epoch of the candidates."""
    trained = evaluate_run.training_curves(workdir, ("candidates",))["candidates"]
    return [loss for loss in trained.scalars["loss"] if loss is not None]


def wait_for_checkpoint(
    workdir: pathlib.Path,
    process: "subprocess.Popen[str]",
    number: int = 1,
    seconds: float = 150.0,
) -> None:
    """Waits until a training of the candidates has made so many checkpoints."""
    deadline = time.monotonic() + seconds
    place = workdir / ".candidates.training" / "latest"
    while number > max(
        (int(path.stem.split("-")[1]) for path in place.glob("ckpt-*.index")), default=0
    ):
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes(workdir: pathlib.Path, index: str = "") -> list[int]:
    """Returns the ids of the processes that work on a run, of one task perhaps.

    Args:
      workdir: Of the run.
      index: Of `TF_CONFIG`, as `"type": "worker", "index": 1`.
    """
    found = []
    for place in pathlib.Path("/proc").iterdir():
        try:
            command = (place / "cmdline").read_bytes().decode()
            variables = (place / "environ").read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue
        if f"--workdir={workdir}\0" in command and index in variables:
            found.append(int(place.name))
    return found


def wait_until_none(workdir: pathlib.Path, seconds: float = 15.0) -> None:
    """Waits until no process works on a run any more."""
    deadline = time.monotonic() + seconds
    while processes(workdir):
        assert time.monotonic() < deadline, processes(workdir)
        time.sleep(0.1)


def kill(pid: int) -> None:
    """Ends a process as the system does for want of memory."""
    os.kill(pid, signal.SIGKILL)


def lose_a_worker(workdir: str) -> int:
    """Trains with two workers, kills the second, and returns the first's status."""
    places = {"worker": ["127.0.0.1:41000", "127.0.0.1:41001"]}
    command = [*quick.PROGRAM, "train", f"--workdir={workdir}"]
    settings = ["--strategy=multi_worker"]
    settings += ["--config.candidates.training.epochs=1000"]
    settings += ["--config.candidates.training.patience=1000"]
    first, second = (
        subprocess.Popen(
            [*command, *settings],
            env=os.environ
            | {
                "LOST_SECONDS": "10",
                tasks.VARIABLE: json.dumps(
                    {"cluster": places, "task": {"type": "worker", "index": number}}
                ),
            },
        )
        for number in range(2)
    )
    place = pathlib.Path(workdir) / ".candidates.training" / "latest"
    while not list(place.glob("*.index")) and first.poll() is None:
        time.sleep(0.1)
    second.kill()
    second.wait()
    return first.wait()
