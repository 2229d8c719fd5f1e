"""The report of a training: progress, rate, the bottleneck, and TensorBoard's logs."""

import collections
import pathlib
import statistics
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import tensorflow as tf

from ytdnn.base import artifacts, configs, progress
from ytdnn.training import checkpoints

_RECENT = 5  # steps


class Meter:
    """A progress bar with examples per second, and the time of each part of a step.

    Use as a context manager around the training.
    """

    def __init__(
        self, name: str, training: configs.TrainingConfig, steps_per_epoch: int
    ) -> None:
        """Prepares the bar; it is shown on entering the context."""
        self._name = name
        self._training = training
        self._bar = progress.Bar(name, steps_per_epoch, "steps")
        self.wait_seconds = 0.0
        self.step_seconds = 0.0
        self.validation_seconds = 0.0
        self.forward_backward_share: float | None = None
        self.num_steps = 0
        self._slowest = (0, 0.0)  # how many steps, and their seconds
        self._recent: collections.deque[float] = collections.deque(maxlen=_RECENT)

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
        """Hides the bar and names the bottleneck."""
        self._bar.__exit__(kind, error, trace)
        if kind is None and self.num_steps > 0:
            progress.say(self.summary())

    def add_wait(self, seconds: float) -> None:
        """Adds the time spent waiting for a batch."""
        self.wait_seconds += seconds

    def add_steps(
        self, number: int, seconds: float, reached: checkpoints.Progress
    ) -> None:
        """Adds the steps of a call; the slowest call (which compiles) is left out.

        Args:
          number: Number of steps of the call.
          seconds: Time of the call.
          reached: Progress of the training after the call.
        """
        self.num_steps += number
        self._slowest = max(self._slowest, (number, seconds), key=lambda call: call[1])
        self.step_seconds += seconds
        self._recent.append(seconds / number)
        rate = f"{self.examples_per_second:,.0f} examples/s"
        epoch = f"epoch {reached.epoch + 1}/{self._training.epochs}"
        self._bar.reach(reached.step_in_epoch, rate, epoch)

    def time_validation(
        self, validate: Callable[[], dict[str, float]]
    ) -> dict[str, float]:
        """Runs a validation and counts its time."""
        started = time.perf_counter()
        metrics = validate()
        self.validation_seconds += time.perf_counter() - started
        return metrics

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
        if self.num_steps == 0:
            return 0.0
        left_out, seconds_left_out = self._slowest
        if left_out == self.num_steps:  # one call made all: there is no other
            left_out, seconds_left_out = 0, 0.0
        steps = self.num_steps - left_out
        seconds = self.step_seconds - seconds_left_out + self.wait_seconds
        return steps * self._training.batch_size / max(seconds, 1e-9)

    def probe(self, forward_backward_seconds: float) -> None:
        """Records the time of a step without its update, measured just before.

        The time is compared with the last steps only: the first one compiles, and on a
        shared machine earlier ones may have run under another load.
        """
        recent = max(1e-9, statistics.median(self._recent))
        self.forward_backward_share = forward_backward_seconds / recent

    def shares(self) -> dict[str, float]:
        """Returns the share of each part of training time.

        `forward_backward` is the forward and backward pass, `tables` the update of
        tables and tower; a step timed without its update separates the two. Where a
        call makes several steps, the wait for their input is not measured separately.
        """
        step = max(1e-9, self.step_seconds - self._slowest[1])
        total = step + self.wait_seconds
        forward_backward = min(1.0, self.forward_backward_share or 1.0)
        if self._training.steps_per_execution > 1:
            return {
                "forward_backward": forward_backward,
                "tables_and_input": 1.0 - forward_backward,
            }
        return {
            "input": self.wait_seconds / total,
            "forward_backward": forward_backward * step / total,
            "tables": (1.0 - forward_backward) * step / total,
        }

    def summary(self) -> str:
        """Returns the last line: rate, time, and the name of the bottleneck."""
        shares = self.shares()
        bottleneck = max(shares, key=lambda name: shares[name])
        parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        seconds = time.perf_counter() - self._started
        return (
            f"{self._name}: {self.num_steps} steps in {seconds:.0f} s, "
            f"{self.examples_per_second:,.0f} examples/s; bottleneck: {bottleneck} "
            f"({parts})"
        )

    def facts(self) -> dict[str, Any]:
        """Returns facts about the speed for a manifest."""
        return {
            "examples_per_second": round(self.examples_per_second, 1),
            "seconds": round(time.perf_counter() - self._started, 1),
            "time_shares": {k: round(v, 3) for k, v in self.shares().items()},
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
        """Writes the scalars of an epoch (counted from 0)."""
        with self._writer.as_default(step=epoch + 1):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)
        self._writer.flush()
