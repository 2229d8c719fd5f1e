"""Saving and loading of weights: a checkpoint in the artefact of either network."""

import pathlib

import tensorflow as tf

from ytdnn.base import artifacts, configs

_FILE = "weights"


def save(model: tf.Module, directory: pathlib.Path) -> None:
    """Writes a model's weights into an artefact directory being published."""
    tf.train.Checkpoint(model=model).write(str(directory / _FILE))


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
