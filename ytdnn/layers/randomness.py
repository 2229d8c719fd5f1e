"""Random draws that are functions of a seed, without hidden state.

A run that is killed and resumed must make the same draws as an undisturbed one, and
stateful random ops are not in checkpoints. So every draw in training takes a seed made
of (run's seed, step).

Several replicas make the same draws as one: each draws the mask of the whole batch and
keeps its own rows. Replicas are told apart by their number in the replica context;
outside a `tf.distribute` strategy there is one replica, number 0. Replicas in sync
share a batch: each has labels of its own, the same negatives, and possibly the other
replicas' labels after its own.
"""

import contextlib
import contextvars
import enum
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

ALGORITHM = "philox"  # named, since XLA would choose another
_STATIC = contextvars.ContextVar("static_shapes_required", default=False)


def set_seed(seed: int) -> None:
    """Seeds initial weights and makes TensorFlow's ops deterministic.

    Draws in training take their seeds from (seed, step); this seeds the draws before
    the first step.
    """
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


@enum.unique
class RandomStream(enum.IntEnum):
    """The independent streams of draws that one training step makes."""

    BAGS = 1
    TOWER = 2
    TOKEN_BAG = 3
    LEARNED_BAGS = 4
    PROPOSALS = 5
    SKIP_CONNECTION = 6
    WATCHED_IDS = 7
    VIDEO_IDS = 8
    SEQUENCE = 9
    OUTCOMES = 12


def step_seed(seed: int, step: tf.Tensor) -> tf.Tensor:
    """Returns the seed `[2] int32` of a training step.

    Args:
      seed: The run's seed.
      step: Scalar integer, the global step.
    """
    return tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])


def fold(seed: tf.Tensor, salt: int) -> tf.Tensor:
    """Returns another seed `[2] int32`, independent for each `salt`.

    Args:
      seed: `[2] int32`.
      salt: Identity of the draw: a `RandomStream`, or a number that distinguishes
        similar draws.
    """
    return tf.random.experimental.stateless_fold_in(seed, salt, alg=ALGORITHM)


