"""Initial vectors of the video tables, factorised from co-watch counts.

A video that is watched ten times gives ten gradients an epoch, too few to move a random
row to where it belongs. The same ten watches already say whom it shares its audience
with. So the tables begin as the leading right singular vectors of the matrix of users
and videos, each watch divided by the roots of its user's and its video's number of
watches: a factorisation of how much more often than by chance two videos have a viewer
in common (as pointwise mutual information, to first order: Levy and Goldberg, 2014).

The vectors are found by subspace iteration (Halko et al., 2011) with Chebyshev filters
(Zhou et al., 2006), since the matrix has no gap in its spectrum. It is read shard by
shard and never made. A product takes time in proportion to the watches. Arrays of all
videos are changed in place: a million videos have six of them at a time, 1.7 GB.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged
from ytdnn.log import events, prepared

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer]

# Added to the number of watches of a user and of a video, so that those with few, of
# which chance decides most, weigh less.
DAMPING = 5.0
_EXTRA = 8  # vectors that are iterated beside those asked for
_FIRST_STEPS = 2  # plain steps, which find out the range of the spectrum
_FILTERS, _DEGREE = 2, 4
_MOST_KEPT = 1 << 25  # events; of a longer log, shards are read again
_SHORTEST = 1e-12  # length: a vector of zeros stays one
_LEAST_SIZE = 1e-3  # share of the greatest; coordinates beyond the rank have none
_ROWS_A_BLOCK = 1 << 18  # of arrays that are changed in place
# Least bound of a filter, as a share of the greatest eigenvalue. A short log has fewer
# directions than columns: its least eigenvalue is 0, for which a filter would overflow.
_LEAST_BOUND = 1e-4
_COLUMNS_AT_ONCE = 32  # of products, whose memory they bound
_SEED = 0


def vectors(data: prepared.PreparedData, dim: int) -> Floats:
    """Returns a vector for each video of the vocabulary, `[vocabulary_size, dim]`.

    The length of a vector is n / (n + 5) for n watches, 0 where there is none in the
    training window; of a small log, coordinates beyond the rank are 0.

    Args:
      data: The prepared set.
      dim: Width of a vector.
    """
    rows, users = factors(data, dim)
    return shortened(rows, users)


def factors(data: prepared.PreparedData, dim: int) -> tuple[Floats, Ints]:
    """Returns vectors of the factorisation's own lengths, and users of each video.

    A history scores a video by the sum of its videos' vectors times that of the video,
    times its users + 5: the leading directions of the scaled matrix, scaled back.

    Args:
      data: The prepared set.
      dim: Width of a vector.

    Returns:
      `[vocabulary_size, dim]` and `[vocabulary_size]`.
    """
    watched = np.zeros(data.vocabulary_size, np.int64)
    parts = _Parts(data)
    for part in parts:
        watched += np.bincount(part.videos, minlength=len(watched))
    scale = 1.0 / np.sqrt(watched + DAMPING).astype(np.float32)
    space = _Space(lambda rows: _product(parts, scale, rows), len(watched))
    rank = min(dim, max(0, min(data.num_users, int((watched > 0).sum())) - 1))
    embedded = np.zeros((len(watched), dim), np.float32)
    if rank:
        basis, values = space.leading(rank)
        embedded[:, :rank] = basis * scale[:, np.newaxis] * values
    return embedded, watched


def shortened(rows: Floats, users: Ints) -> Floats:
    """Returns `factors` with lengths of n / (n + 5) for n users."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    known = (users / (users + DAMPING)).astype(np.float32)[:, np.newaxis]
    return rows / np.maximum(lengths, _SHORTEST) * known


def evened(rows: Floats, share: float) -> Floats:
    """Returns vectors whose coordinates are nearer to one size.

    The sizes of coordinates, their root mean squares, fall as the spectrum does. Where
    videos have many watches, the small ones are more than chance.

    Args:
      rows: `[videos, dim]`, of `factors`.
      share: 0: as they are; 1: all coordinates have one size.
    """
    if not share or not rows.any():
        return rows
    sizes = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    return rows / np.maximum(sizes / sizes.max(), _LEAST_SIZE) ** np.float32(share)


@dataclasses.dataclass(frozen=True)
class _Space:
    """The leading eigenvectors of a symmetric positive matrix.

    Attributes:
      product: Function that multiplies the matrix by columns `[size, columns]`.
      size: Size of the matrix.
    """

    product: Callable[[Floats], Floats]
    size: int

    def leading(self, num: int) -> tuple[Floats, Floats]:
        """Returns eigenvectors `[size, num]` after the first, and eigenvalues `[num]`.

        The first says how often a video is watched at all, and is left out.
        """
        rng = np.random.Generator(np.random.Philox(_SEED))
        first = np.ones((self.size, 1), np.float32)
        for _ in range(_FIRST_STEPS * _DEGREE):
            first = _orthonormal(self.product(first))
        width = min(num + _EXTRA, self.size - 1)
        rows = rng.standard_normal((self.size, width), np.float32)
        rows = _orthonormal(_without(rows, first))
        for _ in range(_FIRST_STEPS):
            rows, values = self._ritz(rows, first, after=True)
            rows = _orthonormal(rows)
        for _ in range(_FILTERS):
            bound = max(float(values[-1]), _LEAST_BOUND * float(values[0]))
            rows = self._filtered(rows, first, bound)
            rows, values = self._ritz(rows, first)
        return rows[:, :num], values[:num]

    def _ritz(
        self, rows: Floats, first: Floats, after: bool = False
    ) -> tuple[Floats, Floats]:
        """Returns the best eigenvectors within a basis, and the values.

        Args:
          rows: The basis, which is changed.
          first: Direction that is left out.
          after: Whether the products of the eigenvectors are returned in their place.
        """
        products = _without(self.product(rows), first)
        values, turn = np.linalg.eigh((rows.T @ products).astype(np.float64))
        turn = turn[:, ::-1].astype(np.float32)
        values = values[::-1].clip(0.0).astype(np.float32)
        return _turned(products if after else rows, turn), values

    def _filtered(self, rows: Floats, first: Floats, bound: float) -> Floats:
        """Returns Chebyshev's polynomial of the matrix, small below a bound."""
        half = max(bound, 1e-12) / 2.0

        def shifted(columns: Floats) -> Floats:
            result = _without(self.product(columns), first)
            result /= half
            result -= columns
            return result

        before, now = rows, shifted(rows)
        for _ in range(_DEGREE - 1):
            following = shifted(now)
            following *= 2.0
            following -= before
            before, now = now, following
        return _orthonormal(now)


