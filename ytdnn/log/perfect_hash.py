"""A table from keys to numbers in two arrays, which processes can share as files.

Each process builds TensorFlow's look-up tables again in its own memory. Here a hash
picks a bucket, and the bucket's displacement is added to other bits of the hash, so
that each key has a slot of its own (Belazzougui, Botelho and Dietzfelbinger, "Hash,
displace, and compress", 2009). A key that is not in the table finds a slot too: the
reader compares keys. Bisection among sorted hashes needs no such table, but of a
million it takes 6 µs more for 50 keys, 120 for 300, and so on with the batch.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

HASH_BITS = 64
_MOST_SEEDS = 32  # six random ones in ten tell all keys apart
_MOST_DRAWS = 1_000  # of a bucket's displacement; half of the slots are free

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class PerfectHash:
    """Slots of distinct keys.

    Attributes:
      seed: Seed of the hashes that the arrays were made for.
      displacements: `[num_buckets] int64`; the number of buckets is a power of two.
      numbers: `[num_slots] int32`, the number of the key in each slot from 1, 0 where
        there is no key; the number of slots is a power of two.
    """

    seed: int
    displacements: Int64s
    numbers: Int32s


def make(num_keys: int, hashes: Callable[[int], Int64s]) -> PerfectHash:
    """Returns the table of some keys; key i has number i + 1.

    Args:
      num_keys: Number of keys.
      hashes: Returns the hashes of the keys by a seed, `[num_keys] int64`.

    Raises:
      ValueError: Two keys have the same hash by every seed, such as equal keys.
    """
    bucket_bits = max(1, num_keys.bit_length() - 1)  # one or two keys in each
    slot_bits = num_keys.bit_length() + 1  # two to four slots for each key
    for seed in range(_MOST_SEEDS):
        of_keys = hashes(seed)
        buckets, places = _parts(of_keys, bucket_bits, slot_bits)
        rng = np.random.default_rng(seed)
        found = _displaced(buckets, places, 1 << bucket_bits, 1 << slot_bits, rng)
        if found is not None:
            return PerfectHash(seed, *found)
    raise ValueError(
        f"expected distinct keys, received {num_keys} with some that {_MOST_SEEDS} "
        f"hashes do not tell apart"
    )


def _parts(hashes: Int64s, bucket_bits: int, slot_bits: int) -> tuple[Int64s, Int64s]:
    """Returns the bucket of each hash, and its slot before the displacement."""
    buckets = (hashes >> (HASH_BITS - bucket_bits)) & ((1 << bucket_bits) - 1)
    places = hashes >> (HASH_BITS - bucket_bits - slot_bits)
    return buckets, places & ((1 << slot_bits) - 1)


def _displaced(
    buckets: Int64s,
    places: Int64s,
    num_buckets: int,
    num_slots: int,
    rng: np.random.Generator,
) -> tuple[Int64s, Int32s] | None:
    """Returns displacements and numbers; None if keys cannot be told apart.

    Full buckets come first, while most slots are free.
    """
    order = np.lexsort((places, buckets))
    same = (np.diff(buckets[order]) == 0) & (np.diff(places[order]) == 0)
    if same.any():
        return None
    displacements = np.zeros(num_buckets, np.int64)
    numbers = np.zeros(num_slots, np.int32)
    sizes = np.bincount(buckets, minlength=num_buckets)
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes[sizes > 0])[::-1]:
        alike = np.flatnonzero(sizes == size)
        keys = order[starts[alike, np.newaxis] + np.arange(size)]
        if not _place(alike, keys, places, displacements, numbers, rng):
            return None
    return displacements, numbers


def _place(
    buckets: Int64s,
    keys: Int64s,
    places: Int64s,
    displacements: Int64s,
    numbers: Int32s,
    rng: np.random.Generator,
) -> bool:
    """Finds free slots for buckets of one size, and tells whether it has for all.

    Args:
      buckets: `[number]` buckets.
      keys: `[number, size]` their keys.
      places: Slot of each key before the displacement.
      displacements: Displacements, which are filled.
      numbers: Numbers by slot, which are filled.
      rng: Draws displacements.
    """
    for _ in range(_MOST_DRAWS):
        if not buckets.size:
            return True
        drawn = rng.integers(numbers.size, size=buckets.size)
        slots = (places[keys] + drawn[:, np.newaxis]) & (numbers.size - 1)
        free = np.flatnonzero((numbers[slots] == 0).all(axis=1))
        numbers[slots[free]] = keys[free] + 1  # of two that claim a slot one has it
        alone = (numbers[slots[free]] == keys[free] + 1).all(axis=1)
        lost = free[~alone]
        given = numbers[slots[lost]] == keys[lost] + 1
        numbers[slots[lost][given]] = 0
        displacements[buckets[free[alone]]] = drawn[free[alone]]
        waits = np.ones(buckets.size, bool)
        waits[free[alone]] = False
        buckets, keys = buckets[waits], keys[waits]
    return not buckets.size


class HashedNumbers(tf.Module):
    """A perfect hash inside a graph, in variables."""

    def __init__(self, found: PerfectHash) -> None:
        """Copies the arrays."""
        super().__init__()
        self._displacements = tf.Variable(found.displacements, trainable=False)
        self._numbers = tf.Variable(found.numbers, trainable=False)
        self._bucket_bits = found.displacements.size.bit_length() - 1
        self._slot_bits = found.numbers.size.bit_length() - 1

    def numbers(self, hashes: tf.Tensor) -> tf.Tensor:
        """Returns the numbers of keys, and some number or 0 for others.

        Args:
          hashes: `[...] int64` hashes by the seed of the perfect hash.

        Returns:
          `[...] int32`.
        """
        rest = HASH_BITS - self._bucket_bits
        buckets = _last_bits(tf.bitwise.right_shift(hashes, rest), self._bucket_bits)
        places = tf.bitwise.right_shift(hashes, rest - self._slot_bits)
        slots = places + tf.gather(self._displacements, buckets)
        return tf.gather(self._numbers, _last_bits(slots, self._slot_bits))


def _last_bits(values: tf.Tensor, number: int) -> tf.Tensor:
    return tf.bitwise.bitwise_and(values, (1 << number) - 1)
