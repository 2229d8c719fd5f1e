"""MLflow (https://mlflow.org): `ytdnn run --tracker=mlflow`.

The experiment is that of `MLFLOW_EXPERIMENT_NAME`, else `ytdnn`.
"""

import os
from collections.abc import Mapping
from typing import Any

from ytdnn.base import errors, registries
from ytdnn.run.pipeline import tracker

_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
_MOST_PARAMS = 100  # of one request to a server
_LONGEST_VALUE = 500  # characters, of servers before MLflow 2.8


@registries.TRACKERS.register("mlflow")
class MLflowTracker:
    """A run of MLflow: settings as parameters, epochs and results as metrics."""

    def __init__(self, run: tracker.TrackedRun) -> None:
        """Begins the run, or goes on with it.

        Raises:
          errors.UserError: MLflow is not installed.
        """
        try:
            from mlflow import tracking
        except ImportError:
            raise errors.UserError(
                "--tracker=mlflow needs MLflow: "
                "pip install -c constraints.txt '.[mlflow]'"
            ) from None
        self._client: Any = tracking.MlflowClient()
        self._run_id = run.known_id or self._begin(run)
        if run.known_id:
            self._client.update_run(self._run_id, status="RUNNING")

    @property
    def run_id(self) -> str:
        """MLflow's id of the run."""
        return self._run_id

    def on_settings(self, settings: Mapping[str, Any]) -> None:
        """Logs the settings; see `tracker.Tracker`."""
        from mlflow import entities

        params = [
            entities.Param(name, str(value)[:_LONGEST_VALUE])
            for name, value in settings.items()
        ]
        for start in range(0, len(params), _MOST_PARAMS):
            part = params[start : start + _MOST_PARAMS]
            self._client.log_batch(self._run_id, params=part)

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Logs the metrics of an epoch; see `progress.Observer`."""
        for name, value in metrics.items():
            key = _key(f"{stage}/{name}")
            self._client.log_metric(self._run_id, key, value, step=epoch)

    def on_results(self, values: Mapping[str, float]) -> None:
        """Logs the results of an evaluation."""
        for name, value in values.items():
            self._client.log_metric(self._run_id, _key(name), value)

    def close(self, is_finished: bool) -> None:
        """Ends the run; one that failed may go on later."""
        status = "FINISHED" if is_finished else "FAILED"
        self._client.set_terminated(self._run_id, status)

    def _begin(self, run: tracker.TrackedRun) -> str:
        """Returns the id of a new run."""
        name = os.environ.get(_EXPERIMENT, "ytdnn")
        experiment = self._client.get_experiment_by_name(name)
        experiment_id = (
            self._client.create_experiment(name)
            if experiment is None
            else experiment.experiment_id
        )
        tags = {"workdir": str(run.directory)}
        created = self._client.create_run(experiment_id, tags=tags, run_name=run.name)
        return created.info.run_id


def _key(name: str) -> str:
    """Returns a name that MLflow takes: it refuses `@`."""
    return name.replace("@", "_at_")
