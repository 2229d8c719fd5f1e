"""What every layer of the house must do; each layer's test inherits it."""

from typing import Any

import numpy as np
import tensorflow as tf


class LayerContract:
    """Subclass and return a fresh layer and inputs for its call."""

    def make(self) -> tf.keras.layers.Layer:
        raise NotImplementedError

    def inputs(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def test_called_twice_gives_the_same(self) -> None:
        layer = self.make()
        first, second = layer(*self.inputs()), layer(*self.inputs())
        np.testing.assert_array_equal(first, second)

    def test_config_makes_the_same_layer_again(self) -> None:
        layer = self.make()
        again = type(layer).from_config(layer.get_config())
        layer(*self.inputs())
        again(*self.inputs())
        again.set_weights(layer.get_weights())
        np.testing.assert_array_equal(layer(*self.inputs()), again(*self.inputs()))

    def test_saved_model_answers_alike(self, tmp_path: Any) -> None:
        layer = self.make()
        module = tf.Module()
        module.layer = layer
        module.call = tf.function(lambda *inputs: layer(*inputs))
        expected = module.call(*self.inputs())
        tf.saved_model.save(module, str(tmp_path / "saved"))
        loaded = tf.saved_model.load(str(tmp_path / "saved"))
        np.testing.assert_array_equal(loaded.call(*self.inputs()), expected)
