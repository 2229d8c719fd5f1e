"""Averages of the watch history next to an encoder of its order."""

from typing import Any

import tensorflow as tf

from ytdnn.features import network_features
from ytdnn.features.sequences import sequence_encoder, watched
from ytdnn.log import catalogues, fields


class SideBySide(network_features.Encoder):
    """Averages and a sequence encoder that share one table of watched videos.

    Attributes:
      bags: Encoder of the averages.
      sequence: Encoder that reads the history in order.
    """

    def __init__(
        self,
        bags: watched.WatchBags,
        ordered: sequence_encoder.SequenceEncoder,
        **kwargs: Any,
    ) -> None:
        """Joins two encoders that share their table and content."""
        super().__init__(**kwargs)
        self.bags = bags
        self.sequence = ordered
        self.num_bags = bags.num_bags + ordered.num_bags

    @property
    def videos(self) -> Any:
        """The table of watched videos."""
        return self.bags.videos

    @property
    def tables(self) -> list[tf.Variable]:  # type: ignore[override]
        """The tables of watched videos."""
        return self.bags.tables

    def call(
        self, features: network_features.Tensors, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the averages, then the vector of the sequence encoder."""
        return [*self.bags(features, seed), *self.sequence(features, seed)]

    def freeze(self) -> None:
        """Merges content and id embeddings into one fixed table for both encoders."""
        self.bags.freeze()
        self.sequence.videos = self.bags.videos
        self.sequence.content = self.bags.content

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the fields of the sequence encoder, the watched videos included."""
        return self.sequence.fields(catalogue)

    def open_request(
        self, catalogue: catalogues.Catalogue
    ) -> network_features.SequenceReader:
        """Returns the reader of the sequence encoder."""
        return self.sequence.open_request(catalogue)
