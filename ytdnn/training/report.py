"""The report of a training: progress, rate, TensorBoard's logs, bad numbers."""

import collections
import math
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

import tensorflow as tf

from ytdnn.base import artifacts, configs, errors, progress
from ytdnn.training import checkpoints, devices

_MOST_WEIGHT = 1e9  # products of larger ones leave float32


class Meter:
    """A progress bar with examples per second.

    Use as a context manager around the training.
    """

    def __init__(
        self, name: str, training: configs.TrainingConfig, steps_per_epoch: int
    ) -> None:
        """Prepares the bar; it is shown on entering the context."""
        self._name = name
        self._training = training
        self._bar = progress.Bar(name, steps_per_epoch, "steps")
        self._num_steps, self._seconds = 0, 0.0
        self._slowest = (0, 0.0)  # how many steps, and their seconds

    def __enter__(self) -> "Meter":
        """Shows the bar if the output is a terminal."""
        self._started = time.perf_counter()
        self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hides the bar and prints the last line: steps, time and rate."""
        self._bar.__exit__(kind, error, trace)
        if kind is None and self._num_steps > 0:
            seconds = time.perf_counter() - self._started
            progress.say(
                f"{self._name}: {self._num_steps} steps in {seconds:.0f} s, "
                f"{self.examples_per_second:,.0f} examples/s"
            )

    def add_steps(
        self, number: int, seconds: float, reached: checkpoints.Progress
    ) -> None:
        """Adds the steps of a call; the slowest call (which compiles) is left out.

        Args:
          number: Number of steps of the call.
          seconds: Time of the call, with the wait for its input.
          reached: Progress of the training after the call.
        """
        self._num_steps += number
        self._slowest = max(self._slowest, (number, seconds), key=lambda call: call[1])
        self._seconds += seconds
        rate = f"{self.examples_per_second:,.0f} examples/s"
        epoch = f"epoch {reached.epoch + 1}/{self._training.epochs}"
        self._bar.reach(reached.step_in_epoch, rate, epoch)

    def show_epoch(
        self,
        reached: checkpoints.Progress,
        loss: float,
        metrics: Mapping[str, float],
        monitor: str,
    ) -> None:
        """Prints an epoch's line."""
        is_best = monitor and reached.best_epoch == reached.epoch
        best = "  (best so far)" if is_best else ""
        validation = f"{_words(metrics, monitor)}, " if monitor else ""
        progress.say(
            f"{self._name} epoch {reached.epoch}/{self._training.epochs}: "
            f"loss {loss:.4f}, {validation}"
            f"{self.examples_per_second:,.0f} examples/s{best}"
        )

    def show_start(self, metrics: Mapping[str, float], monitor: str) -> None:
        """Prints the line of the weights that training begins with."""
        progress.say(f"{self._name} before training: {_words(metrics, monitor)}")

    @property
    def examples_per_second(self) -> float:
        """Examples per second, waiting for input included; 0 before the first step."""
        steps = self._num_steps - self._slowest[0]
        seconds = self._seconds - self._slowest[1]
        if steps == 0:  # one call made all: there is no other
            steps, seconds = self._num_steps, self._seconds
        return steps * self._training.batch_size / max(seconds, 1e-9)

    def facts(self) -> dict[str, Any]:
        """Returns facts about the speed for a manifest."""
        return {
            "examples_per_second": round(self.examples_per_second, 1),
            "seconds": round(time.perf_counter() - self._started, 1),
        }


def _words(metrics: Mapping[str, float], monitor: str) -> str:
    """Returns the monitored metric in words, with its standard error if any."""
    name = monitor.removeprefix("-")
    half = metrics.get(f"{name}_half_interval")
    error = "" if half is None else f" ± {half:.4f}"
    return f"validation {name} {metrics[name]:.4f}{error}"


class Logs:
    """TensorBoard scalars of each epoch, under `directory/logs`."""

    def __init__(self, directory: pathlib.Path, writes: bool = True) -> None:
        """Opens the log; its file appears with the first write.

        Args:
          directory: Directory of the training.
          writes: Whether this process writes it; with several processes, only the chief
            does.
        """
        place = str(directory / artifacts.LOGS)
        self._writer = (
            tf.summary.create_file_writer(place)
            if writes
            else tf.summary.create_noop_writer()
        )

    def write(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Writes the scalars of an epoch (counted from 1)."""
        with self._writer.as_default(step=epoch):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)
        self._writer.flush()


class FiniteGuard:
    """Checks every step's loss, and the weights before they are checkpointed.

    So the latest checkpoint always has finite weights. A loss is read only after
    `lag` more steps have been started.
    """

    def __init__(
        self,
        name: str,
        model: tf.keras.Model,
        describe_latest: Callable[[], str],
        on: devices.OneDevice,
    ) -> None:
        """Creates the guard, before the first step.

        Args:
          name: Name of the stage, for the error.
          model: Model with the weights.
          describe_latest: Function that returns the place of the latest checkpoint.
          on: Devices that the losses are read from.
        """
        self._on = on
        self._describe_latest = describe_latest
        self._name = name
        self._model = model
        self._unread: collections.deque[tuple[str, Any, Mapping[str, Any]]] = (
            collections.deque()
        )

    def watch(self, place: str, loss: Any, batch: Mapping[str, Any]) -> None:
        """Records a step's loss, and checks the loss of an earlier step.

        Args:
          place: Step in words.
          loss: Loss as the steps of the devices return it.
          batch: Batch of the step.

        Raises:
          errors.UserError: The loss of the earlier step is not finite.
        """
        self._settle(self._on.lag - 1)
        self._unread.append((place, loss, batch))

    def _settle(self, most: int = 0) -> None:
        """Checks recorded losses, the oldest first, until `most` are unchecked."""
        while len(self._unread) > most:
            place, unread, batch = self._unread.popleft()
            loss = self._on.value(unread)
            if loss is not None and not tf.math.is_finite(loss):
                values = [*batch.items(), *self._weights()]
                culprits = [name for name, value in values if _is_bad(value)]
                raise self._error("loss is not a number", place, culprits)

    def check_weights(self, place: str) -> None:
        """Checks the last losses and all weights, before they are saved.

        Raises:
          errors.UserError: A loss or weight is not finite.
        """
        self._settle()
        culprits = [name for name, v in self._weights() if _is_bad(v, _MOST_WEIGHT)]
        if culprits:
            what = f"weights are not numbers below {_MOST_WEIGHT:g}"
            raise self._error(what, place, culprits)

    def _weights(self) -> list[tuple[str, Any]]:
        return [(v.name.removesuffix(":0"), v) for v in self._model.variables]

    def _error(self, what: str, place: str, names: Iterable[str]) -> errors.UserError:
        culprits = ", ".join(names) or "none of inputs and weights, so the loss itself"
        return errors.UserError(
            f"the {self._name} {what} at {place} ({culprits}): lower "
            f"training.learning_rate or table_learning_rate, or set "
            f"training.clip_norm; {self._describe_latest()}"
        )


def _is_bad(value: Any, most: float = math.inf) -> bool:
    """Whether a value is not finite, or above `most` in size."""
    parts = getattr(value, "values", (value,))  # one for each replica
    return any(_exceeds(part, most) for part in parts if part.dtype.is_floating)


def _exceeds(part: Any, most: float) -> bool:
    with tf.device(part.device):  # a parameter server looks at its own
        return not bool(tf.reduce_all(tf.abs(part) < most))
