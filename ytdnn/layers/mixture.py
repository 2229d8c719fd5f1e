"""A mixture of experts with a gate for each task (MMoE).

Ma and others, *Modeling Task Relationships in Multi-task Learning with Multi-gate
Mixture-of-Experts*, KDD 2018. Each expert is a ReLU layer on the shared input. Each
task reads a convex combination of the experts, with weights of its own that are a
softmax of the input, so that tasks in conflict can use different experts.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ytdnn.layers import randomness


class MixtureOfExperts(tf.keras.layers.Layer):
    """Experts, gates, and a linear output layer for each task."""

    def __init__(
        self,
        num_experts: int,
        width: int,
        biases: Sequence[float],
        groups: Sequence[int],
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          num_experts: Number of experts.
          width: Number of units of each expert.
          biases: Initial values of all outputs, task by task.
          groups: Number of outputs of each task.
          dropout: Share of the experts' activations dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the experts' products.
          **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
          ValueError: The groups do not add up to the outputs.
        """
        super().__init__(**kwargs)
        if sum(groups) != len(biases):
            raise ValueError(
                f"expected groups of {len(biases)} outputs in all, received "
                f"{sum(groups)}"
            )
        self.num_experts, self.width = num_experts, width
        self.biases, self.groups = tuple(biases), tuple(groups)
        self.dropout, self.precision = dropout, precision
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._experts = tf.keras.layers.Dense(
            num_experts * width,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=tf.keras.mixed_precision.Policy(policy),
            name="experts",
        )
        self._gates = tf.keras.layers.Dense(len(groups) * num_experts, name="gates")
        starts = [sum(groups[:task]) for task in range(len(groups))]
        self._outputs = [
            tf.keras.layers.Dense(
                size,
                bias_initializer=tf.keras.initializers.Constant(
                    self.biases[start : start + size]
                ),
                name=f"outputs_{task}",
            )
            for task, (start, size) in enumerate(zip(starts, groups, strict=True))
        ]

    def call(self, values: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the outputs of all tasks, `[..., outputs] float32`.

        Args:
          values: `[..., dim] float32`, the shared input.
          seed: `[2] int32` of this training step, or None outside training.
        """
        leading = tf.shape(values)[:-1]
        hidden = tf.cast(self._experts(values), tf.float32)
        if seed is not None:
            hidden = randomness.dropout(hidden, self.dropout, seed)
        experts = self._split(hidden, leading, self.num_experts, self.width)
        gates = tf.nn.softmax(
            self._split(
                self._gates(values), leading, len(self.groups), self.num_experts
            )
        )
        mixed = tf.matmul(gates, experts)
        of_tasks = tf.unstack(mixed, num=len(self.groups), axis=-2)
        return tf.concat(
            [layer(one) for layer, one in zip(self._outputs, of_tasks, strict=True)],
            axis=-1,
        )

    @staticmethod
    def _split(
        values: tf.Tensor, leading: tf.Tensor, rows: int, columns: int
    ) -> tf.Tensor:
        """Returns the last axis as a matrix, `[..., rows, columns]`."""
        return tf.reshape(values, tf.concat([leading, [rows, columns]], axis=0))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "width": self.width,
            "biases": self.biases,
            "groups": self.groups,
            "dropout": self.dropout,
            "precision": self.precision,
        }
