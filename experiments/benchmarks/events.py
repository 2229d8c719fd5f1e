"""How much slower are the answers of a server that takes as many events beside them?

Claim: at 70 % of the answers a second that the machine gives without events, with as
many events a second posted beside them, the 99 % quantile of the answers' times is at
most 1.5 times that without; no answer is bad, and each watch is in the next answer of
its user.

    python -m experiments.benchmarks.events [--workdir=DIR] [--seconds=20] [--turns=5]

`ytdnn serve` runs as a process, its clients in this one, on the same cores. The most
answers a second are those to clients that each ask again when answered. Then requests
come at fixed times, whatever the earlier ones take, without events and with them in
turns; a time counts from when the request was due. A request names only its user, and
an event is a watch of one of these users. Without --workdir the run is that of
answer.py with fresh weights.

Measured 2026-11-30 with the run of `make run` on two cores, four times: p99 with events
1.09, 1.73 and, with nothing else running, 1.54 (999 and 1,539 ms at 86 of 123 answers a
second) and 1.00 times that without (712 and 715 ms at 102 of 146); no answer was bad,
no watch was missing.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.benchmarks import answer, measure
from ytdnn.bundle import bundle
from ytdnn.log import prepared

_CLIENTS = 32
_BUSY = 8  # clients that find the most answers a second
_SHARE = 0.7
_K = 20
_JSON = {"Content-Type": "application/json"}
_own = threading.local()


class Load(NamedTuple):
    """The requests of one turn.

    Attributes:
      milliseconds: Time of each answer, from when its request was due.
      bad: Number of bad answers, to events too.
    """

    milliseconds: list[float]
    bad: int


@contextlib.contextmanager
def served(workdir: pathlib.Path, state: pathlib.Path) -> Iterator[int]:
    """Context with the port of a server of a run."""
    flags = (f"--workdir={workdir}", "--port=0", f"--state={state}", "--log=none")
    command = [sys.executable, "-m", "ytdnn", "serve", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise SystemExit("the server did not start")
        port = int(found[1])
        while post(port, "/recommend", {"k": 1})[0] != 200:
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait()


def post(port: int, path: str, body: Any) -> tuple[int, Any]:
    """Returns status and JSON of an answer, on this thread's own connection."""
    connection = getattr(_own, "connection", None)
    if connection is None or connection.port != port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        _own.connection = connection
    try:
        connection.request("POST", path, json.dumps(body), _JSON)
        answered = connection.getresponse()
        return answered.status, json.loads(answered.read())
    except (OSError, http.client.HTTPException):
        _own.connection = None
        return 0, None


def most_a_second(port: int, users: Sequence[Any], seconds: float) -> float:
    """Returns the answers a second to clients that always wait for one."""
    end = time.monotonic() + seconds

    def ask(client: int) -> int:
        number = 0
        for user in itertools.cycle(users[client::_BUSY]):
            if time.monotonic() > end:
                break
            number += post(port, "/recommend", {"user_id": user, "k": _K})[0] == 200
        return number

    with concurrent.futures.ThreadPoolExecutor(_BUSY) as pool:
        return sum(pool.map(ask, range(_BUSY))) / seconds


def loaded(
    port: int, users: Sequence[Any], videos: Sequence[Any], rate: float, seconds: float
) -> Load:
    """Asks at a rate, and posts a watch for each request where there are videos."""
    begin, rng = time.monotonic() + 0.5, np.random.default_rng(0)
    size = int(rate * seconds)
    asking = rng.choice(np.array(users, object), size).tolist()
    watching = rng.choice(np.array(users, object), size).tolist()

    def due(number: float) -> float:
        at = begin + number / rate
        time.sleep(max(0.0, at - time.monotonic()))
        return at

    def ask(number: int) -> tuple[float, bool]:
        at = due(number)
        body = {"user_id": asking[number], "k": _K}
        status, told = post(port, "/recommend", body)
        return (time.monotonic() - at) * 1e3, status == 200 and bool(told["videos"])

    def watch(number: int) -> bool:
        due(number + 0.5)
        video = videos[number % len(videos)]
        event = {"kind": "watch", "user_id": watching[number], "video_id": video}
        event["id"] = f"{begin}-{number}"
        return post(port, "/events", event)[0] == 200

    with (
        concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool,
        concurrent.futures.ThreadPoolExecutor(_CLIENTS) as others,
    ):
        numbers = range(size if len(videos) else 0)
        posted = others.map(watch, numbers)
        answers = list(pool.map(ask, range(size)))
        bad = sum(not good for _, good in answers) + sum(not good for good in posted)
    return Load([milliseconds for milliseconds, _ in answers], bad)


def unknown_watches(port: int, users: Sequence[Any], number: int = 20) -> int:
    """Returns how many watches are not known to the next answer of their user."""
    lost = 0
    for place, user in enumerate(users[:number]):
        asked = {"user_id": user, "k": _K}
        first = post(port, "/recommend", asked)[1]["videos"][0]["video_id"]
        event = {"kind": "watch", "user_id": user, "video_id": first}
        post(port, "/events", event | {"id": f"next-{place}"})
        after = post(port, "/recommend", asked)[1]["videos"]
        lost += first in [video["video_id"] for video in after]
    return lost


def tables(workdir: pathlib.Path, seconds: float, turns: int) -> str:
    """Returns the times of answers without and with events."""
    users = prepared.load(workdir / prepared.KIND).users["user_id"].head(10_000)
    videos = list(bundle.load(workdir / bundle.KIND).titles)[:1_000]
    asked = users.to_list()
    with (
        tempfile.TemporaryDirectory() as place,
        served(workdir, pathlib.Path(place) / "state.db") as port,
    ):
        most_a_second(port, asked, seconds / 4)  # warms up
        most = most_a_second(port, asked, seconds)
        lost = unknown_watches(port, asked)
        rate = _SHARE * most
        found: dict[str, list[Load]] = {"without": [], "with": []}
        for turn in range(turns):
            # The first of two has the quieter machine as often as the second.
            order = list(found) if turn % 2 else list(found)[::-1]
            for kind in order:
                own = videos if kind == "with" else []
                found[kind].append(loaded(port, asked, own, rate, seconds))
    medians = {
        kind: np.median(
            [np.percentile(each.milliseconds, (50, 99)) for each in loads], axis=0
        )
        for kind, loads in found.items()
    }
    rows = [
        [
            f"{kind} events",
            *(f"{value:.1f}" for value in medians[kind]),
            str(sum(each.bad for each in loads)),
        ]
        for kind, loads in found.items()
    ]
    ratio = medians["with"] / medians["without"]
    text = measure.table(["answers", "p50 ms", "p99 ms", "bad"], rows)
    return (
        f"{text}\n\n{most:.0f} answers a second at most, {rate:.0f} asked for; p99 "
        f"with events {ratio[1]:.2f} times that without; {lost} watches not in the "
        f"next answer"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        workdir = options.workdir or pathlib.Path(made)
        answer.ensure(workdir, options.videos)
        text = tables(workdir, options.seconds, options.turns)
        print(f"{measure.environment()}\n\n{text}")


if __name__ == "__main__":
    main()
