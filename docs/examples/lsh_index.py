"""Locality-sensitive hashing: signed random projections (PAPER §3, serving).

    ytdnn run --workdir=RUN --config.extensions=lsh_index.py --config.index.search=lsh

The paper's earlier system searched so. On every log here ScaNN and inverted lists reach
its recall in less time (experiments/approximate_search.py).

The largest dot products become the smallest angles when every vector, the mean taken
off, is given one more coordinate that makes all norms alike, and the query a 0 there
(Neyshabur and Srebro, ICML 2015). A table cuts this space by `num_bits` hyperplanes:
the signs of a vector are its bucket. The planes of a table are orthogonal, and pass
through the medians of the vectors: otherwise the added coordinate would put nearly all
vectors into few buckets.

A query looks into the buckets that agree best with its own signs, each sign weighing
its margin (multi-probe LSH: Lv et al., VLDB 2007), over all tables, until a set number
of videos is found; these are scored exactly. Buckets are ranges of an array of videos,
so everything is a gather, in stock TensorFlow ops and bounded memory.
"""

import dataclasses
import math
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.retrieval.index import brute_force, interface

_VIDEOS_PER_BUCKET = 64  # on average
_SEED = 0  # of the projections
MOST_BITS = 16  # 65,536 buckets a table
_SLOTS_PER_RESULT = 8  # videos that are scored, at least
_PROBES = 2.0  # buckets looked into, as a multiple of what average ones would need
# Default share of the videos that is scored: of a million, and the power by which it
# rises for fewer.
_FRACTION_AT_MILLION = 0.1
_FRACTION_POWER = 0.35

Found = tuple[tf.Tensor, tf.Tensor]


@configs.validated
class LshConfig(configs.Extension):
    """Hashing by signed random projections, the early method, in stock operations.

    Attributes:
      num_tables: Number of tables of buckets. A video is found if a searched bucket of
        any table contains it.
      num_bits: Number of projections of a table, which has two to this power of
        buckets; 0 = from the corpus size.
      scored_fraction: Share of the videos in the searched buckets of all tables; 0 =
        from the corpus size.
    """

    num_tables: Annotated[int, pydantic.Field(gt=0)] = 4
    num_bits: Annotated[int, pydantic.Field(ge=0, le=16)] = 0
    scored_fraction: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.0
    kind: Literal["lsh"] = "lsh"


@dataclasses.dataclass(frozen=True)
class BucketTables:
    """The buckets of all tables, as variables.

    Attributes:
      planes: `[dim, num_tables * num_bits] float32`, without the added coordinate.
      order: Video rows by table and bucket, `[num_tables * num_videos] int32`.
      starts: First row of each bucket in `order`, `[num_tables * num_buckets + 1]
        int32`.
    """

    planes: tf.Variable
    order: tf.Variable
    starts: tf.Variable


