"""Batches requests into runs of the graph: a queue with a deadline for each signature.

It follows TensorFlow Serving's batching (`serving/batching.config`): a batch runs when
it is full, or when its first request has waited for the timeout, as soon as a thread is
free; requests that arrive meanwhile join it. Everything runs in the event loop's
thread, except the runs themselves.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from ytdnn.ops.server import metrics, problems, records, settings

Row = Mapping[str, Any]
Outputs = dict[str, npt.NDArray[Any]]
Run = Callable[[Sequence[Row]], Outputs]


@dataclasses.dataclass(frozen=True)
class Answered:
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
    future: "asyncio.Future[Answered]"
    since: float


class Threads:
    """The threads of all queues.

    Attributes:
      parameters: Parameters of batching.
      queue_seconds: Requests are refused while the first in the queue has waited for
        longer.
      num_op_threads: Threads of the operations of a run; None: one for each core.
    """

    def __init__(
        self,
        parameters: settings.Batching,
        queue_seconds: float = math.inf,
        num_op_threads: int | None = None,
    ) -> None:
        """Creates the executor; threads are started on demand.

        Args:
          parameters: Parameters of batching.
          queue_seconds: Requests are refused while the first in the queue has waited
            for longer.
          num_op_threads: Threads of the operations of a run; None: one for each core.
        """
        self.parameters = parameters
        self.queue_seconds = queue_seconds
        self.num_op_threads = num_op_threads
        self._free = parameters.num_batch_threads
        self._waiting: collections.deque[Queue] = collections.deque()
        self._executor = concurrent.futures.ThreadPoolExecutor(
            parameters.num_batch_threads, thread_name_prefix="run"
        )

    def queue(self, run: Run) -> "Queue":
        """Returns a queue of requests to one signature."""
        return Queue(run, self)

    def start(self, queue: "Queue") -> None:
        """Runs a batch of a queue, now or when a thread is free."""
        if not self._free:
            if queue not in self._waiting:
                self._waiting.append(queue)
            return
        tasks = queue.take()
        if tasks:
            self._free -= 1
            asyncio.get_running_loop().create_task(self._run(queue, tasks))

    async def _run(self, queue: "Queue", tasks: list[_Task]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, _run, queue.run, tasks, loop)
        finally:
            self._free += 1
            while self._free and self._waiting:
                self.start(self._waiting.popleft())
            queue.continue_()

    def close(self) -> None:
        """Ends the threads when their runs have ended."""
        self._executor.shutdown(wait=False, cancel_futures=True)


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
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, rows: Sequence[Row], seconds: float) -> Answered:
        """Returns the outputs for the rows of a request.

        Args:
          rows: Rows of the request, at least one.
          seconds: Time after which the request is given up.

        Raises:
          problems.Problem: The queue is full, the wait is too long, or the run took
            too long.
        """
        record = records.current()
        seconds = min(seconds, record.timeout_seconds - record.seconds)
        self._require_short(len(rows), seconds)
        loop = asyncio.get_running_loop()
        task = _Task(rows, loop.create_future(), time.perf_counter())
        self._tasks.append(task)
        self._num_rows += len(rows)
        self.continue_()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                answered = await task.future
        except TimeoutError:
            raise problems.Problem(
                problems.LATE, f"no answer within {seconds:g} s"
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

    def continue_(self) -> None:
        """Starts a batch if one is due, and schedules the next check."""
        if not self._tasks:
            return
        parameters = self._threads.parameters
        waited = time.perf_counter() - self._tasks[0].since
        left = parameters.batch_timeout_micros / 1e6 - waited
        if left <= 0 or self._num_rows >= parameters.max_batch_size:
            self._threads.start(self)
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(left, self._at_deadline)

    def _at_deadline(self) -> None:
        self._timer = None
        if self._tasks:
            self._threads.start(self)

    def take(self) -> list[_Task]:
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


def _run(run: Run, tasks: list[_Task], loop: asyncio.AbstractEventLoop) -> None:
    """Runs a batch in a thread, and hands its parts over."""
    started = time.perf_counter()
    rows = [row for task in tasks for row in task.rows]
    try:
        outputs = run(rows)
    except Exception as error:
        if len(tasks) > 1:  # one of them is to blame, the others are answered
            for task in tasks:
                _run(run, [task], loop)
            return
        _hand_over(loop, tasks[0].future.set_exception, tasks[0].future, error)
        return
    seconds = time.perf_counter() - started
    first = 0
    for task in tasks:
        part = slice(first, first + len(task.rows))
        first = part.stop
        answered = Answered(
            {name: values[part] for name, values in outputs.items()},
            started - task.since,
            seconds,
            len(rows),
        )
        _hand_over(loop, task.future.set_result, task.future, answered)


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    give: Callable[[Any], None],
    future: "asyncio.Future[Answered]",
    value: Any,
) -> None:
    def at_loop() -> None:
        if not future.done():
            give(value)

    with contextlib.suppress(RuntimeError):  # the loop has ended, nobody waits
        loop.call_soon_threadsafe(at_loop)
