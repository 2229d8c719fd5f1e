"""Progress of long steps: a bar in a terminal, occasional lines in a pipe.

Observers are called after each epoch: a sweep that prunes, a tracker.
"""

import contextlib
import contextvars
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar

import rich.console
import rich.progress

T = TypeVar("T")

SECONDS_A_LINE: Final = 30.0
_SHORT_SECONDS: Final = 10.0  # left: the next line comes soon anyway

_IS_QUIET = contextvars.ContextVar("is_quiet", default=False)
_SHOWN: contextvars.ContextVar["Bar | None"] = contextvars.ContextVar(
    "shown", default=None
)


@contextlib.contextmanager
def shown(is_shown: bool) -> Iterator[None]:
    """Context that shows or hides the progress of the block."""
    token = _IS_QUIET.set(not is_shown or _IS_QUIET.get())
    try:
        yield
    finally:
        _IS_QUIET.reset(token)


def console() -> rich.console.Console:
    """Returns the console on standard error, which is quiet outside of `shown`."""
    return rich.console.Console(stderr=True, quiet=_IS_QUIET.get())


def say(line: str) -> None:
    """Prints a line, if output is shown; above the bar, if there is one.

    It must use the bar's console, which removes the bar before it prints.
    """
    bar = _SHOWN.get()
    screen = console() if bar is None or _IS_QUIET.get() else bar.console
    screen.print(line, highlight=False, markup=False, soft_wrap=True)