class LshModule(interface.SearchModule):
    """Tables of buckets, with an exact index that is used where it costs less.

    Attributes:
      exact: Exact search of the same vectors.
      planes: Planes as in `BucketTables`.
      order: Order as in `BucketTables`.
      starts: Starts as in `BucketTables`.
    """

    def __init__(
        self,
        exact: brute_force.BruteForceModule,
        tables: BucketTables,
        config: LshConfig,
    ) -> None:
        """Creates the module.

        Args:
          exact: Exact search of the vectors.
          tables: Their buckets.
          config: Settings; those of the build must be the settings of the tables.
        """
        self._size, dim = exact.vectors.shape
        super().__init__(self._size, dim)
        self._num_tables = config.num_tables
        self._bits = num_bits(self._size, config)
        self._num_full = int(np.count_nonzero(np.diff(tables.starts.numpy())))
        self.least_slots = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.adjust(config)
        self.exact = exact
        self.vectors = exact.vectors
        self.planes, self.order, self.starts = (
            tables.planes,
            tables.order,
            tables.starts,
        )

    def adjust(self, config: LshConfig) -> None:
        """Changes the share of the videos that is scored, the only setting read."""
        share = scored_fraction(self._size, config)
        self.least_slots.assign(math.ceil(share * self._size))

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> Found:
        wanted = tf.minimum(k, self._size)
        slots = tf.maximum(self.least_slots, wanted * _SLOTS_PER_RESULT)
        indices, scores = tf.cond(
            slots < self._size,
            lambda: self._hashed(queries, wanted, slots),
            lambda: self.exact.search(queries, wanted),
        )
        return interface.padded(indices, scores, k)

    def _hashed(self, queries: tf.Tensor, k: tf.Tensor, slots: tf.Tensor) -> Found:
        """Searches one query after the other, in the memory of one."""
        signature = (tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32))
        indices, scores = tf.map_fn(
            lambda query: self._of_query(query, k, slots),
            queries,
            fn_output_signature=signature,
            parallel_iterations=1,
        )
        batch = tf.shape(queries)[0]  # map_fn of none forgets the width
        return tf.reshape(indices, [batch, k]), tf.reshape(scores, [batch, k])

    def _of_query(self, query: tf.Tensor, k: tf.Tensor, slots: tf.Tensor) -> Found:
        """Scores the videos of the buckets, or all if these are fewer than k."""
        rows = self._candidates(query, slots)
        scores = tf.linalg.matvec(interface.rows_of(self.vectors, rows), query)
        rows, scores = _distinct(rows, scores, k, self._num_tables)
        return tf.cond(
            tf.shape(rows)[0] < k,
            lambda: tuple(one[0] for one in self.exact.search(query[tf.newaxis], k)),
            lambda: (rows + 1, scores),
        )

    def _candidates(self, query: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
        """Returns the videos of the best buckets, `[at most slots] int32`.

        They are ordered by falling agreement, and repeat if several tables have them.
        """
        buckets = self._buckets(query, self._probes(slots))
        starts = tf.gather(self.starts, buckets)
        sizes = tf.gather(self.starts, buckets + 1) - starts
        before = tf.cumsum(sizes, exclusive=True)
        sizes = tf.clip_by_value(slots - before, 0, sizes)
        return tf.gather(self.order, tf.ragged.range(starts, starts + sizes).values)

    def _probes(self, slots: tf.Tensor) -> tf.Tensor:
        mean = self._num_tables * self._size / self._num_full
        probes = tf.math.ceil(_PROBES * tf.cast(slots, tf.float32) / mean)
        most = self._num_tables * 2**self._bits
        return tf.minimum(tf.cast(probes, tf.int32), most)

    def _buckets(self, query: tf.Tensor, probes: tf.Tensor) -> tf.Tensor:
        """Returns the buckets of all tables that agree best, `[probes] int32`.

        The agreement of a bucket is the sum of the margins, each with the bucket's
        sign. The margins of half the bits are summed first, the rest is added by
        broadcasting.
        """
        low = self._bits // 2
        margins = tf.linalg.matvec(self.planes, query, transpose_a=True)
        margins = tf.reshape(margins, [self._num_tables, self._bits])
        of_low = tf.matmul(margins[:, :low], _signs(low), transpose_b=True)
        high = _signs(self._bits - low)
        of_high = tf.matmul(margins[:, low:], high, transpose_b=True)
        agreement = of_high[:, :, tf.newaxis] + of_low[:, tf.newaxis, :]
        return tf.math.top_k(tf.reshape(agreement, [-1]), k=probes).indices


@registries.INDEXES.register("lsh", LshConfig)
class Lsh(interface.Index[LshConfig]):
    """Hashed index; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: LshConfig) -> Self:
        """Builds the index; see `interface.Index.build`."""
        interface.check_vectors(vectors)
        exact = brute_force.BruteForceModule(vectors)
        return cls(LshModule(exact, _tables(vectors, config), config))


def num_bits(num_videos: int, config: LshConfig) -> int:
    """Returns the number of projections of a table."""
    wanted = round(math.log2(max(2, num_videos / _VIDEOS_PER_BUCKET)))
    return config.num_bits or min(MOST_BITS, wanted)


def scored_fraction(num_videos: int, config: LshConfig) -> float:
    """Returns the least share of the videos that a query scores."""
    share = _FRACTION_AT_MILLION * (1e6 / num_videos) ** _FRACTION_POWER
    return config.scored_fraction or min(1.0, share)


def _signs(bits: int) -> npt.NDArray[np.float32]:
    """Returns the signs of every bucket, `[2 ** bits, bits]`, the lowest bit first."""
    codes = np.arange(2**bits)[:, np.newaxis] >> np.arange(bits)
    return (2.0 * (codes & 1) - 1.0).astype(np.float32)


def _tables(vectors: interface.Vectors, config: LshConfig) -> BucketTables:
    bits = num_bits(len(vectors), config)
    rng = np.random.default_rng(_SEED)
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    squares = np.square(vectors - mean).sum(axis=1)
    lift = np.sqrt(np.maximum(squares.max() - squares, 0.0))
    planes, orders, starts = [], [], []
    for table in range(config.num_tables):
        plane = _orthogonal(rng, vectors.shape[1] + 1, bits)
        codes = _codes(vectors - mean, lift, plane)
        order = np.argsort(codes, kind="stable").astype(np.int32)
        first = np.searchsorted(codes[order], np.arange(2**bits)).astype(np.int32)
        planes.append(plane[:-1])
        orders.append(order)
        starts.append(first + np.int32(table * len(vectors)))
    end = np.array([config.num_tables * len(vectors)], np.int32)
    return BucketTables(
        tf.Variable(np.concatenate(planes, axis=1), trainable=False),
        tf.Variable(np.concatenate(orders), trainable=False),
        tf.Variable(np.concatenate([*starts, end]), trainable=False),
    )


def _orthogonal(
    rng: np.random.Generator, dim: int, bits: int
) -> npt.NDArray[np.float32]:
    """Returns random directions `[dim, bits]`, orthogonal up to `dim` of them."""
    made = [
        np.linalg.qr(rng.standard_normal((dim, min(dim, bits - start))))[0]
        for start in range(0, bits, dim)
    ]
    return np.concatenate(made, axis=1).astype(np.float32)


def _codes(
    centred: interface.Vectors, lift: interface.Vectors, plane: npt.NDArray[np.float32]
) -> npt.NDArray[np.int32]:
    """Returns the bucket of each vector, `[num_videos] int32`."""
    sides = centred @ plane[:-1]
    sides += lift[:, np.newaxis] * plane[-1]
    codes = np.zeros(len(centred), np.int32)
    for bit in range(plane.shape[1]):
        is_above = sides[:, bit] > np.median(sides[:, bit])
        codes |= is_above.astype(np.int32) << bit
    return codes


def _distinct(rows: tf.Tensor, scores: tf.Tensor, k: tf.Tensor, times: int) -> Found:
    """Returns the k best of candidates that are each repeated up to `times` times.

    In a tie the lower row comes first. The result is shorter than k if there are fewer
    candidates.

    Args:
      rows: `[n] int32`.
      scores: `[n] float32`.
      k: `[] int32`.
      times: Most repetitions of a candidate.
    """
    best = tf.math.top_k(scores, k=tf.minimum(k * times, tf.shape(scores)[0]))
    rows = tf.gather(rows, best.indices)
    order = tf.argsort(rows, stable=True)
    rows, scores = tf.gather(rows, order), tf.gather(best.values, order)
    is_first = tf.concat([[True], rows[1:] != rows[:-1]], axis=0)[: tf.shape(rows)[0]]
    rows, scores = rows[is_first], scores[is_first]
    best = tf.math.top_k(scores, k=tf.minimum(k, tf.shape(scores)[0]))
    return tf.gather(rows, best.indices), best.values
