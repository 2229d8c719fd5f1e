"""A dense layer on a query and its items (PAPER §4.3).

The inputs of a ranker's tower are transposed blocks: each row is a coordinate, not an
example. Features are computed one at a time for all examples, so this layout joins them
by copying whole rows. The product's gradient is left out for coordinates without
learned variables.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Block:
    """Coordinates of examples.

    Attributes:
      values: `[coordinates, examples] float32`.
      is_learned: Whether there is a gradient into them.
    """

    values: tf.Tensor
    is_learned: bool = True


@dataclasses.dataclass(frozen=True)
class Items:
    """Several examples of each query.

    Attributes:
      blocks: Blocks of `queries · per_query` examples, stacked.
      per_query: Scalar, how many examples each query has.
    """

    blocks: tuple[Block, ...]
    per_query: tf.Tensor | int

    @classmethod
    def from_vectors(cls, items: "tf.Tensor | Items") -> "Items":
        """Returns vectors `[queries, k, coordinates]` as learned items."""
        if isinstance(items, cls):
            return items
        return cls((to_block(items),), tf.shape(items)[1])

    @property
    def width(self) -> int:
        """Coordinates of an example."""
        return sum(int(block.values.shape[0]) for block in self.blocks)

    def beside(self, queries: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Returns values of examples `[examples, n]` grouped by query.

        Returns:
          `[queries, per_query, n]`.
        """
        shape = [tf.shape(queries)[0], self.per_query, values.shape[-1]]
        return tf.reshape(values, shape)


def to_block(vectors: tf.Tensor, is_learned: bool = True) -> Block:
    """Returns vectors `[..., coordinates]` as a block, their examples in order."""
    return Block(tf.transpose(tf.reshape(vectors, [-1, vectors.shape[-1]])), is_learned)


def examples(blocks: Sequence[Block]) -> tf.Tensor:
    """Returns the blocks side by side, `[examples, coordinates] float32`."""
    return tf.transpose(tf.concat([block.values for block in blocks], axis=0))


def product(blocks: Sequence[Block], kernel: tf.Tensor, learns: bool) -> tf.Tensor:
    """Returns a dense layer's product of the blocks, `[examples, units]`.

    Args:
      blocks: Stacked blocks.
      kernel: `[coordinates, units]`, float32 or bfloat16, the dtype of the product.
      learns: Whether to use a custom gradient that skips blocks without learned
        variables. TensorFlow keeps a graph with a custom gradient for as long as the
        process runs, so only training sets it.
    """
    if not learns:
        stacked = tf.concat([block.values for block in blocks], axis=0)
        return tf.matmul(tf.cast(stacked, kernel.dtype), kernel, transpose_a=True)
    sizes = [int(block.values.shape[0]) for block in blocks]

    @tf.custom_gradient
    def multiplied(
        kernel: tf.Tensor, *values: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor | None, ...]]]:
        stacked = tf.cast(tf.concat(values, axis=0), kernel.dtype)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
            of_values = [
                tf.cast(tf.matmul(part, upstream, transpose_b=True), each.dtype)
                if block.is_learned
                else None
                for block, part, each in zip(
                    blocks, tf.split(kernel, sizes), values, strict=True
                )
            ]
            return tf.matmul(stacked, upstream), *of_values

        return tf.matmul(stacked, kernel, transpose_a=True), gradient

    return multiplied(kernel, *(block.values for block in blocks))


class SplitDense(tf.keras.layers.Layer):
    """A ReLU layer on a query and several items that computes the query's product once.

    Equal to a dense layer on the query repeated for each item, without repeating it.
    """

    def __init__(self, units: int, dtype_policy: str, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          units: Width of the output.
          dtype_policy: Policy of the products.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        policy = tf.keras.mixed_precision.Policy(dtype_policy)
        super().__init__(dtype=policy, **kwargs)
        self.units = units
        self.dtype_policy_name = dtype_policy
        # Two of half He's variance each, so that their sum has it.
        self._of_query, self._of_items = (
            tf.keras.layers.Dense(
                units,
                use_bias=use_bias,
                kernel_initializer="lecun_normal",
                dtype=policy,
                name=name,
            )
            for name, use_bias in (("of_query", False), ("of_items", True))
        )

    def call(
        self,
        inputs: tuple[tf.Tensor, tf.Tensor | Items],
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns the activations of each item with its query, `[batch, k, units]`.

        Args:
          inputs: Queries `[batch, m]` and items, k of each, `[batch, k, n]` or in rows.
          seed: The seed of the step, which says only that it trains; None: no gradient
            is prepared.
        """
        query, items = inputs[0], Items.from_vectors(inputs[1])
        of_query = self._of_query(query)
        if not self._of_items.built:
            with tf.name_scope(self._of_items.name):
                self._of_items.build([None, items.width])
        kernel, bias = (
            tf.cast(variable, self.compute_dtype)
            for variable in (self._of_items.kernel, self._of_items.bias)
        )
        products = product(items.blocks, kernel, learns=seed is not None)
        of_items = items.beside(query, products)
        return tf.nn.relu((of_query + bias)[:, tf.newaxis] + of_items)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **{k: v for k, v in super().get_config().items() if k != "dtype"},
            "units": self.units,
            "dtype_policy": self.dtype_policy_name,
        }
