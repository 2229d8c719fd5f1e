"""The results of single windows, computed by another process, and their files.

A process that helps opens the run by itself and computes one window at a time, with the
users that the window has in the process that writes the report.
"""

import functools
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.evaluation import by_window, list_metrics, lists, ranker, run_systems
from ytdnn.log import events
from ytdnn.ranking import predictions

_KEYS = "keys"  # of the arrays, as JSON
_Arrays = Iterator[tuple[list[str], npt.NDArray[Any]]]


class _OnePart:
    """Computes the results of one part only; see `by_window.Work`."""

    number: int = 0

    def __call__(
        self, name: str, parts: Sequence[slice], make: by_window.Make
    ) -> list[by_window.Results]:
        del name
        return [make(parts[self.number])]


class WindowResults:
    """Computes the results of a run's windows, one at a time."""

    def __init__(
        self,
        workdir: pathlib.Path,
        config: configs.Config,
        split: str = "test",
        stage: str = "",
    ) -> None:
        """Opens the run.

        Args:
          workdir: Directory of the run, trained.
          config: Config of the run.
          split: Evaluated split, `test` or `validation`.
          stage: `candidates` or `ranking`: only that stage; empty: both.

        Raises:
          errors.UserError: An artefact is missing or stale.
        """
        self._evaluation = config.evaluation
        self._split, self._part = events.Split[split.upper()], _OnePart()
        loaded = run_systems.load(workdir, config, stage)
        self._run = run_systems.build(loaded, config, self._split, self._part)

    def __call__(self, name: str, number: int) -> by_window.Results:
        """Returns the results of a window.

        Args:
          name: `by_window.LISTS` or `by_window.PREDICTIONS`.
          number: Number of the window.
        """
        self._part.number = number
        run = self._run
        try:
            if name == by_window.PREDICTIONS:
                asked = run.systems.every_scorer
                return ranker.scored(run.data, self._impressions, asked, run.windows)
            made = run.systems.makers
            length = list_metrics.Context(run.data, run.cases, self._evaluation).length
            return lists.made(run.data, run.cases, made, length, run.windows)
        finally:
            run.windows.close()

    @functools.cached_property
    def _impressions(self) -> ranker.SplitImpressions:
        return ranker.of_part(self._run.data, self._split, self._evaluation)


def write(results: by_window.Results, path: pathlib.Path) -> None:
    """Writes the results of a window.

    Args:
      results: Arrays or `Predictions` by the name of a system.
      path: The file.
    """
    found = list(_arrays(results))
    keys = np.array(json.dumps([key for key, _ in found]))
    with open(path, "wb") as file:
        arrays = {str(place): values for place, (_, values) in enumerate(found)}
        np.savez(file, allow_pickle=False, **{_KEYS: keys}, **arrays)


def read(path: pathlib.Path) -> by_window.Results:
    """Returns the results of a window that were written.

    Args:
      path: The file.
    """
    found: by_window.Results = {}
    with np.load(path, allow_pickle=False) as arrays:
        for place, (name, *field) in enumerate(json.loads(str(arrays[_KEYS]))):
            values = arrays[str(place)]
            if not field:
                found[name] = values
            elif len(field) == 1:
                found.setdefault(name, {})[field[0]] = values
            else:
                of_field = found.setdefault(name, {}).setdefault(field[0], {})
                of_field[field[1]] = values
    return {
        name: predictions.Predictions(**values) if isinstance(values, dict) else values
        for name, values in found.items()
    }


def _arrays(results: by_window.Results) -> _Arrays:
    """Yields each array with its system, and the field of `Predictions` it is of."""
    for name, values in results.items():
        if not isinstance(values, predictions.Predictions):
            yield [name], values
            continue
        for field, of_field in vars(values).items():
            if isinstance(of_field, Mapping):
                for key, array in of_field.items():
                    yield [name, field, key], np.asarray(array)
            elif of_field is not None:
                yield [name, field], np.asarray(of_field)
