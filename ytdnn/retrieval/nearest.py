"""The nearest permitted videos: a longer list of the index, or the vectors scored.

The index is searched for a longer list, by the number of videos that a request
excludes, and those not permitted are left out of its answer, so the only cost that
grows with the corpus is that of the index. Where that is not enough, the vectors
themselves are scored: only those of an allow-list, those that conditions permit where
these are few, or all of them where a request excludes very many, or where what is left
out has left too few. So a list is as long as there are permitted videos, up to the
requested length.

Conditions that permit a large share of the videos widen the search of the index by its
inverse. Others are exact: at most `FEW` permitted videos are gathered and scored, else
all are, and those that are not permitted are masked.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.index import brute_force, interface
from ytdnn.retrieval import permitted as permitted_room
from ytdnn.retrieval import rows

MOST_BARRED = 2_000  # of a request, for which the index is asked
FEW = 10_000  # videos that conditions permit: 1.3 ms; of 60,000 it is 5 to 12
LEAST_SHARE = 0.25  # of the videos, permitted: less, and the index is not asked
_MARGIN = 1.2  # more than the share says, as taste and conditions go together
_NONE = float("-inf")

Lists = tuple[tf.Tensor, tf.Tensor]  # videos and scores, `[batch, num]`
Maker = Callable[[tf.Tensor, tf.Tensor, permitted_room.Permitted], Lists]


class Nearest(tf.Module):
    """Search among permitted videos.

    Attributes:
      num_videos: In the index.
    """

    def __init__(self, searcher: tf.Module, num_videos: int) -> None:
        """Takes a search module.

        Args:
          searcher: Has `search(queries [batch, dim], k)` and the `vectors`.
          num_videos: In the index.
        """
        super().__init__()
        self.num_videos = num_videos
        self._searcher = searcher

    def search(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best permitted videos, best first.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists, at most `num_videos`.
          permitted: Videos that they may hold.

        Returns:
          indices `[batch, num] int32` and scores `[batch, num] float32`, 0 and `-inf`
          where there are fewer.
        """
        by_index = permitted.num_barred <= MOST_BARRED
        is_limited = permitted.is_limited
        if is_limited is not None:
            by_index &= ~is_limited
        share = self._share(permitted)
        by_index &= share >= LEAST_SHARE
        found, is_short = self._of_index(queries, num, permitted, by_index, share)
        mended = is_short | ~by_index
        return tf.cond(
            tf.reduce_any(mended) & (num > 0),
            lambda: self._mended(found, queries, num, permitted, mended, share),
            lambda: found,
        )

    def _share(self, permitted: permitted_room.Permitted) -> tf.Tensor:
        """Returns the share of the videos that conditions permit, `[batch] float32`."""
        conditions = permitted.conditions
        if conditions is None:
            return tf.ones(tf.shape(permitted.barred)[:1])

        def counted() -> tf.Tensor:
            number = conditions.num_permitted(self.num_videos)
            share = tf.cast(number, tf.float32) / self.num_videos
            return tf.where(conditions.is_given, tf.gather(share, conditions.which), 1)

        return tf.cond(
            tf.reduce_any(conditions.is_given),
            counted,
            lambda: tf.ones(tf.shape(conditions.which)),
        )

    def _mended(
        self,
        lists: Lists,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        mask: tf.Tensor,
        share: tf.Tensor,
    ) -> Lists:
        """Returns lists in which those of some requests are made from the vectors.

        Args:
          lists: Lists of the index.
          queries: `[batch, dim] float32`.
          num: `[] int32`, at least 1.
          permitted: Videos that they may hold.
          mask: `[batch] bool`, true for these requests.
          share: `[batch] float32`, share of the videos that conditions permit.
        """
        makers: list[tuple[tf.Tensor, Maker]] = []
        is_limited, conditions = permitted.is_limited, permitted.conditions
        if is_limited is not None:
            makers.append((is_limited, self._of_allowed))
            mask &= ~is_limited
        if conditions is not None:
            is_few = share * self.num_videos < FEW + 0.5
            given = mask & conditions.is_given
            makers += [
                (given & is_few, self._of_few_permitted),
                (given & ~is_few, self._of_many_permitted),
            ]
            mask &= ~conditions.is_given
        makers.append((mask, self._of_all_unconditional))
        for rows_made, make in makers:
            lists = _replaced(lists, rows_made, queries, num, permitted, make)
        return lists

    def _of_index(
        self,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        by_index: tf.Tensor,
        share: tf.Tensor,
    ) -> tuple[Lists, tf.Tensor]:
        """Returns the index's lists, and where the index may hold more, `[batch] bool`.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists.
          permitted: Videos that they may hold.
          by_index: `[batch] bool`, requests that the index is searched for.
          share: `[batch] float32`, share of the videos that conditions permit.
        """
        permitted = permitted.without_lists
        wanted = num + permitted.num_barred + tf.minimum(permitted.num_removed, num)
        factor = tf.where(share < 1.0, _MARGIN / tf.maximum(share, LEAST_SHARE), 1.0)
        wider = tf.math.ceil(tf.cast(wanted, tf.float32) * factor)
        width = rows.largest(tf.where(by_index, tf.cast(wider, tf.int32), 0))
        width = tf.minimum(tf.maximum(width, num), self.num_videos)

        def asked() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            videos, scores = self._searcher.search(queries, width)
            known = tf.reduce_sum(tf.cast(videos > 0, tf.int32), axis=1)
            valid = tf.math.is_finite(scores) & permitted.holds(videos)
            return *_best(videos, tf.where(valid, scores, _NONE), num), known

        def nothing() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            batch = tf.shape(queries)[0]
            empty = tf.stack([batch, num])
            return (
                tf.zeros(empty, tf.int32),
                tf.fill(empty, _NONE),
                tf.zeros([batch], tf.int32),
            )

        videos, scores, known = tf.cond(tf.reduce_any(by_index), asked, nothing)
        is_short = tf.reduce_any(tf.math.is_inf(scores), axis=1)
        return (videos, scores), is_short & (known < self.num_videos)

    def _of_allowed(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best of the allow-lists, each video of which is scored."""
        videos = tf.sort(permitted.allowed, axis=1)
        known = (videos > 0) & (videos <= self.num_videos)
        known &= (rows.occurrence(videos) == 0) & permitted.holds(videos)
        rows_known = tf.where(known, videos - 1, 0)
        vectors = interface.rows_of(self._searcher.vectors, rows_known)
        scores = tf.linalg.matvec(vectors, queries)
        return _best(videos, tf.where(known, scores, _NONE), num)

    def _of_few_permitted(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best of the few videos that conditions permit."""
        return self._of_conditions(queries, num, permitted, self._of_few)

    def _of_many_permitted(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best of the many videos that conditions permit."""
        return self._of_conditions(queries, num, permitted, self._of_all)

    def _of_conditions(
        self,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        make: Callable[..., Lists],
    ) -> Lists:
        """Returns the best of what conditions permit, one set after the other.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: What the lists may hold.
          make: `_of_few` or `_of_all`.
        """
        conditions = permitted.conditions
        if conditions is None:
            raise ValueError("expected conditions, found none")
        free = permitted.without_conditions
        sets, which = tf.unique(conditions.which)
        empty = tf.stack([tf.shape(queries)[0], num])

        def of_next(place: tf.Tensor, videos: tf.Tensor, scores: tf.Tensor) -> Any:
            mask = tf.equal(which, place)
            held = tf.gather(conditions.masks, sets[place])[1 : self.num_videos + 1]
            made = make(tf.boolean_mask(queries, mask), num, free.take(mask), held)
            cells = tf.where(mask)
            found = (
                tf.tensor_scatter_nd_update(old, cells, new)
                for old, new in zip((videos, scores), made, strict=True)
            )
            return place + 1, *found

        _, videos, scores = tf.while_loop(
            lambda place, videos, scores: place < tf.size(sets),
            of_next,
            (tf.constant(0), tf.zeros(empty, tf.int32), tf.fill(empty, _NONE)),
            parallel_iterations=1,
        )
        return videos, scores

    def _of_few(
        self,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        held: tf.Tensor,
    ) -> Lists:
        """Returns the best of the videos of a mask, which alone are scored.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: What else the lists may hold.
          held: `[num_videos] bool`.
        """
        found = tf.cast(tf.where(held)[:, 0], tf.int32)
        vectors = interface.rows_of(self._searcher.vectors, found)
        scores = tf.matmul(queries, vectors, transpose_b=True)
        videos = tf.tile((found + 1)[tf.newaxis], [tf.shape(queries)[0], 1])
        return _best(videos, tf.where(permitted.holds(videos), scores, _NONE), num)

    def _of_all_unconditional(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best of all videos."""
        return self._of_all(queries, num, permitted.without_conditions)

    def _of_all(
        self,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        held: tf.Tensor | None = None,
    ) -> Lists:
        """Returns the best of all videos, each of which is scored.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32`.
          permitted: What the lists may hold; its conditions do not count.
          held: `[num_videos] bool`, no others; None: any.
        """
        scores = interface.products(queries, self._searcher.vectors)
        barred = permitted.barred
        places = tf.where((barred > 0) & (barred <= self.num_videos))
        videos = tf.cast(tf.gather_nd(barred, places), tf.int64)
        cells = tf.stack([places[:, 0], videos - 1], axis=1)
        none = tf.fill(tf.shape(videos), _NONE)
        scores = tf.tensor_scatter_nd_update(scores, cells, none)
        if permitted.removed is not None:
            scores = tf.where(
                self._is_removed(permitted.removed.indices()), _NONE, scores
            )
        if held is not None:
            scores = tf.where(held, scores, _NONE)
        columns, scores = brute_force.top_k(scores, num)
        return tf.where(tf.math.is_inf(scores), 0, columns + 1), scores

    def _is_removed(self, removed: tf.Tensor) -> tf.Tensor:
        """Returns which videos of the index are removed, `[num_videos] bool`."""
        known = tf.boolean_mask(removed, (removed > 0) & (removed <= self.num_videos))
        return (
            tf.scatter_nd(
                known[:, tf.newaxis] - 1,
                tf.ones_like(known),
                tf.constant([self.num_videos]),
            )
            > 0
        )


def _best(videos: tf.Tensor, scores: tf.Tensor, num: tf.Tensor) -> Lists:
    """Returns the `num` videos of the largest scores, 0 where there are fewer.

    Args:
      videos: `[batch, n] int32`.
      scores: `[batch, n] float32`, `-inf` = none; ties keep their places.
      num: `[] int32`.
    """
    kept, slots = tf.math.top_k(scores, tf.minimum(num, tf.shape(scores)[1]))
    videos = tf.gather(videos, slots, batch_dims=1)
    videos = tf.where(tf.math.is_inf(kept), 0, videos)
    lacking = [[0, 0], [0, num - tf.shape(kept)[1]]]
    return tf.pad(videos, lacking), tf.pad(kept, lacking, constant_values=_NONE)


def _replaced(
    lists: Lists,
    mask: tf.Tensor,
    queries: tf.Tensor,
    num: tf.Tensor,
    permitted: permitted_room.Permitted,
    make: Maker,
) -> Lists:
    """Returns lists with some rows made another way, if there are any.

    Args:
      lists: `[batch, num]` each.
      mask: `[batch] bool`, true for these rows.
      queries: `[batch, dim] float32`.
      num: `[] int32`.
      permitted: Videos that the lists may hold.
      make: Function that makes them, from the rows' queries, `num` and `permitted`.
    """

    def replaced() -> Lists:
        made = make(tf.boolean_mask(queries, mask), num, permitted.take(mask))
        videos, scores = (
            tf.tensor_scatter_nd_update(old, tf.where(mask), new)
            for old, new in zip(lists, made, strict=True)
        )
        return videos, scores

    return tf.cond(tf.reduce_any(mask), replaced, lambda: lists)
