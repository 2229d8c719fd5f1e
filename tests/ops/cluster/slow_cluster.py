"""A local cluster whose processes reach one another over slow links.

    python -m tests.ops.cluster.slow_cluster WORKDIR SECONDS WORKERS SERVERS FLAG …

trains the candidates of the run in WORKDIR as `ytdnn cluster` does, with links that
delay every packet by SECONDS each way; 0: without. While the file WORKDIR/absent
exists, a process that is started waits: its machine is away.
"""

import contextlib
import pathlib
import sys
from collections.abc import Sequence

from tests.ops.cluster import slow_links
from ytdnn.ops.cluster import local_cluster, local_network, tasks

ABSENT = "absent"
_WHEN_BACK = 'while [ -e "$0" ]; do sleep 0.1; done; exec "$@"'


class _Plan(local_cluster.Plan):
    """A plan whose processes know one another by the slow address."""

    def tasks(self) -> list[tasks.Task]:
        """Returns all processes at ports of the slow host, the chief first."""
        found = super().tasks()
        for places in found[0].addresses.values():  # one dictionary for all tasks
            places[:] = [f"{slow_links.HOST}:{x.rpartition(':')[2]}" for x in places]
        return found


def main(
    workdir: str, seconds: float, workers: int, servers: int, flags: Sequence[str]
) -> int:
    """Runs the cluster, and returns the exit status of its chief."""
    local_network.enter()
    absent = str(pathlib.Path(workdir) / ABSENT)
    train = [sys.executable, "-m", "ytdnn", "train", f"--workdir={workdir}"]
    train += ["--stage=candidates", "--strategy=parameter_server", *flags]
    kind = _Plan if seconds else local_cluster.Plan
    plan = kind(
        command=["sh", "-c", _WHEN_BACK, absent, *train],
        workers=workers,
        servers=servers,
        logs=pathlib.Path(workdir) / "cluster",
        restarts=10,
        say=lambda message: print(message, flush=True),
        is_open=True,  # the network is this process's own already
    )
    links = slow_links.started(seconds) if seconds else contextlib.nullcontext()
    with links:
        return local_cluster.run(plan)


if __name__ == "__main__":
    _workdir, _seconds, _workers, _servers, *_flags = sys.argv[1:]
    sys.exit(main(_workdir, float(_seconds), int(_workers), int(_servers), _flags))
