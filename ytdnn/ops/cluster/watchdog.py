"""Kills a process that waits for others for ever, from a separate process.

TensorFlow's workers wait for one another inside a call that no exception, SIGTERM or
other thread can interrupt. So a child process watches the time:

    python -m ytdnn.ops.cluster.watchdog PROCESS SECONDS NAME=HOST:PORT …

It ends when its standard input closes; if that takes longer, it reports the missing
process and kills the waiting one.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

_PROBE_SECONDS = 1.0


@contextlib.contextmanager
def ended_if_stuck(seconds: int, others: Mapping[str, str]) -> Iterator[None]:
    """Context with a time limit, after which this process is killed.

    Args:
      seconds: Time limit.
      others: Addresses of the processes it waits for, by name.
    """
    named = [f"{name}={address}" for name, address in others.items()]
    command = [sys.executable, "-m", __name__, str(os.getpid()), str(seconds), *named]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        yield
        child.kill()


def listens(address: str) -> bool:
    """Whether a server listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False


def main(process: int, seconds: int, others: Mapping[str, str]) -> None:
    """Watches a process; see the module's docstring."""
    if select.select([sys.stdin], [], [], seconds)[0]:
        return
    missing = [f"{k} at {where}" for k, where in others.items() if not listens(where)]
    print(
        f"ytdnn: error: expected all workers of the cluster within {seconds} s "
        f"(cluster.start_seconds), missing: "
        f"{', '.join(missing) or 'one that listens and does not answer'}: start it, or "
        f"correct TF_CONFIG; the same command resumes",
        file=sys.stderr,
        flush=True,
    )
    os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        dict(word.split("=", 1) for word in sys.argv[3:]),
    )
