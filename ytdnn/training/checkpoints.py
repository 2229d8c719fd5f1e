"""Checkpoints: the latest state to resume from, the best weights to keep."""

import dataclasses
import json
import math
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ytdnn.base import artifacts, configs

Path = pathlib.Path

Training = configs.TrainingConfig

_LATEST, _BEST = "latest", "best"
_MADE_FROM = "made_from.json"


@dataclasses.dataclass
class Progress:
    """The progress of a training.

    Attributes:
      epoch: Number of finished epochs.
      step_in_epoch: Number of finished steps of the current epoch.
      best_epoch: Epoch (from 1) with the best validation, or the last where nothing is
        held out; 0: none yet, or the initial weights.
      best_value: Monitored value of that epoch, higher is better; -inf: none yet.
      best_metrics: All validation metrics of that epoch.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    best_epoch: int = 0
    best_value: float = -math.inf
    best_metrics: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Whether there was no step and no validation yet."""
        started = self.epoch or self.step_in_epoch
        return not started and self.best_value == -math.inf

    def is_over(self, training: Training, stop_after: int | None = None) -> bool:
        """Whether all epochs are done, or the last `patience` epochs had no gain.

        Args:
          training: Settings of the optimisation.
          stop_after: Number of epochs, if it was chosen earlier; None: it was not.
        """
        if stop_after is not None:
            return self.epoch >= stop_after
        stale = self.epoch - self.best_epoch
        return self.epoch >= training.epochs or stale >= training.patience

    def facts(self) -> dict[str, Any]:
        """Returns facts about the training for a manifest."""
        return {
            "epochs": self.epoch,
            "best_epoch": self.best_epoch,
            "validation": self.best_metrics,
        }


class Keeper:
    """Saves and restores the state of one training."""

    def __init__(
        self,
        directory: Path,
        model: tf.keras.Model,
        optimizer: tf.keras.optimizers.legacy.Optimizer,
        writes: bool = True,
    ) -> None:
        """Opens the checkpoints of `directory`, which may be empty.

        Args:
          directory: Directory of the training.
          model: Model with the variables.
          optimizer: Optimiser with the state.
          writes: Whether this process writes; of several, only the chief does.
        """
        self._writes = writes
        directory = directory.absolute()  # parameter servers write their own parts
        self._progress_text = tf.Variable("", dtype=tf.string, trainable=False)
        latest = tf.train.Checkpoint(
            model=model, optimizer=optimizer, progress=self._progress_text
        )
        best = tf.train.Checkpoint(model=model)
        self._latest, self._best = (
            tf.train.CheckpointManager(checkpoint, str(directory / name), max_to_keep=1)
            for checkpoint, name in ((latest, _LATEST), (best, _BEST))
        )

    def restore(self) -> Progress:
        """Restores the latest state; a fresh `Progress` when there is none."""
        path = self._latest.latest_checkpoint
        if path is None:
            return Progress()
        self._latest.checkpoint.restore(path)
        return Progress(**json.loads(self._progress_text.numpy()))

    def save(self, progress: Progress) -> None:
        """Saves the state to resume from."""
        if not self._writes:
            return
        self._progress_text.assign(json.dumps(dataclasses.asdict(progress)))
        self._latest.save()

    def describe_latest(self) -> str:
        """Returns where the latest state is kept, in words."""
        path = self._latest.latest_checkpoint
        if path is None:
            return "no checkpoint was made yet"
        return f"the last good checkpoint is kept at {path}"

    def finish_epoch(
        self, progress: Progress, metrics: Mapping[str, float], monitor: str
    ) -> None:
        """Counts an epoch and saves the model's weights if they are the best.

        Args:
          progress: Progress, changed in place.
          metrics: The epoch's validation metrics.
          monitor: Metric that decides; "-name" where less is better; empty: the last
            epoch counts as the best.
        """
        progress.epoch += 1
        progress.step_in_epoch = 0
        self.keep_if_best(progress, metrics, monitor, progress.epoch)

    def keep_if_best(
        self, progress: Progress, metrics: Mapping[str, float], monitor: str, epoch: int
    ) -> None:
        """Saves the model's weights if they are the best so far.

        Args:
          progress: Progress, changed in place.
          metrics: Validation metrics of the weights.
          monitor: See `finish_epoch`.
          epoch: Epoch (from 1) that the weights are of; 0: the initial ones.
        """
        value = _monitored(metrics, monitor) if monitor else float(progress.epoch)
        is_first = progress.best_value == -math.inf
        if value > progress.best_value or is_first:
            progress.best_epoch = epoch
            progress.best_value = value
            progress.best_metrics = dict(metrics)
            if self._writes:
                self._best.save()

    def restore_best(self) -> None:
        """Restores the weights of the best epoch into the model."""
        path = self._best.latest_checkpoint
        if path is not None:
            self._best.checkpoint.restore(path)


def exists(directory: Path) -> bool:
    """Returns whether a training has a state to resume from."""
    return tf.train.latest_checkpoint(str(directory / _LATEST)) is not None


def _monitored(metrics: Mapping[str, float], monitor: str) -> float:
    sign = -1.0 if monitor.startswith("-") else 1.0
    return sign * metrics[monitor.removeprefix("-")]


def workspace(
    artefact: Path,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    writes: bool = True,
) -> Path:
    """Returns the hidden directory in which `artefact` is being trained.

    Its content is kept, to be resumed, if it was made from the same config and inputs,
    and removed otherwise, by the process that `writes` (with several, the chief).
    """
    directory = artefact.with_name(f".{artefact.name}.training")
    if not writes:
        return directory
    made_from, path = _made_from(config, inputs), directory / _MADE_FROM
    if not path.exists() or json.loads(path.read_text()) != made_from:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        artifacts.write_json(path, made_from)
    return directory


def adopt(
    place: Path, artefact: Path, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> None:
    """Moves a paused training to the `workspace` of an artefact, which resumes it."""
    directory = workspace(artefact, config, inputs)
    shutil.rmtree(directory)
    artifacts.write_json(place / _MADE_FROM, _made_from(config, inputs))
    place.rename(directory)


def _made_from(config: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
    return {"key": artifacts.fingerprint([dict(config), dict(inputs)])}
