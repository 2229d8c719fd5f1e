"""Parameter servers whose machines share no disk, only a store of checkpoints.

    python -m tests.ops.cluster.own_disks PREPARED DIR

trains in DIR, each process with a copy of the run PREPARED for its workdir; that of the
chief is hidden from the others, where the machine permits it. After the first
checkpoint is on the store, all processes are killed, their workdirs are made anew, and
they start again. Prints the exit statuses of the second time.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from tests.ops.cluster import clusters
from ytdnn.ops.cluster import local_network, tasks

JOBS = {"chief": 1, "worker": 1, "ps": 2}
CHIEF, STORE = "chief-0", "store"
_MOST_SECONDS = 240
_HIDING = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']


def _hiding(place: pathlib.Path) -> list[str]:
    """Returns the words before a command that sees an empty directory at a place."""
    words = [*_HIDING, str(place)]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return words


def _start(prepared: pathlib.Path, directory: pathlib.Path) -> list[subprocess.Popen]:
    ports = iter(range(41_000, 41_009))
    places = {
        job: [f"127.0.0.1:{next(ports)}" for _ in range(number)]
        for job, number in JOBS.items()
    }
    found = []
    for job, number in JOBS.items():
        for index in range(number):
            workdir = directory / f"{job}-{index}"
            shutil.rmtree(workdir, ignore_errors=True)
            shutil.copytree(prepared, workdir)
            task = {"cluster": places, "task": {"type": job, "index": index}}
            command = [sys.executable, "-m", "ytdnn", "train", f"--workdir={workdir}"]
            command += ["--strategy=parameter_server"]
            command += [f"--checkpoints=file://{directory / STORE}"]
            if job != tasks.CHIEF:
                command = [*_hiding(directory / CHIEF), *command]
            with (directory / f"{job}-{index}.txt").open("ab") as out:
                found.append(
                    subprocess.Popen(
                        command,
                        env=os.environ | {tasks.VARIABLE: json.dumps(task)},
                        stdout=out,
                        stderr=out,
                    )
                )
    return found


def main(prepared: pathlib.Path, directory: pathlib.Path) -> None:
    """Trains with a loss of all machines, and prints the statuses."""
    if clusters.has_own_network():
        local_network.enter()
    processes = _start(prepared, directory)
    deadline = time.monotonic() + _MOST_SECONDS
    while not list((directory / STORE).rglob("list-*")):
        if time.monotonic() > deadline or processes[0].poll() is not None:
            break
        time.sleep(0.05)
    for process in processes:
        process.kill()
        process.wait()
    statuses = [each.wait(_MOST_SECONDS) for each in _start(prepared, directory)]
    print("STATUSES", statuses)


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:3]))
