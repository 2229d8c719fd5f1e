"""The skip connection: a linear map of the bags around the tower, a gate for each bag.

Beyond the paper, in which only the tower makes the user vector. Simple item-to-item
models are linear maps of the bags; added to a tower they are learned fast (wide and
deep: Cheng et al. 2016). The gates, computed from the tower's last layer, weigh each
bag, and so each time scale, for this user. The skip connection overfits quickly, so
dropout applies to its inputs too.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import randomness


class GatedBags(tf.keras.layers.Layer):
    """Σ_b (1 + gate_b(top)) · W_b · bag_b, zero at first."""

    def __init__(
        self,
        num_bags: int,
        dim: int,
        gated: bool = True,
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          num_bags: Number of bags.
          dim: Width of the vector returned.
          gated: Whether there are gates; without them it is a linear layer.
          dropout: Share of the bags' coordinates dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products (variables and the
            output stay float32).
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.num_bags = num_bags
        self.dim = dim
        self.gated = gated
        self.dropout = dropout
        self.precision = precision
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._linear = tf.keras.layers.Dense(
            dim,
            use_bias=False,
            kernel_initializer="zeros",
            dtype=tf.keras.mixed_precision.Policy(policy),
            name="linear",
        )
        if gated:
            self._gates = tf.keras.layers.Dense(
                num_bags, kernel_initializer="zeros", name="gates"
            )

    def call(
        self, bags: tf.Tensor, top: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[..., dim] float32`.

        Args:
          bags: `[..., num_bags · width] float32`, side by side.
          top: `[..., units] float32`, of the tower.
          seed: `[2] int32` of this training step, or None outside training.
        """
        values = tf.cast(bags, self._linear.compute_dtype)
        values = randomness.dropout(values, self.dropout, seed)
        if self.gated:
            gates = tf.cast(1.0 + self._gates(top), values.dtype)
            values *= tf.repeat(gates, bags.shape[-1] // self.num_bags, axis=-1)
        return tf.cast(self._linear(values), tf.float32)

    def pass_bag(self, bag: int, width: int) -> None:
        """Makes the built layer the identity of one bag.

        Args:
          bag: Place of the bag, from 0.
          width: Width of a bag, and of the vector returned.
        """
        kernel = np.zeros(self._linear.kernel.shape, np.float32)
        kernel[bag * width : (bag + 1) * width] = np.eye(width)
        self._linear.kernel.assign(kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "num_bags": self.num_bags,
            "dim": self.dim,
            "gated": self.gated,
            "dropout": self.dropout,
            "precision": self.precision,
        }