@dataclasses.dataclass(frozen=True)
class _Part:
    """The training watches of some users, each video of a user once.

    Attributes:
      users: `[pairs] int32`, ascending, from 0.
      videos: `[pairs] int32`, index − 1.
      by_video: `[pairs]`, the order of pairs by their video.
    """

    users: Ints
    videos: Ints
    by_video: Ints

    @classmethod
    def from_shard(cls, shard: events.Shard, size: int) -> "_Part":
        """Returns the part of a shard, with videos up to `size`."""
        watches = shard.watches
        videos = np.asarray(watches.videos).astype(np.int64)
        keep = np.asarray(watches.splits) == events.Split.TRAIN
        keep &= (videos > 0) & (videos <= size)
        users = np.asarray(watches.users)[keep].astype(np.int64)
        pairs = np.sort(users * size + videos[keep] - 1)
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        users, videos = np.divmod(pairs, size)
        by_video = np.argsort(videos, kind="stable")
        return cls(*(part.astype(np.int32) for part in (users, videos, by_video)))


class _Parts:
    """The training watches, shard by shard; a short log stays in memory."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Prepares reading; a shard is read when it is needed."""
        self._data = data
        is_short = sum(shard.num_events for shard in data.log.shards) <= _MOST_KEPT
        self._kept = list(self._read()) if is_short else None

    def __iter__(self) -> Iterator[_Part]:
        """Yields each shard's."""
        return iter(self._kept) if self._kept is not None else self._read()

    def columns_at_once(self, number: int) -> list[slice]:
        """Returns the columns of each product: few of a short log, which is at hand."""
        return ragged.slices(number, number if self._kept is None else _COLUMNS_AT_ONCE)

    def _read(self) -> Iterator[_Part]:
        size = self._data.vocabulary_size
        return (_Part.from_shard(shard.read(), size) for shard in self._data.log.shards)


def _product(parts: _Parts, scale: Floats, rows: Floats) -> Floats:
    """Returns Aᵀ A times columns, with A the scaled matrix of users and videos.

    Args:
      parts: The watches.
      scale: `[videos]`, of each video's watches.
      rows: `[videos, columns]`.
    """
    products = np.empty_like(rows)
    for few in parts.columns_at_once(rows.shape[1]):
        scaled = rows[:, few] * scale[:, np.newaxis]
        total = np.zeros_like(scaled)
        for part in parts:
            if not len(part.users):
                continue
            number = int(part.users[-1]) + 1
            counts = np.bincount(part.users, minlength=number)
            of_users = _sums(scaled, part.videos, part.users, number)
            damped = (counts + DAMPING).astype(np.float32)
            of_users = np.divide(of_users, damped[:, np.newaxis], dtype=np.float32)
            users, videos = part.users[part.by_video], part.videos[part.by_video]
            total += _sums(of_users, users, videos, len(rows))
        np.multiply(total, scale[:, np.newaxis], out=products[:, few])
    return products


def _sums(values: Floats, rows: Ints, groups: Ints, num_groups: int) -> Floats:
    """Returns the sums of rows by group, `[num_groups, columns]`, groups ascending."""
    sums = tf.sparse.segment_sum(values, rows, groups, num_segments=num_groups)
    return np.asarray(memoryview(sums))  # not copied


def _without(rows: Floats, direction: Floats) -> Floats:
    """Removes the component along a unit vector from each column, in place."""
    part = direction.T @ rows
    for few in ragged.slices(len(rows), _ROWS_A_BLOCK):
        rows[few] -= direction[few] @ part
    return rows


def _turned(rows: Floats, turn: Floats) -> Floats:
    """Returns the columns, changed, times a square matrix."""
    for few in ragged.slices(len(rows), _ROWS_A_BLOCK):
        rows[few] = rows[few] @ turn
    return rows


def _orthonormal(rows: Floats) -> Floats:
    """Returns the orthonormal basis that is nearest to the columns, which change.

    By the root of their products, twice for the digits that the first time loses.
    """
    for _ in range(2):
        # A short log has fewer directions than columns: those left over are zero.
        rows /= np.maximum(np.linalg.norm(rows, axis=0), np.finfo(rows.dtype).tiny)
        values, turn = np.linalg.eigh((rows.T @ rows).astype(np.float64))
        roots = np.sqrt(np.maximum(values, values[-1] * _SHORTEST))
        rows = _turned(rows, ((turn / roots) @ turn.T).astype(np.float32))
    return rows
