"""The base of encoders of the watch history: videos' vectors, and requests.

A video without an id embedding and without content is the zero vector, which encoders
skip.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.base.configs import inputs as inputs_config
from ytdnn.features import registry
from ytdnn.layers import embeddings, other_tables, randomness
from ytdnn.log import catalogues, fields

if TYPE_CHECKING:
    from ytdnn.log import request as raw_request


class ContentSource(Protocol):
    """Content features of videos, in addition to their ids.

    Attributes:
      tables: Variables looked up by row.
    """

    tables: list[tf.Variable]

    def __call__(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for catalogue indices `videos [...]`."""
        ...

    def known(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether each video has content features, `[...] bool`."""
        ...

    def every_video(self) -> list[tf.Tensor]:
        """Returns all catalogue indices in parts, 0 in front."""
        ...


class Watched(registry.Encoder):
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
        self.videos = other_tables.FixedTable(vectors, known, name="watched_videos")
        self.content = None

    def embedded(
        self, rows: tf.Tensor, seed: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the vectors of watched videos, and whether each has one."""
        if self.content is None:
            return self.videos(rows), self.videos.known(rows)
        own = randomness.of_stream(seed, randomness.RandomStream.WATCHED_IDS)
        kept = randomness.drop_indices(rows, inputs_config.ID_DROPOUT, own)
        known = self.videos.known(rows) | self.content.known(rows)
        return self.videos(kept) + self.content(rows), known

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the watched videos."""
        return (fields.watched(catalogue),)

    def open_request(self, catalogue: catalogues.Catalogue) -> registry.SequenceReader:
        """Returns the reader of the last watches."""
        return LastWatches(self.config.history_length)


class LastWatches(registry.SequenceReader):
    """Reads the last watches of a request, their times and, if needed, its time."""

    def __init__(self, length: int, with_request_times: bool = False) -> None:
        """Stores the number of watches."""
        super().__init__()
        self._length = length
        self._with_request_times = with_request_times

    def __call__(self, request: "raw_request.Request") -> registry.Tensors:
        """Returns the rows, padded in front."""
        from ytdnn.log import request as raw_request

        missing = self._length - tf.minimum(request.num_watches, self._length)
        tensors = {
            schema.WATCH_ROWS: request.last_watches(self._length),
            schema.WATCH_ROW_TIMES: raw_request.last(request.watch_times, self._length),
            schema.FIRST_ROWS: missing[:, tf.newaxis],
        }
        if self._with_request_times:
            tensors[schema.REQUEST_TIMES] = request.times[:, tf.newaxis]
        return tensors
