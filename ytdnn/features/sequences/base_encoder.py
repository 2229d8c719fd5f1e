"""The interface of an encoder of a sequence (PAPER §3.2): rows of the log to vectors.

Features are single values; a sequence is read by an encoder. Positions of a slice share
their rows (`ytdnn/log/inputs.py`), which come with the time of each, so an encoder may
weigh by order, by time, or attend.
"""

from typing import TYPE_CHECKING

import tensorflow as tf

from ytdnn.log import catalogues, fields

if TYPE_CHECKING:
    from ytdnn.log import request as raw_request

Features = dict[str, tf.Tensor]


class Encoder(tf.keras.layers.Layer):
    """Encodes one sequence.

    Attributes:
      tables: Large variables looked up by row, for the table optimiser.
      num_bags: Number of output vectors of the embedding's width.
    """

    tables: list[tf.Variable]
    num_bags: int

    def call(
        self, features: Features, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns vectors `[slices, positions, n · dim] float32`.

        Args:
          features: See `ytdnn.log.inputs.cut`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        raise NotImplementedError

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the request fields that the encoder reads."""
        raise NotImplementedError

    def open_request(self, catalogue: catalogues.Catalogue) -> "SequenceReader":
        """Returns the reader of its rows from raw requests."""
        raise NotImplementedError


class SequenceReader(tf.Module):
    """A sequence opened for serving, lookups included."""

    def __call__(self, request: "raw_request.Request") -> Features:
        """Returns the rows of slices of one position; see `ytdnn.log.inputs.cut`."""
        raise NotImplementedError
