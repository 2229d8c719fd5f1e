"""Trained candidates in the artefact `candidates`: written, and loaded again."""

import dataclasses
import pathlib

from ytdnn.base import configs, errors
from ytdnn.candidates import model, user_tower
from ytdnn.features import base_feature, feature_lists, network_features
from ytdnn.layers import embeddings, weights
from ytdnn.log import prepared

_FEATURES = "features.json"


def save(trained: model.Joined, directory: pathlib.Path) -> None:
    """Writes weights and inputs into an artefact directory being published."""
    inputs = trained.tower_inputs
    weights.save(trained, directory)
    feature_lists.write(directory / _FEATURES, inputs.measured)
    if inputs.of_videos is not None:
        inputs.of_videos.write(directory)


def load(directory: pathlib.Path, data: prepared.PreparedData) -> model.Joined:
    """Loads the trained model of an artefact, frozen.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    trained = _restored(directory, data)
    trained.freeze()
    return trained


def load_members(
    directory: pathlib.Path, data: prepared.PreparedData
) -> list[model.CandidateModel]:
    """Loads the trained networks of an artefact, to be trained further.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    trained = _restored(directory, data)
    return [trained] if isinstance(trained, model.CandidateModel) else trained.members


def _restored(directory: pathlib.Path, data: prepared.PreparedData) -> model.Joined:
    directory = pathlib.Path(directory)
    config = weights.trained_config(directory, model.KIND, data.manifest).candidates
    if not config.is_network:
        raise errors.UserError(
            f"expected a trained network in {directory}, found the model "
            f"{config.model.kind}, which makes lists and no vectors: train with "
            f"--config.candidates.model=network"
        )
    inputs = _read_inputs(directory, config, data)
    with embeddings.undrawn():
        members = [model.make(config, data, inputs) for _ in range(config.num_kept)]
        trained = model.joined(members)
    weights.restore(trained, directory)
    return trained


def _read_inputs(
    directory: pathlib.Path,
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
) -> user_tower.TowerInputs:
    """Returns the inputs of a trained tower, from the files kept with it.

    Raises:
      errors.UserError: This version, or the prepared set, has no such feature.
    """
    measured = feature_lists.read_file(directory / _FEATURES)
    features = network_features.named(base_feature.CANDIDATES, list(measured), data)
    of_videos = None
    if (directory / user_tower.CONTENT).exists():
        from ytdnn.candidates import content

        of_videos = content.read(directory, data)
    return user_tower.make_inputs(config, data, features, measured, of_videos)


def grown_inputs(
    trained: user_tower.TowerInputs,
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
) -> user_tower.TowerInputs:
    """Returns the inputs of a trained tower, measured on a grown log.

    Args:
      trained: Inputs of the trained tower.
      config: Settings it was trained with.
      data: Prepared set of the grown log.

    Raises:
      errors.UserError: This version would read other features.
    """
    grown = user_tower.measure_inputs(config, data)
    if list(grown.measured) != list(trained.measured):
        raise errors.UserError(
            f"expected a model that reads {', '.join(grown.measured)}, as this version "
            f"would train it, found one that reads {', '.join(trained.measured)}: "
            f"train it again"
        )
    widths = grown.measured, grown.features, trained.measured
    measured = feature_lists.with_old_widths(*widths)
    return dataclasses.replace(grown, measured=measured)
