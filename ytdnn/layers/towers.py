"""The tower of fully connected ReLU layers (PAPER §3.2, §4.3).

The first layer of a ranker's tower is a `split_dense.SplitDense`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ytdnn.layers import randomness

if TYPE_CHECKING:
    from ytdnn.layers import split_dense


def dense(
    layer: tf.keras.layers.Dense, values: tf.Tensor, seed: tf.Tensor | None
) -> tf.Tensor:
    """Returns the outputs of a dense layer, outside training in few operations.

    Keras reads the axes of a product of more than two out of a dozen small tensors. A
    product of two axes is fused with bias and ReLU, which rounds otherwise.

    Args:
      layer: The layer.
      values: `[..., dim]`, the last axis fixed.
      seed: The seed of the step, which says only that it trains; None: it does not.

    Returns:
      `[..., units]`.
    """
    if seed is not None or values.shape.rank == 2:
        return layer(values)
    outputs = layer(tf.reshape(values, [-1, values.shape[-1]]))
    shape = tf.concat([tf.shape(values)[:-1], outputs.shape[1:]], axis=0)
    return tf.ensure_shape(
        tf.reshape(outputs, shape), [*values.shape[:-1], outputs.shape[-1]]
    )


class Tower(tf.keras.layers.Layer):
    """ReLU layers of given widths, with stateless dropout between them."""

    def __init__(
        self,
        widths: Sequence[int],
        dropout: float = 0.0,
        precision: str = "float32",
        split: bool = False,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          widths: Width of each ReLU layer, bottom first; none: the identity.
          dropout: Share of each layer's activations dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products (variables and the
            output stay float32).
          split: Whether the input is a query and its items, as for `SplitDense`.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.dropout = dropout
        self.precision = precision
        self.split = split
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._layers: list[tf.keras.layers.Layer] = []
        for depth, width in enumerate(self.widths):
            name = f"relu_{depth}"
            if split and depth == 0:
                from ytdnn.layers import split_dense

                self._layers.append(split_dense.SplitDense(width, policy, name=name))
                continue
            self._layers.append(
                tf.keras.layers.Dense(
                    width,
                    activation="relu",
                    kernel_initializer="he_normal",
                    dtype=tf.keras.mixed_precision.Policy(policy),
                    name=name,
                )
            )

    def call(
        self,
        inputs: "tf.Tensor | tuple[tf.Tensor, tf.Tensor | split_dense.Items]",
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns `[..., widths[-1]] float32` for `inputs [..., dim]`.

        Args:
          inputs: Features, the last axis fixed; or, split, of the query `[batch, m]`
            and its items.
          seed: `[2] int32` of this training step, or None outside training.
        """
        values = inputs
        if self.split and not self._layers:
            from ytdnn.layers import split_dense

            query, items = inputs[0], split_dense.Items.from_vectors(inputs[1])
            repeated = tf.repeat(query[:, tf.newaxis], items.per_query, axis=1)
            own = items.beside(query, split_dense.examples(items.blocks))
            values = tf.concat([repeated, own], axis=-1)
        for depth, layer in enumerate(self._layers):
            is_split = self.split and depth == 0
            values = layer(values, seed) if is_split else dense(layer, values, seed)
            if seed is not None:
                values = randomness.dropout(
                    values, self.dropout, randomness.fold(seed, depth)
                )
        return tf.cast(values, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "widths": self.widths,
            "dropout": self.dropout,
            "precision": self.precision,
            "split": self.split,
        }
