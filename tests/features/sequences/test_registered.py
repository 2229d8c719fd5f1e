"""An encoder of a package."""

import pathlib

import tensorflow as tf

from tests import extras, planted
from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import registries
from ytdnn.candidates import losses, model


def test_an_encoder_of_a_package_is_trained(tmp_path: pathlib.Path) -> None:
    data = planted.prepared_data(tmp_path / "planted")
    with extras.installed(tmp_path / "package"):
        values = configs.to_dict(configs.Config())
        values["candidates"]["encoder"] = {"kind": "running_mean", "beside_bags": True}
        encoder = configs.from_dict(values).candidates.encoder
        config = setting.config(
            encoder=encoder, label=configs.NextWatchConfig(slice_length=1)
        )
        assert registries.versions(config) == {"encoder": "ytdnn-extras 1.0"}
        tf.keras.utils.set_random_seed(0)
        made = model.build(config, data)
        loss = losses.make(config, made, setting.counts(data))
        with tf.GradientTape() as tape:
            total, _ = loss(setting.batch(data), setting.SEED)
        layers = [v for v in made.trainable_variables if "running_mean" in v.name]
        layers = layers or [v for v in made.trainable_variables if "dense" in v.name]
        gradients = tape.gradient(total, layers)
    assert layers
    assert any(g is not None and float(tf.reduce_max(tf.abs(g))) > 0 for g in gradients)
