"""Weights come back as they were saved; what does not fit is refused."""

import pathlib

import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.layers import saved_weights


class Model(tf.Module):
    """One vector."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.vector = tf.Variable([value, 2.0 * value])


@pytest.fixture
def data(tmp_path: pathlib.Path) -> artifacts.Manifest:
    with artifacts.publish(tmp_path / "data", "data", {}, {}):
        pass
    return artifacts.read_manifest(tmp_path / "data", "data")


@pytest.fixture
def trained(tmp_path: pathlib.Path, data: artifacts.Manifest) -> pathlib.Path:
    config = {"candidates": configs.to_dict(configs.CandidatesConfig(embedding_dim=8))}
    directory, inputs = tmp_path / "candidates", {"data": data.fingerprint}
    with artifacts.publish(directory, "candidates", config, inputs) as partial:
        saved_weights.save(Model(3.0), partial)
    return directory


def test_a_model_gets_the_weights_that_were_saved(trained: pathlib.Path) -> None:
    fresh = Model(0.0)
    saved_weights.restore(fresh, trained)
    assert fresh.vector.numpy().tolist() == [3.0, 6.0]


def test_a_model_of_another_shape_is_not_filled_in_part(trained: pathlib.Path) -> None:
    fresh = Model(0.0)
    fresh.bias = tf.Variable(1.0)
    with pytest.raises(AssertionError):
        saved_weights.restore(fresh, trained)


def test_weights_of_an_earlier_shape_are_refused_in_one_line(
    trained: pathlib.Path,
) -> None:
    wider = Model(0.0)
    wider.vector = tf.Variable([0.0] * 3)
    with pytest.raises(errors.UserError, match="earlier one: delete it and run"):
        saved_weights.restore(wider, trained)


def test_the_config_of_a_training_comes_back(
    trained: pathlib.Path, data: artifacts.Manifest
) -> None:
    config = saved_weights.trained_config(trained, "candidates", data)
    assert config.candidates.embedding_dim == 8


def test_a_model_of_another_data_set_is_refused(
    trained: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with artifacts.publish(tmp_path / "other", "data", {"seed": 1}, {}):
        pass
    other = artifacts.read_manifest(tmp_path / "other", "data")
    with pytest.raises(errors.UserError, match="was made from data"):
        saved_weights.trained_config(trained, "candidates", other)
