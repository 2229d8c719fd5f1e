"""Checkpoints: the latest state to resume from, the best weights to keep."""

import dataclasses
import json
import math
import pathlib
import shutil
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ytdnn.base import artifacts, configs, errors
from ytdnn.base import progress as progress_room
from ytdnn.training import devices

if TYPE_CHECKING:
    from ytdnn.training import checkpoint_store, uploads

_LATEST, _BEST = "latest", "best"
_TEXT = "progress/.ATTRIBUTES/VARIABLE_VALUE"
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

    def is_over(
        self, training: configs.TrainingConfig, stop_after: int | None = None
    ) -> bool:
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
    """Saves and restores the state of one training.

    Use it as a context manager around the training: at its end it waits for the uploads
    to the object store, if there is one.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        model: tf.keras.Model,
        optimizer: tf.keras.optimizers.legacy.Optimizer,
        on: devices.OneDevice,
        store: "checkpoint_store.Store | None" = None,
    ) -> None:
        """Opens the checkpoints of `directory`, which may be empty.

        With several workers, all must call it together if there is a store.

        Args:
          directory: Directory of the training.
          model: Model with the variables.
          optimizer: Optimiser with the state.
          on: Devices; of several processes only the chief writes.
          store: Object store with copies; a newer one than that of `directory` is
            fetched first.

        Raises:
          errors.LostProcessError: The store cannot be read.
        """
        self._writes = on.writes
        directory = directory.absolute()  # parameter servers write their own parts
        self._uploads: uploads.Uploads | None = None
        if store is not None:
            if on.writes:
                self._uploads = _brought_up_to_date(store, directory)
            on.agreed([0.0])  # the other workers read what the chief has fetched
        self._options = tf.train.CheckpointOptions(
            experimental_io_device=on.saving_device
        )
        self._progress_text = tf.Variable("", dtype=tf.string, trainable=False)
        latest = tf.train.Checkpoint(
            model=model, optimizer=optimizer, progress=self._progress_text
        )
        best = tf.train.Checkpoint(model=model)
        self._latest = tf.train.CheckpointManager(
            latest, str(directory / _LATEST), max_to_keep=1
        )
        self._best = tf.train.CheckpointManager(
            best, str(directory / _BEST), max_to_keep=1
        )

    def __enter__(self) -> "Keeper":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Waits for the uploads; a training that ended early waits 20 seconds."""
        if self._uploads is not None:
            self._uploads.finish(is_ended=kind is not None)
            progress_room.say(self._uploads.describe())

    def restore(self) -> Progress:
        """Restores the latest state; a fresh `Progress` when there is none."""
        path = self._latest.latest_checkpoint
        if path is None:
            return Progress()
        self._latest.checkpoint.restore(path, self._options)
        return Progress(**json.loads(self._progress_text.numpy()))

    def save(self, progress: Progress) -> None:
        """Saves the state to resume from."""
        if not self._writes:
            return
        self._progress_text.assign(json.dumps(dataclasses.asdict(progress)))
        self._latest.save(options=self._options)
        if self._uploads is not None:
            self._uploads.add((progress.epoch, progress.step_in_epoch))

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
        self.keep_if_best(progress, metrics, monitor)

    def keep_if_best(
        self, progress: Progress, metrics: Mapping[str, float], monitor: str
    ) -> None:
        """Saves the model's weights if they are the best so far.

        Args:
          progress: Progress, changed in place.
          metrics: Validation metrics of the weights.
          monitor: See `finish_epoch`.
        """
        value = _monitored(metrics, monitor) if monitor else float(progress.epoch)
        is_first = progress.best_value == -math.inf
        if value > progress.best_value or is_first:
            progress.best_epoch = progress.epoch
            progress.best_value = value
            progress.best_metrics = dict(metrics)
            if self._writes:
                self._best.save(options=self._options)

    def restore_best(self) -> None:
        """Restores the weights of the best epoch into the model."""
        path = self._best.latest_checkpoint
        if path is not None:
            self._best.checkpoint.restore(path, self._options)


def _brought_up_to_date(
    store: "checkpoint_store.Store", directory: pathlib.Path
) -> "uploads.Uploads":
    """Fetches the store's checkpoint into a directory, or uploads a newer one there."""
    from ytdnn.training import uploads

    uploading = uploads.Uploads(store, directory)
    own = _reached(directory)
    kept = _fetched(store, directory, newer_than=own)
    if own is not None and (kept is None or kept < own):
        uploading.add(own)
    return uploading


def _fetched(
    store: "checkpoint_store.Store",
    directory: pathlib.Path,
    newer_than: tuple[int, int] | None,
) -> tuple[int, int] | None:
    """Returns the progress of a store's newest checkpoint, which is fetched if newer.

    Raises:
      errors.LostProcessError: The store cannot be read.
    """
    from ytdnn.training import checkpoint_store

    def fetch() -> tuple[int, int] | None:
        kept = store.latest()
        if kept is None:
            return None
        if newer_than is None or kept.reached > newer_than:
            store.fetch(kept, directory)
            progress_room.say(
                f"checkpoints: fetched from {store.url}, {kept.describe()}"
            )
        return kept.reached

    try:
        return checkpoint_store.retried(fetch)
    except Exception as error:  # whatever the package of a store raises
        raise errors.LostProcessError(
            f"expected to read the checkpoints at {store.url}, could not "
            f"({checkpoint_store.brief(error)}): the same command tries again; without "
            f"{checkpoint_store.SETTING} the training does not resume from there"
        ) from None


def _reached(directory: pathlib.Path) -> tuple[int, int] | None:
    """Returns finished epochs, and steps of the next one; None: no checkpoint."""
    path = tf.train.latest_checkpoint(str(directory / _LATEST))
    if path is None:
        return None
    found = json.loads(tf.train.load_checkpoint(path).get_tensor(_TEXT))
    return found["epoch"], found["step_in_epoch"]


def _monitored(metrics: Mapping[str, float], monitor: str) -> float:
    sign = -1.0 if monitor.startswith("-") else 1.0
    return sign * metrics[monitor.removeprefix("-")]


def workspace(
    artefact: pathlib.Path,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    writes: bool = True,
) -> pathlib.Path:
    """Returns the hidden directory in which `artefact` is being trained.

    Its content is kept, to be resumed, if it was made from the same config and inputs,
    and removed otherwise, by the process that `writes` (with several, the chief).
    """
    directory = artefact.with_name(f".{artefact.name}.training")
    if not writes:
        return directory
    made_from = {"key": _key(config, inputs)}
    path = directory / _MADE_FROM
    if not path.exists() or json.loads(path.read_text()) != made_from:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        artifacts.write_json(path, made_from)
    return directory


def _key(config: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    return artifacts.fingerprint([dict(config), dict(inputs)])


def store(
    url: str,
    artefact: pathlib.Path,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> "checkpoint_store.Store | None":
    """Returns the folder of a training on an object store.

    Args:
      url: Address of the store (`cluster.checkpoints`); empty: there is none.
      artefact: Directory of the artefact that is trained.
      config: Part of the config that the artefact depends on.
      inputs: Fingerprints of its inputs.

    Raises:
      errors.UserError: The address is none, or its package is missing.
    """
    if not url:
        return None
    from ytdnn.training import checkpoint_store

    return checkpoint_store.opened(url, artefact.name, _key(config, inputs))
