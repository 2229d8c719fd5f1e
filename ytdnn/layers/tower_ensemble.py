"""Several towers on one input, computed side by side.

Networks of one shape that start from different weights make different errors, so their
mean is better than each. They share embeddings and inputs, and each learns from its own
loss (Gorishniy and others, TabM: Advancing Tabular Deep Learning with
Parameter-Efficient Ensembling, ICLR 2025, where it is `TabM-packed`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import randomness, split_dense


class TowerEnsemble(tf.keras.layers.Layer):
    """Towers on a query and its items, and the linear outputs of each tower."""

    def __init__(
        self,
        size: int,
        widths: Sequence[int],
        biases: Sequence[float] | Sequence[Sequence[float]],
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          size: Number of towers.
          widths: Width of each ReLU layer of a tower, bottom first; one at least.
          biases: Initial values of the outputs, the same of every tower or of each.
          dropout: Share of each layer's activations dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products (variables and the
            outputs stay float32).
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.size = size
        self.widths = tuple(widths)
        self.biases = tuple(biases)
        self.num_outputs = int(np.shape(biases)[-1])
        self.dropout = dropout
        self.precision = precision
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._product_dtype = tf.keras.mixed_precision.Policy(policy).compute_dtype
        # One product for all towers; He's variance depends on the inputs alone.
        self._first = split_dense.SplitDense(
            size * self.widths[0], policy, name="relu_0"
        )
        self._hidden = [
            self._dense(f"relu_{depth}", fan_in, width, tf.keras.initializers.HeNormal)
            for depth, (fan_in, width) in enumerate(
                zip(self.widths[:-1], self.widths[1:], strict=True), start=1
            )
        ]
        self._outputs = self._dense(
            "outputs",
            self.widths[-1],
            self.num_outputs,
            tf.keras.initializers.GlorotUniform,
            self.biases,
        )

    def _dense(
        self,
        name: str,
        fan_in: int,
        units: int,
        initializer: type[tf.keras.initializers.Initializer],
        biases: Sequence[Any] | None = None,
    ) -> tuple[tf.Variable, tf.Variable]:
        """Returns kernels `[size, fan_in, units]` and biases `[size, units]`."""

        def stacked(shape: Sequence[int], dtype: tf.DType, **_: Any) -> tf.Tensor:
            # An initializer of its own for each, as one gives the same values twice.
            return tf.stack([initializer()(shape[1:], dtype) for _ in range(shape[0])])

        kernels = self.add_weight(
            f"{name}/kernel", [self.size, fan_in, units], initializer=stacked
        )
        first = tf.constant(biases or [0.0] * units, tf.float32)
        return kernels, self.add_weight(
            f"{name}/bias",
            [self.size, units],
            initializer=lambda shape, **_: tf.broadcast_to(first, shape),
        )

    def call(
        self,
        inputs: tuple[tf.Tensor, tf.Tensor | split_dense.Items],
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns the outputs of every tower, `[batch, k, size, outputs] float32`.

        Args:
          inputs: Queries `[batch, m]` and items, k of each, `[batch, k, n]` or in rows.
          seed: `[2] int32` of this training step, or None outside training.
        """
        hidden = self._first(inputs, seed)
        leading = tf.shape(hidden)[:2]
        hidden = tf.reshape(hidden, [-1, self.size, self.widths[0]])
        hidden = self._dropped(hidden, seed, 0)
        for depth, (kernels, biases) in enumerate(self._hidden, start=1):
            hidden = tf.nn.relu(self._product(hidden, kernels, biases))
            hidden = self._dropped(hidden, seed, depth)
        outputs = tf.cast(self._product(hidden, *self._outputs), tf.float32)
        shape = tf.concat([leading, [self.size, self.num_outputs]], axis=0)
        return tf.reshape(outputs, shape)

    def _product(
        self, hidden: tf.Tensor, kernels: tf.Variable, biases: tf.Variable
    ) -> tf.Tensor:
        """Returns `[examples, size, units]`, each tower by its own kernel."""
        dtype = self._product_dtype
        products = tf.einsum(
            "emi,mio->emo", tf.cast(hidden, dtype), tf.cast(kernels, dtype)
        )
        return products + tf.cast(biases, dtype)

    def _dropped(
        self, hidden: tf.Tensor, seed: tf.Tensor | None, depth: int
    ) -> tf.Tensor:
        if seed is None:
            return hidden
        return randomness.dropout(hidden, self.dropout, randomness.fold(seed, depth))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "size": self.size,
            "widths": self.widths,
            "biases": self.biases,
            "dropout": self.dropout,
            "precision": self.precision,
        }
