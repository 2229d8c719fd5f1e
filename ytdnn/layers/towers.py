"""The tower of fully connected ReLU layers (PAPER §3.2, §4.3)."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ytdnn.layers import randomness


class Tower(tf.keras.layers.Layer):
    """ReLU layers of given widths, with stateless dropout between them."""

    def __init__(
        self,
        widths: Sequence[int],
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          widths: Width of each ReLU layer, bottom first; none: the identity.
          dropout: Share of each layer's activations dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products (variables and the
            output stay float32).
          **kwargs: Of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.dropout = dropout
        self.precision = precision
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._layers = [
            tf.keras.layers.Dense(
                width,
                activation="relu",
                kernel_initializer="he_normal",
                dtype=tf.keras.mixed_precision.Policy(policy),
                name=f"relu_{depth}",
            )
            for depth, width in enumerate(self.widths)
        ]

    def call(self, inputs: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `[..., widths[-1]] float32` for `inputs [..., dim]`.

        Args:
          inputs: Features, the last axis fixed.
          seed: `[2] int32` of this training step, or None outside training.
        """
        values = inputs
        for depth, layer in enumerate(self._layers):
            values = layer(values)
            if seed is not None:
                values = randomness.dropout(
                    values, self.dropout, randomness.fold(seed, depth)
                )
        return tf.cast(values, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs to make the layer again."""
        return {
            **super().get_config(),
            "widths": self.widths,
            "dropout": self.dropout,
            "precision": self.precision,
        }
