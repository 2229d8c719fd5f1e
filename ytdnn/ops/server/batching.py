"""Batches requests into runs of the graph: a queue with a deadline for each signature.

It follows TensorFlow Serving's batching (`serving/batching.config`): a batch runs when
it is full, or when its first request has waited for the timeout, as soon as a thread is
free; requests that arrive meanwhile join it. Everything runs in the event loop's
thread, except the runs themselves.
"""

import asyncio
import collections
import concurrent.futures
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from ytdnn.ops.server import current_request, metrics, problems, settings

Row = Mapping[str, Any]
Outputs = dict[str, npt.NDArray[Any]]
Run = Callable[[Sequence[Row]], Outputs]


@dataclasses.dataclass(frozen=True)
class QueueAnswer:
    """The outputs of one request, with the times of its run.

    Attributes:
      outputs: `[rows, …]` by name.
      queue_seconds: Time waited for a run.
      run_seconds: Duration of the run.
      batch_size: Number of rows of the run.
    """

    outputs: Outputs
    queue_seconds: float
    run_seconds: float
    batch_size: int


@dataclasses.dataclass
class _Task:
    rows: Sequence[Row]
    future: "asyncio.Future[QueueAnswer]"
    since: float


@dataclasses.dataclass(eq=False)
class Threads:
    """The threads of all queues, started on demand.

    Attributes:
      parameters: Parameters of batching.
      queue_seconds: Requests are refused while the first in the queue has waited for
        longer.
      num_op_threads: Threads of the operations of a run; None: one for each core.
      free: Counts the threads that run nothing.
      executor: The threads.
    """

    parameters: settings.Batching
    queue_seconds: float = math.inf
    num_op_threads: int | None = None

    def __post_init__(self) -> None:
        """Creates the executor."""
        number = self.parameters.num_batch_threads
        self.free = asyncio.Semaphore(number)
        self.executor = concurrent.futures.ThreadPoolExecutor(number, "run")

    def queue(self, run: Run) -> "Queue":
        """Returns a queue of requests to one signature."""
        return Queue(run, self)

    def close(self) -> None:
        """Ends the threads when their runs have ended."""
        self.executor.shutdown(wait=False, cancel_futures=True)


class Queue:
    """The queue of requests to one signature.

    Attributes:
      run: Function that runs some rows, in a thread.
    """

    def __init__(self, run: Run, threads: Threads) -> None:
        """Stores the function that runs a batch, and its threads."""
        self.run = run
        self._threads = threads
        self._tasks: collections.deque[_Task] = collections.deque()
        self._num_rows = 0
        self._full: asyncio.Future[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._runs: set[asyncio.Task[None]] = set()

    async def ask(self, rows: Sequence[Row], seconds: float) -> QueueAnswer:
        """Returns the outputs for the rows of a request.

        Args:
          rows: Rows of the request, at least one.
          seconds: Time after which the request is given up.

        Raises:
          problems.Problem: The queue is full, the wait is too long, or the run took
            too long.
        """
        record = current_request.current()
        allowed = min(seconds, record.timeout_seconds)
        seconds = min(seconds, record.timeout_seconds - record.seconds)
        self._require_short(len(rows), seconds)
        loop = asyncio.get_running_loop()
        task = _Task(rows, loop.create_future(), time.perf_counter())
        self._tasks.append(task)
        self._num_rows += len(rows)
        self._continue()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                answered = await task.future
        except TimeoutError:
            raise problems.Problem(
                problems.LATE, f"no answer within {allowed:g} s"
            ) from None
        metrics.QUEUE_SECONDS.observe(answered.queue_seconds)
        metrics.RUN_SECONDS.observe(answered.run_seconds)
        metrics.BATCH_SIZE.observe(answered.batch_size)
        record.stages["queue"] = answered.queue_seconds
        record.stages["run"] = answered.run_seconds
        record.facts["batch_size"] = answered.batch_size
        return answered

    @property
    def waited_seconds(self) -> float:
        """Time that the first request in the queue has waited, 0 without one."""
        return time.perf_counter() - self._tasks[0].since if self._tasks else 0.0

    def _require_short(self, num_rows: int, seconds: float) -> None:
        """Checks that a request would be answered in time.

        A request at the end waits about as long as the first one has waited.

        Raises:
          problems.Problem: The queue is too long.
        """
        waited = self.waited_seconds
        after = max(1, math.ceil(waited))
        most = self._threads.parameters.most_rows
        if self._num_rows and self._num_rows + num_rows > most:
            raise problems.Problem(problems.OVERLOADED, "the queue is full", after)
        if waited > max(0.0, min(seconds, self._threads.queue_seconds)):
            raise problems.Problem(
                problems.OVERLOADED,
                f"requests wait {waited:.2f} s for a run: ask again after {after} s",
                after,
            )

    def _continue(self) -> None:
        """Starts to run batches, or runs a full one before its deadline."""
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        elif self._full and not self._full.done() and self._is_full():
            self._full.set_result(None)

    def _is_full(self) -> bool:
        return self._num_rows >= self._threads.parameters.max_batch_size

    async def _drain(self) -> None:
        """Runs batches until no request waits.

        Requests that arrive until a thread is free join the batch.
        """
        loop = asyncio.get_running_loop()
        while self._tasks:
            timeout = self._threads.parameters.batch_timeout_micros / 1e6
            left = timeout - self.waited_seconds
            if left > 0 and not self._is_full():
                self._full = loop.create_future()
                await asyncio.wait([self._full], timeout=left)
            await self._threads.free.acquire()
            self._runs.add(run := loop.create_task(self._run(self._take())))
            run.add_done_callback(self._runs.discard)

    async def _run(self, tasks: list[_Task]) -> None:
        try:
            if tasks:
                await self._answer(tasks)
        finally:
            self._threads.free.release()

    async def _answer(self, tasks: list[_Task]) -> None:
        """Runs a batch in a thread, and gives each request its part."""
        loop = asyncio.get_running_loop()
        rows = [row for task in tasks for row in task.rows]
        started = time.perf_counter()
        try:
            outputs = await loop.run_in_executor(self._threads.executor, self.run, rows)
        except Exception as error:
            if len(tasks) == 1:
                if not tasks[0].future.done():
                    tasks[0].future.set_exception(error)
                return
            for task in tasks:  # one of them is to blame, the others are answered
                await self._answer([task])
            return
        seconds, first = time.perf_counter() - started, 0
        for task in tasks:
            part = slice(first, first + len(task.rows))
            first = part.stop
            answers = {name: values[part] for name, values in outputs.items()}
            waited = started - task.since
            if not task.future.done():  # the request was not given up
                task.future.set_result(QueueAnswer(answers, waited, seconds, len(rows)))

    def _take(self) -> list[_Task]:
        """Returns the requests of the next batch, at least the first one."""
        batch: list[_Task] = []
        size = 0
        most = self._threads.parameters.max_batch_size
        while self._tasks and (not batch or size + len(self._tasks[0].rows) <= most):
            task = self._tasks.popleft()
            self._num_rows -= len(task.rows)
            if not task.future.done():
                batch.append(task)
                size += len(task.rows)
        return batch
