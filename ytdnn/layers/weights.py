"""Saving and loading of weights: a checkpoint in the artefact of either network."""

import contextlib
import contextvars
import pathlib
from collections.abc import Iterator

import tensorflow as tf

from ytdnn.base import artifacts, configs

_FILE = "weights"
_DEVICE: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "device", default=None
)


@contextlib.contextmanager
def written_on(device: str | None) -> Iterator[None]:
    """Context in which one device writes all weights to its disk.

    Args:
      device: Name of the device; None: each device writes its own variables.
    """
    token = _DEVICE.set(device)
    try:
        yield
    finally:
        _DEVICE.reset(token)


def save(model: tf.Module, directory: pathlib.Path) -> None:
    """Writes a model's weights into an artefact directory being published."""
    options = tf.train.CheckpointOptions(experimental_io_device=_DEVICE.get())
    tf.train.Checkpoint(model=model).write(str(directory / _FILE), options)


def restore(model: tf.Module, directory: pathlib.Path) -> None:
    """Loads the weights of an artefact into a model with all variables built."""
    checkpoint = tf.train.Checkpoint(model=model)
    checkpoint.read(str(directory / _FILE)).assert_existing_objects_matched()


def trained_config(
    directory: pathlib.Path, kind: str, data: artifacts.Manifest
) -> configs.Config:
    """Checks an artefact, and returns the config that its model was trained with.

    Args:
      directory: The artefact.
      kind: The kind expected.
      data: Manifest of the prepared set that is used with it.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    manifest = artifacts.read_manifest(directory, kind)
    artifacts.require_input(manifest, directory, data.kind, data)
    return artifacts.read_config(manifest, directory, configs.Config)
