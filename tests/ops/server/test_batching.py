"""Requests that share runs: when a batch runs, and who gets what."""

import asyncio
import dataclasses
import pathlib
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ytdnn.bundle import tf_serving
from ytdnn.ops.server import batching, current_request, problems, settings

LONG = 5_000_000  # microseconds: no test waits for it


class Model:
    """Doubles numbers; remembers its batches, and waits while it is held."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, rows: Sequence[Any]) -> batching.Outputs:
        self.batches.append([row["x"] for row in rows])
        assert self.free.wait(10)
        if any(row["x"] < 0 for row in rows):
            raise problems.bad("negative")
        return {"y": np.array([2 * row["x"] for row in rows])}


def asked(*numbers: int) -> list[dict[str, int]]:
    return [{"x": number} for number in numbers]


def queue_of(model: Model, **parameters: int) -> batching.Queue:
    given = {"batch_timeout_micros": LONG, "num_batch_threads": 1} | parameters
    return batching.Threads(settings.Batching(**given)).queue(model)


def test_a_full_batch_runs_at_once_and_each_gets_its_own() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, max_batch_size=4)
        rows = (asked(1), asked(2, 3), asked(4))
        found = await asyncio.gather(*(queue.ask(part, 5) for part in rows))
        assert model.batches == [[1, 2, 3, 4]]
        assert [one.outputs["y"].tolist() for one in found] == [[2], [4, 6], [8]]
        assert {one.batch_size for one in found} == {4}

    asyncio.run(main())


def test_a_batch_that_is_not_full_runs_at_its_deadline() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, batch_timeout_micros=20_000)
        started = time.perf_counter()
        found = await asyncio.gather(*(queue.ask(asked(n), 5) for n in (1, 2)))
        assert time.perf_counter() - started > 0.015
        assert model.batches == [[1, 2]]
        assert all(one.queue_seconds > 0.015 for one in found)

    asyncio.run(main())


def test_what_arrives_while_all_threads_run_shares_the_next_run() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, batch_timeout_micros=1)
        model.free.clear()
        first = asyncio.create_task(queue.ask(asked(1), 5))
        while not model.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(queue.ask(asked(n), 5)) for n in (2, 3, 4)]
        await asyncio.sleep(0.02)
        assert model.batches == [[1]]
        model.free.set()
        await asyncio.gather(first, *others)
        assert model.batches == [[1], [2, 3, 4]]

    asyncio.run(main())


def test_one_that_fails_spoils_no_other() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, max_batch_size=3)
        rows = [asked(1), asked(-1), asked(3)]
        found = await asyncio.gather(
            *(queue.ask(part, 5) for part in rows), return_exceptions=True
        )
        assert isinstance(found[1], problems.Problem)
        assert [found[n].outputs["y"].tolist() for n in (0, 2)] == [[2], [6]]
        assert model.batches == [[1, -1, 3], [1], [-1], [3]]

    asyncio.run(main())


def test_a_full_queue_refuses_and_an_old_request_is_given_up() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, max_batch_size=1, max_enqueued_batches=2)
        model.free.clear()
        running = [asyncio.create_task(queue.ask(asked(1), 5))]
        await asyncio.sleep(0.01)
        running += [asyncio.create_task(queue.ask(asked(n), 5)) for n in (2, 3)]
        await asyncio.sleep(0.01)
        with pytest.raises(problems.Problem, match=r"queue is full") as caught:
            await queue.ask(asked(4), 5)
        assert caught.value.status == problems.OVERLOADED
        model.free.set()
        await asyncio.gather(*running)
        model.free.clear()
        with pytest.raises(problems.Problem, match="no answer within") as caught:
            await queue.ask(asked(5), 0.02)
        assert caught.value.status == problems.LATE
        model.free.set()
        assert (await queue.ask(asked(6), 5)).outputs["y"].tolist() == [12]

    asyncio.run(main())


def test_queues_share_the_threads() -> None:
    async def main() -> None:
        first, second = Model(), Model()
        threads = batching.Threads(
            settings.Batching(batch_timeout_micros=1, num_batch_threads=1)
        )
        queues = [threads.queue(model) for model in (first, second)]
        first.free.clear()
        tasks = [asyncio.create_task(q.ask(asked(1), 5)) for q in queues]
        await asyncio.sleep(0.03)
        assert not second.batches
        first.free.set()
        await asyncio.gather(*tasks)
        assert second.batches == [[1]]

    asyncio.run(main())


def test_parameters_are_those_for_tensorflow_serving() -> None:
    text = tf_serving.batching_config({})
    for name, value in dataclasses.asdict(settings.Batching()).items():
        assert f"{name} {{ value: {value} }}" in text
    off = settings.Settings(pathlib.Path(), is_batching=False, processes=2).batching
    assert (off.max_batch_size, off.most_rows, off.num_batch_threads) == (1, 3_200, 1)


def test_requests_are_refused_while_others_have_waited_too_long() -> None:
    async def main() -> None:
        model = Model()
        parameters = settings.Batching(
            max_batch_size=1, batch_timeout_micros=1, num_batch_threads=1
        )
        queue = batching.Threads(parameters, queue_seconds=0.05).queue(model)
        model.free.clear()
        waiting = [asyncio.create_task(queue.ask(asked(n), 5)) for n in (1, 2)]
        await asyncio.sleep(0.01)
        waiting.append(asyncio.create_task(queue.ask(asked(3), 5)))  # not yet
        await asyncio.sleep(0.06)
        assert queue.waited_seconds > 0.05
        with pytest.raises(problems.Problem, match=r"requests wait 0\.\d+ s") as caught:
            await queue.ask(asked(4), 5)
        assert caught.value.status == problems.OVERLOADED
        assert caught.value.headers["retry-after"] == "1"
        model.free.set()
        await asyncio.gather(*waiting)
        assert queue.waited_seconds == 0.0
        assert (await queue.ask(asked(5), 5)).outputs["y"].tolist() == [10]
        assert model.batches == [[1], [2], [3], [5]]

    asyncio.run(main())


def test_a_request_that_would_be_late_is_refused_at_once() -> None:
    async def main() -> None:
        model = Model()
        queue = queue_of(model, max_batch_size=1, batch_timeout_micros=1)
        model.free.clear()
        waiting = [asyncio.create_task(queue.ask(asked(n), 5)) for n in (1, 2)]
        await asyncio.sleep(0.05)
        current_request.begin({}).timeout_seconds = 0.02
        with pytest.raises(problems.Problem, match="ask again after") as caught:
            await queue.ask(asked(3), 5)
        assert caught.value.status == problems.OVERLOADED
        model.free.set()
        await asyncio.gather(*waiting)
        assert model.batches == [[1], [2]]

    asyncio.run(main())
