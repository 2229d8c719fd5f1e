"""The watch history read in order: one state after each watch, for all positions.

A slice is encoded once: the state after row j depends on the rows of its user up to j,
and the vector of a position is the state after its last watch. So one forward pass
gives the vectors of all positions of a slice, and a request is a slice of one position.
A slice often holds several users; `History.starts` says where each row's user begins.
"""

import abc
import dataclasses
from typing import Any

import tensorflow as tf

from ytdnn.base import errors, schema
from ytdnn.features import feature_choice
from ytdnn.features.sequences import watched
from ytdnn.layers import bags, randomness
from ytdnn.log import io_fields, prepared

Tensors = feature_choice.Tensors
Catalogue = prepared.Catalogue


@dataclasses.dataclass(frozen=True)
class History:
    """The rows of slices, oldest first.

    Attributes:
      rows: `[slices, rows, dim] float32` embeddings, zeros where a video has none.
      known: `[slices, rows] bool`, rows with an embedding; an encoder must mask the
        others.
      starts: `[slices, rows] int32`, the first row of each row's user. Rows before it
        belong to others, or are padding, and must be masked too.
      times: `[slices, rows] int64` times of the watches, seconds, 0 = unknown.
      next_times: `[slices, rows] int64` time of the event after each row: the next
        watch, or the request; None where the time of the request is not read.
    """

    rows: tf.Tensor
    known: tf.Tensor
    starts: tf.Tensor
    times: tf.Tensor
    next_times: tf.Tensor | None

    @property
    def begins(self) -> tf.Tensor:
        """Whether each row is its user's first, `[slices, rows] bool`."""
        return self.starts == tf.range(tf.shape(self.starts)[1])

    @property
    def mask(self) -> tf.Tensor:
        """Whether row i may attend to row j, `[slices, rows, rows] bool`."""
        rows = tf.range(tf.shape(self.known)[1])
        earlier = rows <= rows[:, tf.newaxis]
        own = rows >= self.starts[..., tf.newaxis]
        return earlier & own & self.known[:, tf.newaxis, :]


def _words(shape: tf.TensorShape) -> str:
    """Returns a shape as text, such as [4, ?, 64]; ? is a dynamic size."""
    if shape.rank is None:
        return "no tensor of a known rank"
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]"


