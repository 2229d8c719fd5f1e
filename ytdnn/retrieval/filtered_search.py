"""The nearest permitted videos: a longer list of the index, or the vectors scored.

The index is searched for a list that is longer by the number of excluded videos, and
these are then left out, so the only cost that grows with the corpus is that of the
index. Where that is not enough, the vectors themselves are scored: those of an
allow-list; those that conditions permit, if these are few; or all, if a request
excludes very many videos or too few videos are left. So a list holds all permitted
videos, up to the requested length.

Conditions that permit many videos lengthen the list of the index by the inverse of
their share. Others are exact: at most `FEW` permitted videos are gathered and scored,
else all are, and those that are not permitted are masked.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from ytdnn.retrieval import allowed_videos, row_ops
from ytdnn.retrieval.index import brute_force, interface

Tensor: TypeAlias = tf.Tensor

Tables = interface.Tables

MOST_EXCLUDED = 2_000  # Most ids a request may exclude for the index to be searched
# The index is searched from this permitted share on; of less, for a list of at most
# this part of the videos: 3 ms of a million, all of which take 12.
LEAST_SHARE = 0.25
MOST_LISTED = 0.01
FEW = 10_000  # videos that are listed and scored: 1.3 ms; of 60,000 it is 5 to 12
_MARGIN = 1.2  # more than the share says, as taste and conditions go together
_NONE = float("-inf")

Lists = tuple[Tensor, Tensor]  # videos and scores, `[batch, num]`
Allowed = allowed_videos.AllowedVideos


class Nearest(tf.Module):
    """Search among permitted videos.

    Attributes:
      num_videos: Number of videos in the index.
    """

    def __init__(
        self,
        searcher: tf.Module,
        num_videos: int,
        score: Callable[..., Lists] | None = None,
    ) -> None:
        """Wraps a search module.

        Args:
          searcher: Module with `search(queries [batch, dim], k)` and `vectors`.
          num_videos: Number of videos in the index.
          score: `score_vectors`, traced once for several indexes.
        """
        super().__init__()
        self.num_videos = num_videos
        self._searcher = searcher
        self._score = score or score_vectors

    def search(self, queries: Tensor, num: Tensor, permitted: Allowed) -> Lists:
        """Returns the best permitted videos, best first.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists, at most `num_videos`.
          permitted: Videos that the lists may hold.

        Returns:
          indices `[batch, num] int32` and scores `[batch, num] float32`, 0 and `-inf`
          where there are fewer.
        """
        by_index = permitted.num_excluded <= MOST_EXCLUDED
        if permitted.is_limited is not None:
            by_index &= ~permitted.is_limited
        share = tf.ones(tf.shape(permitted.excluded)[:1])
        if permitted.conditions is not None:
            share = permitted.conditions.shares()
        wanted = num + permitted.num_excluded + tf.minimum(permitted.num_removed, num)
        least = 1.0 / self.num_videos
        factor = tf.where(share < 1.0, _MARGIN / tf.maximum(share, least), 1.0)
        lengths = tf.math.ceil(tf.cast(wanted, tf.float32) * factor)
        by_index &= (share >= LEAST_SHARE) | (lengths <= MOST_LISTED * self.num_videos)
        lists, is_short = self._by_index(queries, num, permitted, by_index, lengths)
        vectors = interface.tables(self._searcher.vectors)
        size = tf.constant(self.num_videos)
        return _replace_rows(
            lists,
            (is_short | ~by_index) & (num > 0),
            lambda mask: self._score(
                vectors, size, tf.boolean_mask(queries, mask), num, permitted.take(mask)
            ),
        )

    def _by_index(
        self,
        queries: Tensor,
        num: Tensor,
        permitted: Allowed,
        by_index: Tensor,
        lengths: Tensor,
    ) -> tuple[Lists, Tensor]:
        """Returns the index's lists, and whether it may hold more, `[batch] bool`.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists.
          permitted: Videos that the lists may hold.
          by_index: `[batch] bool`, requests that the index is searched for.
          lengths: `[batch] float32` length of the index's lists that is enough.
        """
        permitted = permitted._replace(allowed=None, is_limited=None)
        lengths = tf.minimum(lengths, float(self.num_videos))
        width = row_ops.largest(tf.where(by_index, tf.cast(lengths, tf.int32), 0))
        width = tf.minimum(tf.maximum(width, num), self.num_videos)

        def ask() -> tuple[Tensor, Tensor, Tensor]:
            videos, scores = self._searcher.search(queries, width)
            known = tf.reduce_sum(tf.cast(videos > 0, tf.int32), axis=1)
            valid = tf.math.is_finite(scores) & permitted.holds(videos)
            return *_best(videos, tf.where(valid, scores, _NONE), num), known

        def ask_nothing() -> tuple[Tensor, Tensor, Tensor]:
            return *_empty(queries, num), tf.zeros(tf.shape(queries)[:1], tf.int32)

        videos, scores, known = tf.cond(tf.reduce_any(by_index), ask, ask_nothing)
        is_short = tf.reduce_any(tf.math.is_inf(scores), axis=1)
        return (videos, scores), is_short & (known < self.num_videos)


class _Queries(NamedTuple):
    """Queries and the limits of their lists.

    Attributes:
      vectors: Vectors of all videos.
      size: `[] int32` number of videos.
      queries: `[batch, dim] float32`.
      num: `[] int32`, length of the lists.
      permitted: Videos that the lists may hold.
    """

    vectors: Tables
    size: Tensor
    queries: Tensor
    num: Tensor
    permitted: Allowed

    def take(self, mask: Tensor) -> "_Queries":
        """Returns some of the queries."""
        queries, permitted = tf.boolean_mask(self.queries, mask), self.permitted
        return self._replace(queries=queries, permitted=permitted.take(mask))


def score_vectors(
    vectors: Tables, size: Tensor, queries: Tensor, num: Tensor, permitted: Allowed
) -> Lists:
    """Returns the best permitted videos, after scoring their vectors.

    Args:
      vectors: Vectors of all videos.
      size: `[] int32` number of videos.
      queries: `[batch, dim] float32`.
      num: `[] int32`, at least 1.
      permitted: Videos that the lists may hold.
    """
    is_limited, lists = permitted.is_limited, _empty(queries, num)
    asked = _Queries(vectors, size, queries, num, permitted)
    is_free = tf.ones(tf.shape(queries)[:1], tf.bool)
    if is_limited is not None:
        lists = _replace_rows(
            lists, is_limited, lambda mask: _score_allowed(asked.take(mask))
        )
        is_free = ~is_limited
    free = permitted._replace(allowed=None, is_limited=None, conditions=None)
    asked_free, conditions = asked._replace(permitted=free), permitted.conditions

    def score(place: Tensor, mask: Tensor) -> Lists:
        some = asked_free.take(mask)
        if conditions is None:
            return _score_all(some)
        return tf.cond(
            place < 0,
            lambda: _score_all(some),
            lambda: _score_held(some, conditions.mask(place)[:size]),
        )

    if conditions is None:
        return _replace_rows(lists, is_free, lambda mask: score(tf.constant(-1), mask))
    sets, which = tf.unique(tf.where(conditions.is_given, conditions.which, -1))

    def score_next(place: Tensor, *lists: Tensor) -> Any:
        mask = is_free & tf.equal(which, place)
        lists = _replace_rows(lists, mask, lambda mask: score(sets[place], mask))
        return place + 1, *lists

    _, videos, scores = tf.while_loop(
        lambda place, *lists: place < tf.size(sets),
        score_next,
        (tf.constant(0), *lists),
        parallel_iterations=1,
    )
    return videos, scores


def _score_allowed(asked: _Queries) -> Lists:
    """Returns the best videos of the allow-lists, after scoring each of them."""
    vectors, size, queries, num, permitted = asked
    videos = tf.sort(permitted.allowed, axis=1)
    known = (videos > 0) & (videos <= size)
    known &= (row_ops.occurrence(videos) == 0) & permitted.holds(videos)
    chosen = interface.rows_of(vectors, tf.where(known, videos - 1, 0))
    return _best(videos, tf.where(known, tf.linalg.matvec(chosen, queries), _NONE), num)


def _score_held(asked: _Queries, held: Tensor) -> Lists:
    """Returns the best videos of those that one set of conditions permits.

    Args:
      asked: Queries, with the other limits on their lists.
      held: `[size] bool`, videos that the conditions permit.
    """
    vectors, _, queries, num, permitted = asked
    places = tf.cast(tf.where(held)[:, 0], tf.int32)

    def score_few() -> Lists:
        chosen = interface.rows_of(vectors, places)
        scores = tf.matmul(queries, chosen, transpose_b=True)
        # As many more as may be left out, so that only these are looked up.
        more = row_ops.largest(permitted.num_excluded) + permitted.num_removed
        best, slots = tf.math.top_k(scores, tf.minimum(num + more, tf.size(places)))
        videos = tf.gather(places, slots) + 1
        return _best(videos, tf.where(permitted.holds(videos), best, _NONE), num)

    return tf.cond(tf.size(places) <= FEW, score_few, lambda: _score_all(asked, held))


def _score_all(asked: _Queries, held: Tensor | None = None) -> Lists:
    """Returns the best permitted videos, after scoring all videos; see `_score_held`.

    Args:
      asked: Queries, whose limits are without allow-lists and conditions.
      held: `[size] bool`, the only videos that may be listed; None: any.
    """
    vectors, size, queries, num, permitted = asked
    scores = interface.products(queries, vectors)
    excluded = permitted.excluded
    places = tf.where((excluded > 0) & (excluded <= size))
    videos = tf.cast(tf.gather_nd(excluded, places), tf.int64)
    cells = tf.stack([places[:, 0], videos - 1], axis=1)
    none = tf.fill(tf.shape(videos), _NONE)
    scores = tf.tensor_scatter_nd_update(scores, cells, none)
    if permitted.removed is not None:
        removed = permitted.removed.indices()
        known = tf.boolean_mask(removed, (removed > 0) & (removed <= size))
        ones = tf.ones_like(known)
        is_removed = tf.scatter_nd(known[:, tf.newaxis] - 1, ones, size[tf.newaxis]) > 0
        scores = tf.where(is_removed, _NONE, scores)
    if held is not None:
        scores = tf.where(held, scores, _NONE)
    columns, scores = brute_force.top_k(scores, num)
    return tf.where(tf.math.is_inf(scores), 0, columns + 1), scores


def _empty(queries: Tensor, num: Tensor) -> Lists:
    shape = tf.stack([tf.shape(queries)[0], num])
    return tf.zeros(shape, tf.int32), tf.fill(shape, _NONE)


def _best(videos: Tensor, scores: Tensor, num: Tensor) -> Lists:
    """Returns the `num` videos of the largest scores, padded with 0.

    Args:
      videos: `[batch, n] int32`.
      scores: `[batch, n] float32`, `-inf` = none; ties keep their places.
      num: `[] int32`.
    """
    best, slots = tf.math.top_k(scores, tf.minimum(num, tf.shape(scores)[1]))
    videos = tf.gather(videos, slots, batch_dims=1)
    videos = tf.where(tf.math.is_inf(best), 0, videos)
    lacking = [[0, 0], [0, num - tf.shape(best)[1]]]
    return tf.pad(videos, lacking), tf.pad(best, lacking, constant_values=_NONE)


def _replace_rows(lists: Lists, mask: Tensor, make: Callable[[Tensor], Lists]) -> Lists:
    """Returns lists with some rows replaced, if there are any.

    Args:
      lists: `[batch, num]` each.
      mask: `[batch] bool`, rows to replace.
      make: Function that makes these rows, from the mask.
    """

    def replace() -> Lists:
        videos, scores = (
            tf.tensor_scatter_nd_update(old, tf.where(mask), new)
            for old, new in zip(lists, make(mask), strict=True)
        )
        return videos, scores

    return tf.cond(tf.reduce_any(mask), replace, lambda: lists)