def uniform(number: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws `[number] float64` in [0, 1), the same with and without XLA.

    Bits become numbers as in `tf.random.stateless_uniform` (20 bits of one word above
    32 bits of the next), which gives other numbers under XLA.

    Args:
      number: Number of draws.
      seed: `[2] int32`.
    """
    words = tf.random.stateless_uniform(
        [number, 2], seed, None, None, tf.uint32, alg=ALGORITHM
    )
    high = tf.cast(tf.bitwise.bitwise_and(words[:, 0], 2**20 - 1), tf.float64)
    return (high * 2.0**32 + tf.cast(words[:, 1], tf.float64)) * 2.0**-52


def substream(seed: tf.Tensor | None, stream: int) -> tf.Tensor | None:
    """Returns the seed of one stream of a step; None outside training."""
    return None if seed is None else fold(seed, stream)


def keep_mask(shape: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Draws the mask of dropout for a batch.

    One byte of random bits an element, so `rate` is rounded to a multiple of 1/256.

    Args:
      shape: Shape of the mask, `[rank] int32`; the first axis is the replica's
        examples.
      rate: Probability of dropping an element, in [0, 1).
      seed: `[2] int32`.

    Returns:
      bool of `shape`, true where the element is kept.
    """
    size = tf.reduce_prod(shape)
    kept = _kept(size * num_replicas(), rate, seed)
    if num_replicas() > 1:
        first = tf.cast(_context().replica_id_in_sync_group, tf.int32) * size
        kept = kept[first : first + size]
    return tf.reshape(kept, shape)


def keep_columns(
    columns: tf.Tensor,
    rate: float,
    seed: tf.Tensor | None,
    places: tf.Tensor | None = None,
    num_places: tf.Tensor | None = None,
) -> tf.Tensor:
    """Drops some columns, which all replicas share, to index 0; see `drop_indices`.

    Args:
      columns: `[n] int32`.
      rate: Probability of dropping a column, in [0, 1).
      seed: `[2] int32`, or None outside training.
      places: `[n] int32`, position of each among the columns of all replicas; None: in
        this order.
      num_places: Number of columns of all replicas; needed with `places`.
    """
    if seed is None or _dropped_bytes(rate) == 0:
        return columns
    size = tf.size(columns) if num_places is None else num_places
    kept = _kept(size, rate, seed)
    kept = kept if places is None else tf.gather(kept, places)
    return tf.where(kept, columns, tf.zeros_like(columns))


def _kept(size: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns `[size] bool`, true with probability 1 - `rate`."""
    words = tf.random.stateless_uniform(
        [(size + 3) // 4], seed, None, None, tf.uint32, alg=ALGORITHM
    )
    bits = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size]
    return bits >= tf.constant(_dropped_bytes(rate), tf.uint8)


def widest(width: tf.Tensor) -> tf.Tensor:
    """Returns the greatest of a width over all replicas, scalar int32."""
    if num_replicas() == 1:
        return width
    return tf.reduce_max(gather_replicas(tf.reshape(width, [1])))


def drop_indices(indices: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
    """Replaces some indices by 0, the missing value; the identity without a seed.

    Args:
      indices: `[...] int32`.
      rate: Probability of dropping an index, in [0, 1).
      seed: `[2] int32`, or None outside training.
    """
    if seed is None or _dropped_bytes(rate) == 0:
        return indices
    kept = keep_mask(tf.shape(indices), rate, seed)
    return tf.where(kept, indices, tf.zeros_like(indices))


def dropout(values: tf.Tensor, rate: float, seed: tf.Tensor | None) -> tf.Tensor:
    """Drops elements and scales up the rest; the identity without a seed.

    Args:
      values: Any shape, floating.
      rate: Probability of dropping an element, in [0, 1).
      seed: `[2] int32`, or None outside training.
    """
    if seed is None or _dropped_bytes(rate) == 0:
        return values
    keep = keep_mask(tf.shape(values), rate, seed)
    scale = tf.constant(256.0 / (256.0 - _dropped_bytes(rate)), values.dtype)
    # One product, whose gradient is one too: cheaper than to select.
    return values * (tf.cast(keep, values.dtype) * scale)


def _dropped_bytes(rate: float) -> int:
    return min(255, round(rate * 256))


def num_replicas() -> int:
    """Returns the number of replicas in sync."""
    context = _context()
    return 1 if context is None else int(context.num_replicas_in_sync)


def replica_sum(values: Any) -> Any:
    """Returns the sum over replicas of a tensor, or of each tensor of a list."""
    if num_replicas() == 1:
        return values
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def replica_mean(value: tf.Tensor) -> tf.Tensor:
    """Returns the mean of a scalar over replicas."""
    return value if num_replicas() == 1 else replica_sum(value) / float(num_replicas())


def gather_replicas(values: tf.Tensor) -> tf.Tensor:
    """Returns the values of all replicas, this one's first, `[all, ...]`.

    Args:
      values: `[n, ...]`, with the same n on each replica.
    """
    if num_replicas() == 1:
        return values
    shift = -_context().replica_id_in_sync_group * tf.shape(values)[0]
    return tf.roll(_context().all_gather(values, axis=0), shift, axis=0)


def own_rows(values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Returns the first `number` of gathered values, which belong to this replica."""
    # Of one replica a slice of everything is no copy, but its gradient is one.
    return values if num_replicas() == 1 else values[:number]


def places(
    num_queries: tf.Tensor, num_labels: tf.Tensor, num_negatives: int | tf.Tensor
) -> tuple[tf.Tensor | None, tf.Tensor | None]:
    """Returns the places of [labels, negatives] among those of one process.

    So random draws for columns are those of one process.

    Args:
      num_queries: Examples of this replica.
      num_labels: Number of labels among its columns, its own first; with in-batch
        negatives, the labels of all replicas.
      num_negatives: Number of sampled negatives, the same on all replicas.
    """
    if num_replicas() == 1:
        return None, None
    of_all = num_queries * num_replicas()
    first = tf.cast(_context().replica_id_in_sync_group, tf.int32) * num_queries
    of_labels = tf.math.floormod(first + tf.range(num_labels), of_all)
    joined = tf.concat([of_labels, of_all + tf.range(num_negatives)], axis=0)
    return joined, of_all + num_negatives


def _context() -> Any:
    return tf.distribute.get_replica_context()


def has_static_shapes() -> bool:
    """Whether the graph being traced must have the same shapes in each step.

    XLA needs static shapes. Elsewhere a step with fewer rows costs less.
    """
    return _STATIC.get()


@contextlib.contextmanager
def static_shapes() -> Iterator[None]:
    """Context in which traced graphs must have static shapes."""
    token = _STATIC.set(True)
    try:
        yield
    finally:
        _STATIC.reset(token)
