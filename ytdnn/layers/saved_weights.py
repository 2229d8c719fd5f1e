"""Saving and loading of weights: a checkpoint in the artefact of either network."""

import pathlib

import tensorflow as tf

from ytdnn.base import artifacts, configs, errors

_FILE = "weights"


def save(model: tf.Module, directory: pathlib.Path) -> None:
    """Writes a model's weights into an artefact directory being published."""
    tf.train.Checkpoint(model=model).write(str(directory / _FILE))


def restore(model: tf.Module, directory: pathlib.Path) -> None:
    """Loads the weights of an artefact into a model with all variables built.

    Raises:
      errors.UserError: They have other shapes, as those of an earlier version.
    """
    checkpoint = tf.train.Checkpoint(model=model)
    try:
        read = checkpoint.read(str(directory / _FILE))
    except ValueError as error:
        raise errors.UserError(
            f"expected weights of this version's shapes in {directory}, found those of "
            f"an earlier one",
            "delete it and run `ytdnn train`",
        ) from error
    read.assert_existing_objects_matched()


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
