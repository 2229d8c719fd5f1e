"""The load of serve.py: posts at a fixed rate, in a process without TensorFlow.

    python -m experiments.benchmarks.load PORT PATH BODIES RATE SECONDS CONNECTIONS

BODIES is a file with a request a line. A request is posted when it is due, whatever the
answers, and its latency counts from then. Prints the latencies and failures as JSON.
"""

import asyncio
import dataclasses
import json
import pathlib
import re
import sys
import time
from collections.abc import Sequence

import numpy as np

_MOST_MILLISECONDS = 100.0


@dataclasses.dataclass(frozen=True)
class Load:
    """What a load gave.

    Attributes:
      latencies: Milliseconds of each answer, from when it was due.
      failures: Requests without an answer of status 200, by what came instead.
      seconds: From the first request to the last answer.
    """

    latencies: np.ndarray
    failures: dict[str, int]
    seconds: float

    def percentile(self, share: float) -> float:
        """Returns a percentile of the latencies, endless where there are none."""
        if not len(self.latencies):
            return float("inf")
        return float(np.percentile(self.latencies, share))

    @property
    def holds(self) -> bool:
        """Whether nothing failed and p99 is at most 100 ms."""
        return not self.failures and self.percentile(99) <= _MOST_MILLISECONDS


def read(text: bytes) -> Load:
    """Returns what a process of this module printed."""
    values = json.loads(text)
    latencies = np.array(values["latencies"])
    return Load(latencies, values["failures"], values["seconds"])


class _Client:
    """Posts over connections that stay open; a request waits where all are in use."""

    def __init__(
        self, port: int, path: str, bodies: Sequence[bytes], most: int
    ) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._messages = [head + str(len(b)).encode() + b"\r\n\r\n" + b for b in bodies]
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(most)
        self._latencies: list[float] = []
        self._failures: dict[str, int] = {}

    async def run(self, rate: float, seconds: float) -> Load:
        """Posts for some seconds."""
        started = time.perf_counter()
        tasks = []
        for number in range(int(rate * seconds)):
            due = started + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            message = self._messages[number % len(self._messages)]
            tasks.append(asyncio.create_task(self._post(message, due)))
        await asyncio.gather(*tasks)
        elapsed = time.perf_counter() - started
        return Load(np.array(self._latencies), self._failures, elapsed)

    async def _post(self, message: bytes, due: float) -> None:
        async with self._places:
            try:
                async with asyncio.timeout(60):
                    status = await self._exchange(message)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                status = type(error).__name__
        if status == "200":
            self._latencies.append(1e3 * (time.perf_counter() - due))
        else:
            self._failures[status] = self._failures.get(status, 0) + 1

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns a connection that the server has not closed meanwhile."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _exchange(self, message: bytes) -> str:
        reader, writer = await self._connection()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.I)
        await reader.readexactly(int(found[1]) if found else 0)
        self._free.append((reader, writer))
        return head.split(b" ", 2)[1].decode()


def run(arguments: Sequence[str]) -> None:
    """Posts, and prints what came of it."""
    port, path, file, rate, seconds, most = arguments
    bodies = pathlib.Path(file).read_bytes().splitlines()
    client = _Client(int(port), path, bodies, int(most))
    found = asyncio.run(client.run(float(rate), float(seconds)))
    values = dataclasses.asdict(found) | {"latencies": found.latencies.tolist()}
    print(json.dumps(values))


if __name__ == "__main__":
    run(sys.argv[1:])
