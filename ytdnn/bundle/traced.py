"""Parts of the exported graphs that are traced once, and called wherever they are used.

Most of the time of an export is spent on tracing. All signatures of all models call the
same trace of a part; the runtime inlines the calls.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.log import lookups
from ytdnn.retrieval import conditions as conditions_room
from ytdnn.retrieval import from_vectors, interface, nearest
from ytdnn.retrieval import permitted as permitted_room
from ytdnn.retrieval.index import interface as index_interface

Tensors = tuple[Any, ...]
"""Tensors and None, in tuples, or in a dict by name."""


class Traced:
    """A function of tensors, traced once for each combination of given arguments.

    It is not a `tf.function`, so that `tf.Module` and SavedModel track neither it nor
    the Keras object that it may be a method of.
    """

    def __init__(self, function: Callable[..., Any], any_size: bool = False) -> None:
        """Stores the function; it may read variables and tables, but no other tensors.

        Args:
          function: Maps tensors, None, and tuples or dicts of them to the same types.
          any_size: Whether one trace serves lists of all lengths, static ones too.
        """
        self._any_size = any_size
        self._function = tf.function(function, autograph=False)
        self._made: dict[str, Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Returns the results of the function."""
        specs = tf.nest.map_structure(self._spec, arguments)
        key = str(specs)
        if key not in self._made:
            with tf.init_scope():  # it outlives the graph that asks first
                self._made[key] = self._function.get_concrete_function(*specs)
        return self._made[key](*arguments)

    def _spec(self, tensor: tf.Tensor | None) -> tf.TensorSpec | None:
        """Returns shape and type of an argument; a list that is empty may be longer."""
        if tensor is None:
            return None
        sizes = [None if self._any_size else size or None for size in tensor.shape]
        return tf.TensorSpec(sizes, tensor.dtype)


class SharedNearest(tf.Module):
    """The search among permitted videos (`retrieval.nearest.Nearest`), traced once.

    Attributes:
      num_videos: Number of videos in the index.
    """

    def __init__(
        self, search: nearest.Nearest, removed: lookups.RemovedVideos | None
    ) -> None:
        """Stores the search.

        Args:
          search: The search.
          removed: Videos left out of every answer.
        """
        super().__init__()
        self.num_videos = search.num_videos
        self._search = search
        self._traced = Traced(
            lambda queries, num, parts: search.search(
                queries, num, _joined(parts, removed)
            )
        )

    def search(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> nearest.Lists:
        """Returns the best permitted videos; see `retrieval.nearest.Nearest.search`."""
        found: nearest.Lists = self._traced(queries, num, _parts(permitted))
        return found


class SharedFromVectors(from_vectors.FromVectors):
    """`retrieval.from_vectors.FromVectors`, traced once for all kinds of index."""

    def __init__(self, num_videos: int, removed: lookups.RemovedVideos | None) -> None:
        """Creates the part.

        Args:
          num_videos: Number of videos that have a vector.
          removed: Videos left out of every answer.
        """
        super().__init__(num_videos)
        make = super().replaced

        def replaced(*read: Any) -> from_vectors.Lists:
            vectors, lists, queries, num, parts, mask, share = read
            permitted = _joined(parts, removed)
            return make(vectors, lists, queries, num, permitted, mask, share)

        self._traced = Traced(replaced)

    def replaced(
        self,
        vectors: index_interface.Tables,
        lists: from_vectors.Lists,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        mask: tf.Tensor,
        share: tf.Tensor,
    ) -> from_vectors.Lists:
        """Returns the lists, those of some requests replaced; see `FromVectors`."""
        parts = _parts(permitted)
        found: from_vectors.Lists = self._traced(
            vectors, lists, queries, num, parts, mask, share
        )
        return found


class SharedSource(interface.Source):
    """A candidate source, traced once."""

    def __init__(
        self, source: interface.Source, removed: lookups.RemovedVideos | None
    ) -> None:
        """Stores the source.

        Args:
          source: The source.
          removed: Videos left out of every answer.
        """
        super().__init__(source.num)
        self.kind = source.kind
        self._source = source

        def propose(*read: Any) -> Tensors:
            watched, times, vectors, parts = read
            limits = _joined(parts, removed)
            requests = interface.SourceRequests(watched, times, vectors, limits)
            found = source.propose(requests)
            return found.videos, found.seeds

        self._traced = Traced(propose)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the videos that the source proposes for some requests."""
        parts = _parts(requests.permitted)
        read = (requests.watched, requests.times, requests.user_vectors, parts)
        return interface.Proposal(*self._traced(*read))


def _parts(permitted: permitted_room.Permitted) -> Tensors:
    """Returns the tensors of the permitted videos."""
    conditions = permitted.conditions
    read = None if conditions is None else conditions.tensors()
    return permitted.excluded, permitted.allowed, permitted.is_limited, read


def _joined(
    parts: Tensors, removed: lookups.RemovedVideos | None
) -> permitted_room.Permitted:
    """Returns the permitted videos of a request from its tensors."""
    excluded, allowed, is_limited, read = parts
    conditions = None if read is None else conditions_room.Conditions(*read)
    return permitted_room.Permitted(excluded, allowed, is_limited, removed, conditions)
