"""Caps of a request: the most videos of each value of a column that a slate may hold.

    {"max_per": {"channel_id": 2, "topic": 3}}

The signatures take the columns as texts and a number for each. The best videos of each
channel, and of each topic, stay. Several caps are applied one after the other, in the
order of the columns of the log. A video without a value is not capped.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.retrieval import filters as filters_room
from ytdnn.retrieval import page

_MOST = 2**31 - 1

Codes = Mapping[str, npt.NDArray[np.int32]]
"""The value of each video as a code, by column; 0 where it is unknown."""


class Caps(tf.Module):
    """Reads the caps of requests.

    Attributes:
      columns: Columns that can be capped.
    """

    def __init__(self, filters: filters_room.Filters) -> None:
        """Uses the columns that conditions can be put on."""
        super().__init__()
        self._filters = filters
        self.columns = tuple(filters.columns)

    def __call__(
        self, raw: Mapping[str, tf.Tensor], videos: tf.Tensor, order: tf.Tensor
    ) -> tf.Tensor:
        """Returns the order, with `-inf` for videos beyond the caps of their request.

        An unknown column permits nothing, as with conditions.

        Args:
          raw: The requests; without caps the order is returned as it is.
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, `-inf` = not in the slate.
        """
        if schema.MAX_PER_COLUMNS not in raw or not self.columns:
            return order
        names = raw[schema.MAX_PER_COLUMNS]
        counts = raw[schema.MAX_PER_COUNTS]
        return tf.cond(
            tf.reduce_any(names != ""),
            lambda: self._capped(names, counts, videos, order),
            lambda: order,
        )

    def _capped(
        self, names: tf.Tensor, counts: tf.Tensor, videos: tf.Tensor, order: tf.Tensor
    ) -> tf.Tensor:
        """Returns the order; for arguments see `__call__`.

        Args:
          names: `[batch, m]` columns, empty where there is none.
          counts: `[batch, n] int32`, the most videos of each value of a column.
          videos: See `__call__`.
          order: See `__call__`.
        """
        lacking = tf.maximum(tf.shape(names)[1] - tf.shape(counts)[1], 0)
        counts = tf.pad(counts, [[0, 0], [0, lacking]])[:, : tf.shape(names)[1]]
        known = tf.equal(names, "")
        lists = self._filters.lists()
        for column, place in self._filters.columns.items():
            is_own = tf.equal(names, column)
            known |= is_own
            most = tf.reduce_min(tf.where(is_own, counts, _MOST), axis=1)
            order = tf.cond(
                tf.reduce_any(is_own),
                lambda order=order, place=place, most=most: page.capped(
                    order, lists.codes_of(place, videos), most[:, tf.newaxis]
                ),
                lambda order=order: order,
            )
        is_known = tf.reduce_all(known, axis=1, keepdims=True)
        return tf.where(is_known, order, float("-inf"))


def kept(
    videos: npt.NDArray[np.integer], codes: Codes, most: Mapping[str, int]
) -> npt.NDArray[np.bool_]:
    """Returns whether each video of a list is within the caps, `[n, length] bool`.

    The same rule as `Caps`, in NumPy, for lists that are not made by a model.

    >>> codes = {"channel_id": np.array([0, 1, 1, 2], np.int32)}
    >>> kept(np.array([[2, 1, 3, 0]]), codes, {"channel_id": 1})
    array([[ True, False,  True, False]])

    Args:
      videos: `[n, length]` catalogue indices, best first, padded with 0.
      codes: Codes of the values by catalogue index, for each capped column.
      most: Number of videos of each value, by column.
    """
    found = videos > 0
    for column, of_videos in codes.items():
        if column in most:
            values = np.where(found, of_videos[videos], 0)
            found &= (values == 0) | (_occurrence(values) < most[column])
    return found


def _occurrence(values: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Returns the number of earlier occurrences in the row, `[n, length]`."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    begins = np.ones(ordered.shape, bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(values.shape[1])
    firsts = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    found = np.empty(values.shape, np.int64)
    np.put_along_axis(found, order, places - firsts, axis=1)
    return found
