"""Encoders of the watch history: their base, and its averages (PAPER §3.2).

A video without an id embedding and without content is the zero vector, which encoders
skip. The paper takes the mean; beyond it are recency-weighted and learned averages.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.base.configs import networks
from ytdnn.features import feature_choice
from ytdnn.layers import bags, embeddings, randomness
from ytdnn.log import io_fields, prepared

if TYPE_CHECKING:
    from ytdnn.log import raw_request


class ContentSource(Protocol):
    """Content features of videos, in addition to their ids.

    Attributes:
      tables: Variables looked up by row.
    """

    tables: list[tf.Variable]

    def __call__(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for catalogue indices `videos [...]`."""

    def known(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether each video has content features, `[...] bool`."""

    def every_video(self) -> list[tf.Tensor]:
        """Returns all catalogue indices in parts, 0 in front."""


class Watched(feature_choice.Encoder):
    """An encoder of the watch history.

    Attributes:
      config: Settings of candidate generation.
      videos: The table of watched videos.
      content: Content features of videos; None: there are none.
    """

    def __init__(
        self,
        config: configs.CandidatesConfig,
        vocabulary_size: int,
        content: ContentSource | None = None,
        videos: embeddings.EmbeddingTable | None = None,
        **kwargs: Any,
    ) -> None:
        """Creates the table.

        Args:
          config: Settings of candidate generation.
          vocabulary_size: Videos with an id embedding.
          content: Content features of videos; None: there are none.
          videos: Table to share with another encoder; None: a new one.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.config = config
        self.videos: Any = videos or embeddings.EmbeddingTable(
            vocabulary_size, config.embedding_dim, name="watched_videos"
        )
        self.content = content

    @property
    def tables(self) -> list[tf.Variable]:  # type: ignore[override]
        """The tables of watched videos."""
        of_content = [] if self.content is None else self.content.tables
        return [self.videos.table, *of_content]

    def freeze(self) -> None:
        """Adds content and id embeddings into one fixed table, as for serving."""
        if self.content is None:
            return
        parts = [self.embedded(rows, None) for rows in self.content.every_video()]
        vectors, known = (
            np.concatenate(of_parts) for of_parts in zip(*parts, strict=True)
        )
        self.videos = embeddings.FixedTable(vectors, known, name="watched_videos")
        self.content = None

    def embedded(
        self, rows: tf.Tensor, seed: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the vectors of watched videos, and whether each has one."""
        if self.content is None:
            return self.videos(rows), self.videos.known(rows)
        own = randomness.substream(seed, randomness.RandomStream.WATCHED_IDS)
        kept = randomness.drop_indices(rows, networks.ID_DROPOUT, own)
        known = self.videos.known(rows) | self.content.known(rows)
        return self.videos(kept) + self.content(rows), known

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the watched videos."""
        return (io_fields.watched(catalogue),)

    def open_request(
        self, catalogue: prepared.Catalogue
    ) -> feature_choice.SequenceReader:
        """Returns the reader of the last watches."""
        return LastWatches(self.config.history_length)


class LastWatches(feature_choice.SequenceReader):
    """Reads the last watches of a request, their times and, if needed, its time."""

    def __init__(self, length: int, with_request_times: bool = False) -> None:
        """Stores the number of watches."""
        super().__init__()
        self._length = length
        self._with_request_times = with_request_times

    def __call__(self, request: "raw_request.Request") -> feature_choice.Tensors:
        """Returns the rows, padded in front."""
        from ytdnn.log import raw_request

        missing = self._length - tf.minimum(request.num_watches, self._length)
        tensors = {
            schema.WATCH_ROWS: request.last_watches(self._length),
            schema.WATCH_ROW_TIMES: raw_request.last(request.watch_times, self._length),
            schema.FIRST_ROWS: missing[:, tf.newaxis],
        }
        if self._with_request_times:
            tensors[schema.REQUEST_TIMES] = request.times[:, tf.newaxis]
        return tensors


class WatchBags(Watched):
    """Averages of the embeddings of recent watches."""

    def __init__(
        self,
        config: configs.CandidatesConfig,
        vocabulary_size: int,
        content: ContentSource | None = None,
        **kwargs: Any,
    ) -> None:
        """Creates the encoder.

        Args:
          config: Settings of candidate generation, with the averages and their length.
          vocabulary_size: Videos with an id embedding.
          content: Content features of videos; None: there are none.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(config, vocabulary_size, content, **kwargs)
        is_bounded = isinstance(config.encoder, configs.BagsConfig)
        self.bags = bags.HistoryBags(
            (1.0, *config.decay_rates),
            config.history_dropout,
            is_bounded,
            name="bags",
        )
        self.num_bags = 1 + len(config.decay_rates)
        self.learned_bags = None
        if config.learned_bags:
            self.num_bags += config.learned_bags
            self.learned_bags = bags.LearnedBags(
                config.learned_bags,
                config.history_length,
                config.history_dropout,
                is_bounded,
                name="learned_bags",
            )

    def call(
        self, features: feature_choice.Tensors, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the fixed averages, then the learned ones if there are any."""
        rows = features[schema.WATCH_ROWS]
        inputs = *self.embedded(rows, seed), features[schema.FIRST_ROWS]
        parts = [
            self.bags(*inputs, randomness.substream(seed, randomness.RandomStream.BAGS))
        ]
        if self.learned_bags is not None:
            own = randomness.substream(seed, randomness.RandomStream.LEARNED_BAGS)
            parts.append(self.learned_bags(*inputs, own))
        return parts
