"""What every benchmark measures with: interleaved medians, and the machine's rate.

Compared things run in turns, so that other work on the machine slows all alike, and
medians are compared. Run benchmarks from the root: `python -m
experiments.benchmarks.NAME`.
"""

import dataclasses
import datetime
import functools
import os
import platform
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Product:
    """A matrix product `[rows, inner] · [inner, columns]`, perhaps of transposes."""

    rows: int
    inner: int
    columns: int
    transpose_a: bool = False
    transpose_b: bool = False

    @property
    def flops(self) -> float:
        """Multiplications and additions."""
        return 2.0 * self.rows * self.inner * self.columns

    def runner(self, dtype: str) -> Callable[[], tf.Tensor]:
        """Returns what makes the product once."""
        a = [self.inner, self.rows] if self.transpose_a else [self.rows, self.inner]
        b = (
            [self.columns, self.inner]
            if self.transpose_b
            else [self.inner, self.columns]
        )
        left = tf.cast(tf.random.stateless_normal(a, [0, 1]), dtype)
        right = tf.cast(tf.random.stateless_normal(b, [0, 2]), dtype)
        return functools.partial(
            tf.matmul,
            left,
            right,
            transpose_a=self.transpose_a,
            transpose_b=self.transpose_b,
        )


def with_gradients(rows: int, inner: int, columns: int) -> list[Product]:
    """Returns the product of `[rows, inner]` inputs and weights, and its gradients."""
    return [
        Product(rows, inner, columns),
        Product(rows, columns, inner, transpose_b=True),
        Product(inner, rows, columns, transpose_a=True),
    ]


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repeats: int, warm_up: int = 2
) -> dict[str, float]:
    """Returns the median seconds of each function, run in turns.

    Args:
      functions: What to time; must have finished when it returns.
      repeats: Turns counted.
      warm_up: Turns before that.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(warm_up + repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            if turn >= warm_up:
                times[name].append(time.perf_counter() - started)
    return {name: float(np.median(values)) for name, values in times.items()}


def peak_gigabytes() -> float:
    """Returns the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def environment() -> str:
    """Returns date, machine and versions in one line."""
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores of {_processor()}, "
        f"TensorFlow {tf.__version__}, load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
