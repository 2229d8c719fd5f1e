"""The interface of experiment trackers, and the context that reports a run to one.

The tracker's own variables set its server, such as `MLFLOW_TRACKING_URI` or
`WANDB_BASE_URL`. The tracker's id of the run is saved in the workdir, so that a command
that was killed and is started again continues it.
"""

import contextlib
import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ytdnn.base import artifacts, configs, errors, progress, registries

if TYPE_CHECKING:
    from ytdnn.evaluation import report_types

FILE = "trackers.json"
"""File in the workdir with the id of the run, by tracker."""


@dataclasses.dataclass(frozen=True)
class TrackedRun:
    """The identity of a run for trackers.

    Attributes:
      name: Name of the workdir.
      directory: The workdir.
      known_id: Id of an earlier command in the tracker; empty: the run is new.
    """

    name: str
    directory: pathlib.Path
    known_id: str = ""


class Tracker(progress.Observer, Protocol):
    """Receives the events of a run; a registered factory makes it of a `TrackedRun`."""

    @property
    def run_id(self) -> str:
        """The tracker's id of the run, to continue it later."""

    def on_settings(self, settings: Mapping[str, Any]) -> None:
        """Called with all settings before the first epoch or result.

        Args:
          settings: Every setting by its full name, such as `candidates.embedding_dim`;
            settings that follow the size of the log have the chosen values.
        """

    def on_results(self, values: Mapping[str, float]) -> None:
        """Called with the results of an evaluation, by name.

        Args:
          values: Finite values by names such as `test/candidates/ndcg@10`.
        """

    def close(self, is_finished: bool) -> None:
        """Called at the end.

        Args:
          is_finished: Whether the command has succeeded.
        """


@contextlib.contextmanager
def tracked(
    name: str,
    directory: pathlib.Path,
    resolve: Callable[[], configs.Config],
    run_name: str = "",
) -> Iterator[Tracker | None]:
    """Context that reports trainings to a tracker.

    Args:
      name: Name of the tracker; empty: no tracker, and None is yielded.
      directory: The workdir.
      resolve: Function that returns the config of the run, once its log is prepared.
      run_name: Display name of the run; empty: that of the workdir.

    Raises:
      errors.UserError: The tracker is unknown, its package is not installed, or it
        refuses the run.
    """
    if not name:
        yield None
        return
    path = directory / FILE
    ids = json.loads(path.read_text()) if path.exists() else {}
    run_name = run_name or directory.resolve().name
    run = TrackedRun(run_name, directory, ids.get(name, ""))
    try:
        made = registries.TRACKERS[name].make(run)
    except errors.UserError:
        raise
    except Exception as error:  # whatever a server or its client raises
        raise errors.UserError(
            f"expected the tracker {name} to accept the run, received "
            f"{errors.one_line(str(error))}: correct its variables of the environment, "
            f"or leave --tracker out"
        ) from None
    tracker: Any = _Patient(name, made, resolve)
    directory.mkdir(parents=True, exist_ok=True)
    artifacts.write_json(path, ids | {name: tracker.run_id})
    is_finished = False
    try:
        with progress.observed_by(tracker):
            yield tracker
        is_finished = True
    finally:
        tracker.close(is_finished)


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested settings by their full names.

    >>> flat({"ranking": {"dropout": 0.3}, "seed": 0})
    {'ranking.dropout': 0.3, 'seed': 0}

    Args:
      settings: See `configs.to_dict`.
      prefix: Name of the section of the settings.
    """
    values: dict[str, Any] = {}
    for name, value in settings.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            values |= flat(value, f"{key}.")
        else:
            values[key] = value
    return values


def results(report: "report_types.Report", split: str) -> dict[str, float]:
    """Returns the finite numbers of a report by name.

    Args:
      report: An evaluation.
      split: Split that was evaluated.
    """
    return {
        f"{split}/{system}/{metric}": value
        for part in (report.lists, report.impressions)
        for system, entry in part.items()
        for metric, value in entry.values.items()
        if value is not None and math.isfinite(value)
    }


class _Patient:
    """Forwards all calls; a failure of the tracker is reported once and ignored."""

    def __init__(
        self, name: str, tracker: Tracker, resolve: Callable[[], configs.Config]
    ) -> None:
        self._name, self._tracker, self._has_failed = name, tracker, False
        self._resolve: Callable[[], configs.Config] | None = resolve
        self.run_id = tracker.run_id

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Returns the method of that name of the tracker."""

        def call(*arguments: Any) -> None:
            if name in ("on_epoch", "on_results") and self._resolve is not None:
                resolve, self._resolve = self._resolve, None
                self._try("on_settings", flat(configs.to_dict(resolve())))
            self._try(name, *arguments)

        return call

    def _try(self, name: str, *arguments: Any) -> None:
        try:
            getattr(self._tracker, name)(*arguments)
        except Exception as error:  # whatever a server or its client raises
            if not self._has_failed:
                progress.say(
                    f"note: the tracker {self._name} failed "
                    f"({errors.one_line(str(error))}): the run goes on without it"
                )
            self._has_failed = True
