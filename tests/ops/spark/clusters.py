"""Standalone clusters of Spark on this machine, whose workers a test can kill."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

CONF = (
    "spark.driver.host=127.0.0.1,spark.driver.bindAddress=127.0.0.1,"
    "spark.executor.memory=1g"
)


class Cluster:
    """A master and workers of Spark's own, each a process on loopback."""

    def __init__(self, directory, num_workers=2):
        import pyspark

        home = pathlib.Path(pyspark.__file__).parent
        self._environment = os.environ | {
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
        }
        self._start, self._directory = home / "bin" / "spark-class", directory
        self.port = _free_port()
        name = "org.apache.spark.deploy"
        host = ["--host", "127.0.0.1", "--webui-port", "0"]
        self.url = f"spark://127.0.0.1:{self.port}"
        self.master = self._run(
            f"{name}.master.Master", *host, "--port", str(self.port)
        )
        worker = [f"{name}.worker.Worker", *host, "-c", "1", "-m", "2g", self.url]
        self.workers = [self._run(*worker) for _ in range(num_workers)]

    def _run(self, *command):
        log = open(self._directory / f"{command[0]}.log", "ab")  # noqa: SIM115
        return subprocess.Popen(
            [str(self._start), *command],
            env=self._environment,
            cwd=self._directory,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def kill(self, process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(self):
        for process in [*self.workers, self.master]:
            self.kill(process)
            process.wait()


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(condition, process, seconds=400):
    begun = time.monotonic()
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
