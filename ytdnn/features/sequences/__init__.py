"""Encoders of sequences (PAPER §3.2): rows of the log to vectors.

Features are single values; a sequence is read by an encoder. Positions of a slice share
their rows (`ytdnn/log/inputs.py`), which come with the time of each, so an encoder may
weigh by order, by time, or attend.
"""

from typing import TYPE_CHECKING, Any, Union

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.log import catalogues, fields

if TYPE_CHECKING:
    from ytdnn.features.sequences import watch_bags, watched
    from ytdnn.log import request as raw_request

Features = dict[str, tf.Tensor]
Watches = Union["watched.Watched", "watch_bags.SideBySide"]


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


def make(
    config: configs.CandidatesConfig,
    vocabulary_size: int,
    content: "watched.ContentSource | None" = None,
    knows_request_times: bool = False,
    own_encoder: str = "",
) -> Watches:
    """Returns the encoder, named `watches`.

    Args:
      config: Settings of candidate generation, with the kind of encoder.
      vocabulary_size: Videos with an id embedding.
      content: Content features of videos; None: there are none.
      knows_request_times: Whether the time of the request may be read.
      own_encoder: Text of the file of the user's own encoder.
    """
    sizes = config, vocabulary_size, content
    if isinstance(config.encoder, configs.BagsConfig):
        return _bags(*sizes, name="watches")
    shared: dict[str, Any] = {"knows_request_times": knows_request_times}
    if isinstance(config.encoder, configs.OwnEncoderConfig):
        shared["own_encoder"] = own_encoder
    make_sequence = registries.ENCODERS[config.encoder.kind].make
    if not config.encoder.beside_bags:
        watches: watched.Watched = make_sequence(*sizes, name="watches", **shared)
        return watches
    from ytdnn.features.sequences import watch_bags

    bags = _bags(*sizes, name="bags")
    shared |= {"videos": bags.videos, "name": "sequence"}
    ordered = make_sequence(*sizes, **shared)
    return watch_bags.SideBySide(bags, ordered, name="watches")


def _bags(*args: Any, name: str) -> "watch_bags.WatchBags":
    from ytdnn.features.sequences import watch_bags

    return watch_bags.WatchBags(*args, name=name)
