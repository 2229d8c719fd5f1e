"""The watch history as averages of its embeddings (PAPER §3.2).

The paper's mean; beyond it recency-weighted and learned averages. A video without an id
embedding is the zero vector and does not count in an average.
"""

from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.data import fields, prepared
from ytdnn.data import request as raw_request
from ytdnn.encoders import interface
from ytdnn.layers import bags, embeddings, learned_bags, randomness


class Content(Protocol):
    """What is known of videos beside their ids.

    Attributes:
      tables: Variables looked up by row.
    """

    tables: list[tf.Variable]

    def __call__(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for catalogue indices `videos [...]`."""
        ...

    def known(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns of which videos something is known, `[...] bool`."""
        ...

    def every_video(self) -> list[tf.Tensor]:
        """Returns all catalogue indices in parts, 0 in front."""
        ...


class WatchBags(interface.Encoder):
    """Averages of the embeddings of recent watches.

    Attributes:
      videos: The table of watched videos, apart from that of candidates.
    """

    def __init__(
        self,
        config: configs.Candidates,
        vocabulary_size: int,
        content: Content | None = None,
        **kwargs: Any,
    ) -> None:
        """Creates the encoder.

        Args:
          config: Which averages, and their length.
          vocabulary_size: Videos with an id embedding.
          content: What else is known of videos; None: nothing.
          **kwargs: Of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self._length = config.history_length
        self.videos = embeddings.Table(
            vocabulary_size, config.embedding_dim, name="watched_videos"
        )
        self.content = content
        self._id_dropout = config.content.id_dropout
        self.bags = bags.HistoryBags(
            config.bags, config.decay_rates, config.history_dropout, name="bags"
        )
        self.num_bags = len(config.bags) + len(config.decay_rates)
        self.learned_bags = None
        if config.learned_bags:
            self.num_bags += config.learned_bags
            self.learned_bags = learned_bags.LearnedBags(
                config.learned_bags,
                config.history_length,
                config.history_dropout,
                name="learned_bags",
            )

    @property
    def tables(self) -> list[tf.Variable]:  # type: ignore[override]
        """The tables of watched videos."""
        of_content = [] if self.content is None else self.content.tables
        return [self.videos.table, *of_content]

    def call(
        self, features: interface.Features, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the fixed averages, then the learned ones if there are any."""
        rows = features[schema.WATCH_ROWS]
        first = features[schema.FIRST_ROWS]
        inputs = *self._embedded(rows, seed), first
        parts = [self.bags(*inputs, randomness.of_stream(seed, randomness.Stream.BAGS))]
        if self.learned_bags is not None:
            own = randomness.of_stream(seed, randomness.Stream.LEARNED_BAGS)
            parts.append(self.learned_bags(*inputs, own))
        return parts

    def freeze(self) -> None:
        """Puts what content and ids add up to into one table, as for serving."""
        if self.content is None:
            return
        parts = [self._embedded(rows, None) for rows in self.content.every_video()]
        vectors, known = (
            np.concatenate(of_parts) for of_parts in zip(*parts, strict=True)
        )
        self.videos = embeddings.FixedTable(vectors, known, name="watched_videos")
        self.content = None

    def _embedded(
        self, rows: tf.Tensor, seed: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the vectors of watched videos, and which have one."""
        if self.content is None:
            return self.videos(rows), self.videos.known(rows)
        own = randomness.of_stream(seed, randomness.Stream.WATCHED_IDS)
        kept = randomness.drop_indices(rows, self._id_dropout, own)
        known = self.videos.known(rows) | self.content.known(rows)
        return self.videos(kept) + self.content(rows), known

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns the watched videos."""
        return (fields.watched(data),)

    def open_request(self, data: prepared.PreparedData) -> interface.SequenceReader:
        """Returns the reader of the last watches."""
        del data
        return _LastWatches(self._length)


class _LastWatches(interface.SequenceReader):
    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    def __call__(self, request: raw_request.Request) -> interface.Features:
        missing = self._length - tf.minimum(request.num_watches, self._length)
        return {
            schema.WATCH_ROWS: request.last_watches(self._length),
            schema.WATCH_ROW_TIMES: raw_request.last(request.watch_times, self._length),
            schema.FIRST_ROWS: missing[:, tf.newaxis],
        }
