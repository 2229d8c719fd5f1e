"""Parts of the exported graphs that are traced once, and called wherever they are used.

Most of the time of an export is spent on tracing. All signatures of all models call the
same trace of a part; the runtime inlines the calls.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.retrieval import filtered_search, interface


class TracedFunction:
    """A function of tensors, traced once for each combination of given arguments.

    It is not a `tf.function`, so that `tf.Module` and SavedModel track neither it nor
    the Keras object that it may be a method of.
    """

    def __init__(self, function: Callable[..., Any], any_size: bool = False) -> None:
        """Stores the function; it may read variables and tables, but no other tensors.

        Args:
          function: Maps tensors, None, and tuples or dicts of them to the same types;
            other arguments are constants.
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

    def _spec(self, tensor: Any) -> Any:
        """Returns shape and type of an argument; a list that is empty may be longer."""
        if not tf.is_tensor(tensor):
            return tensor
        sizes = [None if self._any_size else size or None for size in tensor.shape]
        return tf.TensorSpec(sizes, tensor.dtype)


class SharedNearest(tf.Module):
    """The search among permitted videos (`retrieval.nearest.Nearest`), traced once.

    Attributes:
      num_videos: Number of videos in the index.
      search: See `Nearest.search`.
    """

    def __init__(self, search: filtered_search.Nearest) -> None:
        """Stores the search."""
        super().__init__()
        self.num_videos = search.num_videos
        self._search = search  # so that SavedModel finds its variables
        self.search = TracedFunction(search.search)


class SharedSource(interface.Source):
    """A candidate source, traced once."""

    def __init__(self, source: interface.Source) -> None:
        """Stores the source."""
        super().__init__(source.num)
        self.kind = source.kind
        self._source = source
        self._traced = TracedFunction(source.propose)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the videos that the source proposes for some requests."""
        return self._traced(requests._replace(limits=requests.permitted))
