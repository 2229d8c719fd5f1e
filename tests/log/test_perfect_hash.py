"""Perfect hashes: each key has a slot of its own, whatever the hashes."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ytdnn.log import perfect_hash

_HASHES = st.integers(-(2**63), 2**63 - 1)


def _by_seed(rng_seed: int, number: int) -> perfect_hash.Int64s:
    rng = np.random.default_rng(rng_seed)
    return rng.integers(2**63, size=number, dtype=np.int64)


def _numbers(found: perfect_hash.PerfectHash, hashes: perfect_hash.Int64s) -> list[int]:
    numbers = perfect_hash.HashedNumbers(found).numbers(tf.constant(hashes, tf.int64))
    return list(numbers.numpy())


@given(st.integers(0, 500), st.integers(0, 2**32))
def test_every_key_is_found_in_a_slot_of_its_own(number: int, rng_seed: int) -> None:
    found = perfect_hash.make(number, lambda seed: _by_seed(rng_seed + seed, number))
    hashes = _by_seed(rng_seed + found.seed, number)
    assert _numbers(found, hashes) == list(range(1, number + 1))
    assert np.count_nonzero(found.numbers) == number


@given(st.lists(_HASHES, max_size=50))
def test_another_key_finds_some_number(others: list[int]) -> None:
    found = perfect_hash.make(20, lambda seed: _by_seed(seed, 20))
    assert set(_numbers(found, np.array(others, np.int64))) <= set(range(21))


def test_a_hash_that_two_keys_share_is_replaced_by_another() -> None:
    def hashes(seed: int) -> perfect_hash.Int64s:
        found = _by_seed(seed, 100)
        found[7] = found[93] if seed < 3 else found[7]
        return found

    found = perfect_hash.make(100, hashes)
    assert found.seed == 3
    assert _numbers(found, hashes(3)) == list(range(1, 101))


def test_keys_of_one_bucket_are_told_apart_by_their_places() -> None:
    # 8 keys have 3 bits for buckets, all 0, and then 5 bits for slots: 0 to 7.
    hashes = np.arange(8) << (perfect_hash.HASH_BITS - 3 - 5)
    found = perfect_hash.make(8, lambda seed: hashes)
    assert (found.displacements.size, found.numbers.size) == (8, 32)
    assert _numbers(found, hashes) == list(range(1, 9))


def test_equal_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="expected distinct keys, received 2"):
        perfect_hash.make(2, lambda seed: np.full(2, seed, np.int64))
