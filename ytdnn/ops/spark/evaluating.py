"""Computes the windows of an evaluation on Spark, one task for each window.

A process of Spark opens the run by the driver's path, once, and computes the windows
that Spark gives it by the functions of one machine. It writes their results into a
directory that all machines reach, from which the driver reads them in order.
"""

import dataclasses
import functools
import os
import pathlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pyspark.sql

from ytdnn.base import configs, formats, progress
from ytdnn.evaluation import by_window, window_results
from ytdnn.ops.spark import parts as spark_parts


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation, as each process of Spark opens it.

    Attributes:
      here: Working directory of the driver, for relative paths.
      workdir: Directory of the run.
      config: Config of the run, as `configs.to_dict` returns it.
      split: Evaluated split.
      stage: Evaluated stage; empty: both.
      token: Unique text, so that a process opens the run of each evaluation anew.
    """

    @classmethod
    def from_config(
        cls, workdir: pathlib.Path, config: configs.Config, split: str, stage: str
    ) -> "Evaluation":
        """Returns the evaluation of a run; see `evaluate_run.evaluate`."""
        return cls(
            here=pathlib.Path.cwd(),
            workdir=workdir.absolute(),
            config=configs.to_dict(config),
            split=split,
            stage=stage,
            token=uuid.uuid4().hex,
        )

    here: pathlib.Path
    workdir: pathlib.Path
    config: dict[str, Any] = dataclasses.field(hash=False)
    split: str
    stage: str
    token: str


@dataclasses.dataclass(frozen=True)
class _Window:
    """Writes the results of a window, in a process of Spark."""

    evaluation: Evaluation
    name: str

    def __call__(self, number: int, path: pathlib.Path) -> None:
        """Computes a window and writes its results."""
        os.chdir(self.evaluation.here)
        with progress.shown(False):
            results = _opened(self.evaluation)(self.name, number)
        window_results.write(results, path)


@functools.lru_cache(maxsize=1)
def _opened(evaluation: Evaluation) -> window_results.WindowResults:
    """Opens the run of an evaluation, once in each process of Spark."""
    config = configs.from_dict(evaluation.config)
    return window_results.WindowResults(
        evaluation.workdir, config, evaluation.split, evaluation.stage
    )


class SparkWork:
    """Computes the results of windows on Spark; see `by_window.Work`."""

    def __init__(
        self,
        session: pyspark.sql.SparkSession,
        evaluation: Evaluation,
        scratch: pathlib.Path,
    ) -> None:
        """Stores the session.

        Args:
          session: Spark's session.
          evaluation: The evaluation.
          scratch: An empty directory that all machines reach; the caller removes it.
        """
        self._session, self._scratch = session, scratch
        self._evaluation = evaluation

    def __call__(
        self, name: str, parts: Sequence[slice], make: by_window.Make
    ) -> Iterator[by_window.Results]:
        """Yields the results of each part, in order; see `by_window.Work`."""
        del make  # of this process
        number = formats.counted(len(parts), "window")
        divide = " (lower evaluation.window_events for more)" * (len(parts) == 1)
        progress.say(f"{name}: {number} on Spark, a task each{divide}")
        directory = self._scratch / name
        directory.mkdir()
        window = _Window(self._evaluation, name)
        files = spark_parts.written(
            self._session, len(parts), window, directory, ".npz"
        )
        for file in files:
            yield window_results.read(file)
            file.unlink()