class SequenceEncoder(watched.Watched, abc.ABC):
    """Base class of an encoder that returns a state after each watch.

    Attributes:
      dim: Width of the rows, and of the states.
      reads_times: Whether the times of watches are read.
      knows_request_times: Whether the time of the request may be read too.
    """

    num_bags = 1
    reads_times = False

    def __init__(
        self, *args: Any, knows_request_times: bool = False, **kwargs: Any
    ) -> None:
        """Creates the encoder.

        Args:
          *args: Arguments of `watched.Watched`.
          knows_request_times: Whether the time of the request may be read.
          **kwargs: Arguments of `watched.Watched`.
        """
        super().__init__(*args, **kwargs)
        self.dim = self.config.embedding_dim
        self.knows_request_times = knows_request_times

    @property
    def own_config(self) -> Any:
        """The settings of this kind."""
        return self.config.encoder

    @property
    def reads_request_times(self) -> bool:
        """Whether the time of the request is read."""
        return self.reads_times and self.knows_request_times

    @abc.abstractmethod
    def states(self, history: History, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the state after each row, `[slices, rows, dim] float32`.

        The state after a row must depend only on the user's rows up to it with an
        embedding.

        Args:
          history: The rows.
          seed: `[2] int32` of this training step, or None outside training.
        """

    def call(self, features: Tensors, seed: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns the state after the last watch of each position, zero without one."""
        own = randomness.substream(seed, randomness.RandomStream.SEQUENCE)
        rows, known = self.embedded(features[schema.WATCH_ROWS], seed)
        first_rows = features[schema.FIRST_ROWS]
        if own is not None and self.config.history_dropout > 0.0:
            rate, shape = self.config.history_dropout, tf.shape(known)
            known &= randomness.keep_mask(shape, rate, randomness.fold(own, 0))
            rows *= tf.cast(known, rows.dtype)[..., tf.newaxis]
        history = self._history(features, rows, known)
        states = self.states(history, None if own is None else randomness.fold(own, 1))
        self._require_shape(states, rows)
        mask = bags.history_mask(first_rows, tf.shape(rows)[1], is_bounded=False)
        some = tf.reduce_any(mask & known[:, tf.newaxis, :], axis=-1, keepdims=True)
        last = states[:, -tf.shape(first_rows)[1] :]
        return [tf.where(some, last, tf.zeros_like(last))]

    def _require_shape(self, states: tf.Tensor, rows: tf.Tensor) -> None:
        """Checks that there is a state of the right width for each row.

        Raises:
          errors.UserError: The shape of the states is wrong.
        """
        wanted, shape = rows.shape, tf.TensorShape(getattr(states, "shape", None))
        if shape.rank != wanted.rank or not shape.is_compatible_with(wanted):
            raise errors.UserError(
                f"expected {type(self).__name__}.states() to return "
                f"[slices, rows, dim] = {_words(wanted)}, received {_words(shape)}: "
                f"return a state of the rows' width for each row"
            )

    def _history(self, features: Tensors, rows: tf.Tensor, known: tf.Tensor) -> History:
        times, next_times = features[schema.WATCH_ROW_TIMES], None
        if self.reads_request_times:
            request_times = features[schema.REQUEST_TIMES]
            before = tf.shape(times)[1] - tf.shape(request_times)[1]
            next_times = tf.concat([times[:, 1 : before + 1], request_times], axis=1)
        starts = user_starts(features[schema.FIRST_ROWS], tf.shape(rows)[1])
        return History(rows, known, starts, times, next_times)

    def fields(self, catalogue: Catalogue) -> io_fields.Fields:
        """Returns the watched videos, and the times that are read."""
        times = (io_fields.watch_times(),) if self.reads_times else ()
        time_fields = (io_fields.time(),) if self.reads_request_times else ()
        return (*super().fields(catalogue), *times, *time_fields)

    def open_request(self, catalogue: Catalogue) -> feature_choice.SequenceReader:
        """Returns the reader of the last watches."""
        return watched.LastWatches(self.config.history_length, self.reads_request_times)


def user_starts(first_rows: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
    """Returns the first row of each row's user, `[slices, num_rows] int32`.

    Rows before the first position's user get that user's first row, which is after
    them.

    Args:
      first_rows: `[slices, positions] int32`, see `history_mask`.
      num_rows: Rows of a slice.
    """
    length = num_rows - tf.shape(first_rows)[1] + 1
    before = tf.repeat(first_rows[:, :1], length, axis=1)
    return tf.concat([before, first_rows[:, :-1]], axis=1)


class SideBySide(feature_choice.Encoder):
    """Averages and a sequence encoder that share one table of watched videos.

    Attributes:
      bags: Encoder of the averages.
      sequence: Encoder that reads the history in order.
    """

    def __init__(
        self, bags: watched.WatchBags, ordered: SequenceEncoder, **kwargs: Any
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

    def call(self, features: Tensors, seed: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns the averages, then the vector of the sequence encoder."""
        return [*self.bags(features, seed), *self.sequence(features, seed)]

    def freeze(self) -> None:
        """Merges content and id embeddings into one fixed table for both encoders."""
        self.bags.freeze()
        self.sequence.videos = self.bags.videos
        self.sequence.content = self.bags.content

    def fields(self, catalogue: Catalogue) -> io_fields.Fields:
        """Returns the fields of the sequence encoder, the watched videos included."""
        return self.sequence.fields(catalogue)

    def open_request(self, catalogue: Catalogue) -> feature_choice.SequenceReader:
        """Returns the reader of the sequence encoder."""
        return self.sequence.open_request(catalogue)
