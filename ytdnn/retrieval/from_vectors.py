"""Lists of permitted videos scored from the vectors, where the index is too short.

Scored are the vectors of an allow-list, of the videos that conditions permit if these
are few, or of all videos.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.retrieval import conditions as conditions_room
from ytdnn.retrieval import permitted as permitted_room
from ytdnn.retrieval import rows
from ytdnn.retrieval.index import brute_force, interface

NONE = float("-inf")

Lists = tuple[tf.Tensor, tf.Tensor]  # videos and scores, `[batch, num]`
Maker = Callable[
    [interface.Tables, tf.Tensor, tf.Tensor, permitted_room.Permitted], Lists
]


class FromVectors(tf.Module):
    """Makes the lists of some requests from the vectors of all videos."""

    def __init__(self, num_videos: int) -> None:
        """Stores the number of videos with a vector."""
        super().__init__()
        self.num_videos = num_videos

    def replaced(
        self,
        vectors: interface.Tables,
        lists: Lists,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        mask: tf.Tensor,
        share: tf.Tensor,
    ) -> Lists:
        """Returns the lists, those of some requests replaced by lists from the vectors.

        Args:
          vectors: Vectors of all videos.
          lists: Lists of the index.
          queries: `[batch, dim] float32`.
          num: `[] int32`, at least 1.
          permitted: Videos that the lists may hold.
          mask: `[batch] bool`, requests with a list to replace.
          share: `[batch] float32`, share of the videos that conditions permit.
        """
        makers: list[tuple[tf.Tensor, Maker]] = []
        is_limited, conditions = permitted.is_limited, permitted.conditions
        if is_limited is not None:
            makers.append((is_limited, self._of_allowed))
            mask &= ~is_limited
        if conditions is not None:
            is_few = share * self.num_videos < conditions_room.FEW + 0.5
            given = mask & conditions.is_given
            makers += [
                (given & is_few, self._of_few_permitted),
                (given & ~is_few, self._of_many_permitted),
            ]
            mask &= ~conditions.is_given
        makers.append((mask, self._of_all_unconditional))
        for rows_made, make in makers:
            lists = _replaced(vectors, lists, rows_made, queries, num, permitted, make)
        return lists

    def _of_allowed(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
    ) -> Lists:
        """Returns the best videos of the allow-lists, after scoring each of them."""
        videos = tf.sort(permitted.allowed, axis=1)
        known = (videos > 0) & (videos <= self.num_videos)
        known &= (rows.occurrence(videos) == 0) & permitted.holds(videos)
        rows_known = tf.where(known, videos - 1, 0)
        of_videos = interface.rows_of(vectors, rows_known)
        scores = tf.linalg.matvec(of_videos, queries)
        return best(videos, tf.where(known, scores, NONE), num)

    def _of_few_permitted(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
    ) -> Lists:
        """Returns the best of the few videos that conditions permit."""
        return self._of_conditions(vectors, queries, num, permitted, self._of_few)

    def _of_many_permitted(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
    ) -> Lists:
        """Returns the best of the many videos that conditions permit."""
        return self._of_conditions(vectors, queries, num, permitted, self._of_many)

    def _of_conditions(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        make: Callable[..., Lists],
    ) -> Lists:
        """Returns the best videos that conditions permit, one set after the other.

        Args:
          vectors: Vectors of all videos.
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: Videos that the lists may hold.
          make: `_of_few` or `_of_many`.
        """
        conditions = permitted.conditions
        if conditions is None:
            raise ValueError("expected conditions, found none")
        free = permitted.without_conditions
        sets, which = tf.unique(conditions.which)
        empty = tf.stack([tf.shape(queries)[0], num])

        def of_next(place: tf.Tensor, videos: tf.Tensor, scores: tf.Tensor) -> Any:
            mask = tf.equal(which, place)
            by = free.take(mask)
            own = tf.boolean_mask(queries, mask)
            made = make(vectors, own, num, by, conditions, sets[place])
            cells = tf.where(mask)
            found = (
                tf.tensor_scatter_nd_update(old, cells, new)
                for old, new in zip((videos, scores), made, strict=True)
            )
            return place + 1, *found

        _, videos, scores = tf.while_loop(
            lambda place, videos, scores: place < tf.size(sets),
            of_next,
            (tf.constant(0), tf.zeros(empty, tf.int32), tf.fill(empty, NONE)),
            parallel_iterations=1,
        )
        return videos, scores

    def _of_few(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        conditions: conditions_room.Conditions,
        place: tf.Tensor,
    ) -> Lists:
        """Returns the best videos of a set of conditions, after scoring only these.

        Args:
          vectors: Vectors of all videos.
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: Other limits on the lists.
          conditions: The conditions.
          place: `[] int32` place of the set.
        """
        found = conditions.videos(place)
        of_videos = interface.rows_of(vectors, tf.minimum(found, self.num_videos) - 1)
        scores = tf.matmul(queries, of_videos, transpose_b=True)
        scores = tf.where(found <= self.num_videos, scores, NONE)
        # As many more as may be left out, so that only these are looked up.
        more = rows.largest(permitted.num_excluded) + permitted.num_removed
        kept, slots = tf.math.top_k(scores, tf.minimum(num + more, tf.size(found)))
        videos = tf.gather(found, slots)
        return best(videos, tf.where(permitted.holds(videos), kept, NONE), num)

    def _of_many(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        conditions: conditions_room.Conditions,
        place: tf.Tensor,
    ) -> Lists:
        """Returns the best videos of a set of conditions, after scoring all videos."""
        held = conditions.mask(place)[: self.num_videos]
        return self._of_all(vectors, queries, num, permitted, held)

    def _of_all_unconditional(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
    ) -> Lists:
        """Returns the best of all videos."""
        return self._of_all(vectors, queries, num, permitted.without_conditions)

    def _of_all(
        self,
        vectors: interface.Tables,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        held: tf.Tensor | None = None,
    ) -> Lists:
        """Returns the best permitted videos, after scoring all videos.

        Args:
          vectors: Vectors of all videos.
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: Videos that the lists may hold; its conditions are ignored.
          held: `[num_videos] bool`, the only videos that may be listed; None: any.
        """
        scores = interface.products(queries, vectors)
        excluded = permitted.excluded
        places = tf.where((excluded > 0) & (excluded <= self.num_videos))
        videos = tf.cast(tf.gather_nd(excluded, places), tf.int64)
        cells = tf.stack([places[:, 0], videos - 1], axis=1)
        none = tf.fill(tf.shape(videos), NONE)
        scores = tf.tensor_scatter_nd_update(scores, cells, none)
        if permitted.removed is not None:
            scores = tf.where(
                self._is_removed(permitted.removed.indices()), NONE, scores
            )
        if held is not None:
            scores = tf.where(held, scores, NONE)
        columns, scores = brute_force.top_k(scores, num)
        return tf.where(tf.math.is_inf(scores), 0, columns + 1), scores

    def _is_removed(self, removed: tf.Tensor) -> tf.Tensor:
        """Returns whether each video of the index is removed, `[num_videos] bool`."""
        known = tf.boolean_mask(removed, (removed > 0) & (removed <= self.num_videos))
        return (
            tf.scatter_nd(
                known[:, tf.newaxis] - 1,
                tf.ones_like(known),
                tf.constant([self.num_videos]),
            )
            > 0
        )


def best(videos: tf.Tensor, scores: tf.Tensor, num: tf.Tensor) -> Lists:
    """Returns the `num` videos of the largest scores, padded with 0.

    Args:
      videos: `[batch, n] int32`.
      scores: `[batch, n] float32`, `-inf` = none; ties keep their places.
      num: `[] int32`.
    """
    kept, slots = tf.math.top_k(scores, tf.minimum(num, tf.shape(scores)[1]))
    videos = tf.gather(videos, slots, batch_dims=1)
    videos = tf.where(tf.math.is_inf(kept), 0, videos)
    lacking = [[0, 0], [0, num - tf.shape(kept)[1]]]
    return tf.pad(videos, lacking), tf.pad(kept, lacking, constant_values=NONE)


def _replaced(
    vectors: interface.Tables,
    lists: Lists,
    mask: tf.Tensor,
    queries: tf.Tensor,
    num: tf.Tensor,
    permitted: permitted_room.Permitted,
    make: Maker,
) -> Lists:
    """Returns lists with some rows replaced, if `mask` has any.

    Args:
      vectors: Vectors of all videos.
      lists: `[batch, num]` each.
      mask: `[batch] bool`, rows to replace.
      queries: `[batch, dim] float32`.
      num: `[] int32`.
      permitted: Videos that the lists may hold.
      make: Function that makes them, from the rows' queries, `num` and `permitted`.
    """

    def replaced() -> Lists:
        chosen = tf.boolean_mask(queries, mask)
        made = make(vectors, chosen, num, permitted.take(mask))
        videos, scores = (
            tf.tensor_scatter_nd_update(old, tf.where(mask), new)
            for old, new in zip(lists, made, strict=True)
        )
        return videos, scores

    return tf.cond(tf.reduce_any(mask), replaced, lambda: lists)
