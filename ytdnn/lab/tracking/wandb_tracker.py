"""Weights & Biases (https://wandb.ai): `ytdnn run --tracker=wandb`.

The project is that of `WANDB_PROJECT`, else `ytdnn`.
"""

import os
import uuid
from collections.abc import Mapping
from typing import Any

from ytdnn.base import errors, registries
from ytdnn.run.pipeline import tracker

_PROJECT = "WANDB_PROJECT"


@registries.TRACKERS.register("wandb")
class WandbTracker:
    """A run of Weights & Biases: settings as its config, epochs by stage."""

    def __init__(self, run: tracker.TrackedRun) -> None:
        """Begins the run, or goes on with it.

        Raises:
          errors.UserError: Weights & Biases is not installed.
        """
        try:
            import wandb
        except ImportError:
            raise errors.UserError(
                "--tracker=wandb needs Weights & Biases: "
                "pip install -c constraints.txt '.[wandb]'"
            ) from None
        self._run_id = run.known_id or uuid.uuid4().hex[:12]
        self._run: Any = wandb.init(
            project=os.environ.get(_PROJECT, "ytdnn"),
            id=self._run_id,
            name=run.name,
            dir=str(run.directory),
            resume="allow",
        )

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run_id

    def on_settings(self, settings: Mapping[str, Any]) -> None:
        """Writes the settings; see `tracker.Tracker`."""
        self._run.config.update(dict(settings), allow_val_change=True)

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Logs the metrics of an epoch; see `progress.Observer`."""
        self._run.define_metric(f"{stage}/*", step_metric=f"{stage}/epoch")
        values = {f"{stage}/{name}": value for name, value in metrics.items()}
        self._run.log(values | {f"{stage}/epoch": epoch})

    def on_results(self, values: Mapping[str, float]) -> None:
        """Writes the results of an evaluation into the summary."""
        self._run.summary.update(dict(values))

    def close(self, is_finished: bool) -> None:
        """Ends the run."""
        self._run.finish(exit_code=0 if is_finished else 1)
