"""The inputs of the candidate sources from a request, and the videos it permits."""

from collections.abc import Sequence

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.bundle import traced
from ytdnn.log import fields as fields_room
from ytdnn.log import lookups
from ytdnn.log import request as raw_request
from ytdnn.retrieval import conditions as conditions_room
from ytdnn.retrieval import filters as filters_room
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval import permitted, request_fields

_CONDITIONS = (schema.CONDITIONS, schema.CONDITION_VALUES, schema.POLICY, schema.TIME)


class FilterReader(tf.Module):
    """Reads the limits of requests on the videos of their answers.

    Attributes:
      removed: Videos left out of every answer; None: nothing was removed.
    """

    def __init__(
        self,
        removed: lookups.RemovedVideos | None = None,
        filters: filters_room.Filters | None = None,
        removes_watched: bool = True,
        fields: Sequence[request_fields.RequestField] = (),
    ) -> None:
        """Stores the limits that all requests share.

        Args:
          removed: Videos left out of every answer; None: nothing was removed.
          filters: Reads conditions; None: requests have none.
          removes_watched: Whether videos of the history are left out.
          fields: Other keys of requests that leave videos out.
        """
        super().__init__()
        self._others = list(fields)
        self.removed = removed
        self._filters = filters
        self._removes_watched = removes_watched
        self._conditions = traced.Traced(self._read)

    @property
    def fields(self) -> tuple[fields_room.Field, ...]:
        """Fields of the registered keys that leave videos out."""
        return tuple(each.field for each in self._others)

    def source_requests(
        self, request: raw_request.Request, user_vectors: tf.Tensor
    ) -> retrieval.SourceRequests:
        """Returns the inputs of candidate sources for a request.

        Args:
          request: The request.
          user_vectors: `[batch, vector_dim] float32`.
        """
        watched = request.watched_indices
        left_out = watched if self._removes_watched else watched[:, :0]
        by = self.permitted(request.raw, request.videos, left_out)
        return retrieval.SourceRequests(watched, request.times, user_vectors, by)

    def permitted(
        self, raw: raw_request.Raw, videos: lookups.VideoIds, watched: tf.Tensor
    ) -> permitted.Permitted:
        """Returns the videos that answers to requests may hold.

        Args:
          raw: The request; its lists of ids and its conditions may be left out.
          videos: Ids and indices of the catalogue.
          watched: `[batch, n] int32` watched videos, to leave out.
        """
        left_out, allowed, is_limited, conditions = watched, None, None, None
        if schema.EXCLUDE_IDS in raw:
            excluded = videos.indices(raw[schema.EXCLUDE_IDS])
            left_out = tf.concat([watched, excluded], axis=1)
        others = request_fields.excluded(self._others, raw)
        if others:
            left_out = tf.concat([left_out, *others], axis=1)
        if schema.ALLOW_IDS in raw:
            allowed = videos.indices(raw[schema.ALLOW_IDS])
            is_limited = tf.reduce_any(videos.present(raw[schema.ALLOW_IDS]), axis=1)
        if self._filters is not None and schema.CONDITIONS in raw:
            read = {name: raw[name] for name in _CONDITIONS if name in raw}
            conditions = conditions_room.Conditions(*self._conditions(read))
        return permitted.Permitted(
            left_out, allowed, is_limited, self.removed, conditions
        )

    def _read(self, raw: raw_request.Raw) -> traced.Tensors:
        if self._filters is None:
            raise ValueError("expected filters, found none")
        return self._filters.read(raw).tensors()