class Bar:
    """A progress bar with the remaining time.

    Use it as a context manager around the work. A terminal shows a bar that disappears
    at the end; a pipe or a file gets a line every `SECONDS_A_LINE` seconds, unless the
    work is nearly finished. Inside another bar, which shows the whole work, nothing is
    shown unless `is_own`.

    Attributes:
      console: Console of the bar.
    """

    def __init__(
        self, name: str, total: int | None, unit: str, is_own: bool = False
    ) -> None:
        """Prepares a bar.

        Args:
          name: Name of the work.
          total: Total number of units; None: it is passed to `reach`.
          unit: Name of the unit, in the plural.
          is_own: Whether it is shown inside another bar, in place of that one.
        """
        self._name, self._total, self._unit = name, total, unit
        self._is_own = is_own
        self._outer: Bar | None = None
        self.console = console()
        self._progress = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn(f"{unit} {{task.fields[note]}}"),
            rich.progress.TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._progress.add_task(name, total=total, note="")

    def __enter__(self) -> "Bar":
        """Shows the bar."""
        outer = _SHOWN.get()
        self._is_inner = outer is not None and not self._is_own
        self._outer = outer if self._is_own else None
        self._token = _SHOWN.set(self if self._is_own else outer or self)
        if self._outer is not None and self._outer._is_bar:
            self._outer._progress.stop()
        self._begun = self._last = 0
        self._started = self._said = time.monotonic()
        if self._is_bar:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hides the bar."""
        _SHOWN.reset(self._token)
        if self._is_bar:
            self._progress.stop()
        if self._outer is not None and self._outer._is_bar:
            self._outer._progress.start()

    @property
    def _is_bar(self) -> bool:
        return self.console.is_terminal and not self._is_inner

    def reach(
        self, done: int, note: str = "", of: str = "", total: int | None = None
    ) -> None:
        """Shows the number of finished units.

        Args:
          done: Number of finished units, from 0 in each round of the work.
          note: Further text, such as a rate.
          of: Name of the round, such as `epoch 2/6`.
          total: Total number of units, if it was unknown before.
        """
        self._total = self._total if total is None else total
        if self._is_bar:
            named = f"{self._name} {of}" if of else self._name
            self._progress.update(
                self._task,
                description=named,
                completed=done,
                total=self._total,
                note=note,
            )
        elif not self._is_inner:
            self._line(done, note, of)

    def _line(self, done: int, note: str, of: str) -> None:
        now = time.monotonic()
        if done < self._last or self._last == 0:
            # A round begins, or goes on where it was stopped; its first unit, which
            # may compile, is not counted.
            self._begun, self._started = done, now
        self._last = done
        if now - self._said < SECONDS_A_LINE or self._total is None:
            return
        if not self._begun < done < self._total:
            return
        left = (now - self._started) / (done - self._begun) * (self._total - done)
        if left < _SHORT_SECONDS:
            return
        self._said = now
        shown = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
        parts = [
            f"{self._name}{f' {of}' if of else ''}: {done:,} of {self._total:,} "
            f"{self._unit}",
            *([note] if note else []),
            f"about {shown} left",
        ]
        self.console.print(
            ", ".join(parts), highlight=False, markup=False, soft_wrap=True
        )


class Meter(Bar):
    """A progress bar of a training, with examples per second."""

    def __init__(
        self, name: str, epochs: int, steps_per_epoch: int, batch_size: int
    ) -> None:
        """Prepares the bar; it is shown on entering the context."""
        super().__init__(name, steps_per_epoch, "steps")
        self._epochs, self._batch_size = epochs, batch_size
        self._num_steps, self._seconds = 0, 0.0
        self._slowest = (0, 0.0)  # how many steps, and their seconds
        self._made = time.perf_counter()

    def add_steps(self, number: int, seconds: float, epoch: int, step: int) -> None:
        """Adds the steps of a call; the slowest call (which compiles) is left out.

        Args:
          number: Number of steps of the call.
          seconds: Time of the call, with the wait for its input.
          epoch: Number of finished epochs.
          step: Number of finished steps of the current one.
        """
        self._num_steps += number
        self._slowest = max(self._slowest, (number, seconds), key=lambda call: call[1])
        self._seconds += seconds
        rate = f"{self.examples_per_second:,.0f} examples/s"
        self.reach(step, rate, f"epoch {epoch + 1}/{self._epochs}")

    def show_epoch(
        self,
        epoch: int,
        loss: float,
        metrics: Mapping[str, float],
        monitor: str,
        is_best: bool,
    ) -> None:
        """Prints the line of an epoch: the first, the last, and one now and then."""
        now = time.monotonic()
        if 1 < epoch < self._epochs and now - self._said < SECONDS_A_LINE:
            return
        self._said = now
        best = "  (best so far)" if is_best else ""
        validation = f"{_words(metrics, monitor)}, " if monitor else ""
        say(
            f"{self._name} epoch {epoch}/{self._epochs}: loss {loss:.4f}, {validation}"
            f"{self.examples_per_second:,.0f} examples/s{best}"
        )

    def show_start(self, metrics: Mapping[str, float], monitor: str) -> None:
        """Prints the line of the weights that training begins with."""
        say(f"{self._name} before training: {_words(metrics, monitor)}")

    @property
    def examples_per_second(self) -> float:
        """Examples per second, waiting for input included; 0 before the first step."""
        steps = self._num_steps - self._slowest[0]
        seconds = self._seconds - self._slowest[1]
        if steps == 0:  # one call made all: there is no other
            steps, seconds = self._num_steps, self._seconds
        return steps * self._batch_size / max(seconds, 1e-9)

    def facts(self) -> dict[str, Any]:
        """Returns facts about the speed for a manifest."""
        return {
            "examples_per_second": round(self.examples_per_second, 1),
            "seconds": round(time.perf_counter() - self._made, 1),
        }


def _words(metrics: Mapping[str, float], monitor: str) -> str:
    """Returns the monitored metric in words, with its standard error if any."""
    name = monitor.removeprefix("-")
    half = metrics.get(f"{name}_half_interval")
    error = "" if half is None else f" ± {half:.4f}"
    return f"validation {name} {metrics[name]:.4f}{error}"


def through(
    items: Sequence[T], name: str, unit: str, sizes: Sequence[int] | None = None
) -> Iterator[T]:
    """Yields items one by one, and shows the number of finished ones.

    Args:
      items: Items to work through.
      name: Name of the work.
      unit: Name of the unit, in the plural.
      sizes: Number of units of each item; None: one each.
    """
    counted = [1] * len(items) if sizes is None else sizes
    done = 0
    with Bar(name, sum(counted), unit) as bar:
        for item, size in zip(items, counted, strict=True):
            yield item
            done += size
            bar.reach(done)


class Observer(Protocol):
    """Receives the epochs of every training in its block."""

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Called after each epoch, before its checkpoint.

        A training that is killed between the two repeats the epoch and the call, with
        the same numbers. An exception ends the training; its last checkpoint stays.

        Args:
          stage: `candidates` or `ranking`.
          epoch: Number of finished epochs.
          metrics: `loss`, the mean of the epoch, and the validation metrics.
        """


_observers: list[Observer] = []


@contextlib.contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Context in which an observer receives the epochs of this process."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def tell_observers(stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
    """Calls all observers; for arguments see `Observer.on_epoch`."""
    for observer in tuple(_observers):
        observer.on_epoch(stage, epoch, metrics)
