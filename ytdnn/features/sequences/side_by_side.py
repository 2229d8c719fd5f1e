"""Bags and another encoder of the watch history, their vectors concatenated."""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features.sequences import base_encoder, sequence, watch_bags
from ytdnn.log import catalogues, fields


class SideBySide(base_encoder.Encoder):
    """Averages and a sequence encoder that share one table of watched videos.

    Attributes:
      bags: Encoder of the averages.
      sequence: Encoder that reads the history in order.
    """

    def __init__(
        self,
        bags: watch_bags.WatchBags,
        ordered: sequence.SequenceEncoder,
        **kwargs: Any,
    ) -> None:
        """Joins two encoders that share their table and content."""
        super().__init__(**kwargs)
        self.bags = bags
        self.sequence = ordered
        self.num_bags = bags.num_bags + ordered.num_bags

    def get_config(self) -> dict[str, Any]:
        """Returns the config of the encoder that reads in order, with its own name."""
        return {**self.sequence.get_config(), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Returns both encoders, as the settings in `get_config` choose them."""
        from ytdnn.features.sequences import choice

        own = configs.component(configs.CandidatesConfig, config["config"])
        knows_times = config["knows_request_times"]
        return choice.make(own, config["vocabulary_size"], None, knows_times)

    @property
    def videos(self) -> Any:
        """The table of watched videos."""
        return self.bags.videos

    @property
    def tables(self) -> list[tf.Variable]:  # type: ignore[override]
        """The tables of watched videos."""
        return self.bags.tables

    def call(
        self, features: base_encoder.Features, seed: tf.Tensor | None = None
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
    ) -> base_encoder.SequenceReader:
        """Returns the reader of the sequence encoder."""
        return self.sequence.open_request(catalogue)
