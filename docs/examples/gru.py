"""A gated recurrent unit over the watch history (GRU4Rec: Hidasi et al., 2016)."""

from typing import Literal

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.features.sequences import sequence_encoder
from ytdnn.layers import randomness


@configs.validated
class GRUConfig(configs.EncoderExtension):
    """A gated recurrent unit.

    Attributes:
      dropout: Share of the coordinates of the rows dropped in training.
    """

    dropout: float = 0.2
    kind: Literal["gru"] = "gru"


@registries.ENCODERS.register("gru", GRUConfig)
class GRU(sequence_encoder.SequenceEncoder):
    """The state after each watch."""

    def build(self, shape):
        """Creates the cell."""
        self.cell = tf.keras.layers.GRUCell(self.dim, name="cell")
        self.cell.build([None, self.dim])
        super().build(shape)

    def states(self, history, seed):
        """Returns `[slices, rows, dim]`."""
        rows = randomness.dropout(history.rows, self.own_config.dropout, seed)

        def step(state, row):
            vector, begins, known = row
            # A slice holds several users, each of whom begins anew.
            state = tf.where(begins, tf.zeros_like(state), state)
            _, (after,) = self.cell(vector, [state])
            # A video without an embedding does not count.
            return tf.where(known, after, state)

        by_row = [
            tf.transpose(rows, [1, 0, 2]),
            tf.transpose(history.begins)[..., tf.newaxis],
            tf.transpose(history.known)[..., tf.newaxis],
        ]
        states = tf.scan(step, by_row, tf.zeros_like(rows[:, 0]))
        return tf.transpose(states, [1, 0, 2])
