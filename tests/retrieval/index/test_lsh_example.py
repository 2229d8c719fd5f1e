"""The hashed index of docs/examples keeps the contract of every index."""

import numpy as np
import pytest

from tests import extras
from tests.retrieval.index import contract

with extras.registered():
    lsh = extras.module(extras.EXAMPLES / "lsh_index.py")


class TestLsh(contract.IndexContract):
    index_class = lsh.Lsh
    config = lsh.LshConfig()


@pytest.mark.thorough
class TestLshManyBuckets(contract.IndexContract):
    """More buckets than videos, of which a query looks into few: it must widen."""

    index_class = lsh.Lsh
    config = lsh.LshConfig(num_bits=9, scored_fraction=0.7)


@pytest.mark.thorough
class TestLshOneTable(contract.IndexContract):
    index_class = lsh.Lsh
    config = lsh.LshConfig(num_tables=1, num_bits=3, scored_fraction=0.9)


@pytest.mark.parametrize("num_tables", [1, 4])
def test_tables_hold_every_video_once(num_tables: int) -> None:
    vectors, _ = contract.clustered(500, dim=8, num_queries=1)
    module = lsh.Lsh.build(vectors, lsh.LshConfig(num_tables=num_tables)).module
    tables = module.order.numpy().reshape(num_tables, 500)
    np.testing.assert_array_equal(np.sort(tables, axis=1), [range(500)] * num_tables)
    assert module.starts.numpy()[-1] == 500 * num_tables
    assert np.all(np.diff(module.starts.numpy()) >= 0)


def test_buckets_are_balanced_although_norms_differ() -> None:
    # At planes through the origin the lifted coordinate would decide nearly all signs.
    vectors, _ = contract.clustered(4_000, dim=16, num_queries=1)
    vectors[0] *= 50.0
    module = lsh.Lsh.build(vectors, lsh.LshConfig(num_tables=1, num_bits=6)).module
    assert np.diff(module.starts.numpy()).max() < 10 * 4_000 / 2**6


def test_more_videos_scored_find_more() -> None:
    vectors, queries = contract.clustered(4_000, dim=16, num_queries=100)
    wanted, _ = contract.exact(vectors, queries, 20)
    recalls = []
    for fraction in (0.05, 0.2, 0.6):
        index = lsh.Lsh.build(vectors, lsh.LshConfig(scored_fraction=fraction))
        recalls.append(contract.recall(index.search(queries, 20)[0], wanted))
    assert recalls[0] + 0.1 < recalls[1] < recalls[2]
    assert recalls[2] > 0.9


def test_more_tables_find_more_at_the_same_cost() -> None:
    vectors, queries = contract.clustered(4_000, dim=16, num_queries=200)
    wanted, _ = contract.exact(vectors, queries, 20)
    recalls = [
        contract.recall(
            lsh.Lsh.build(
                vectors, lsh.LshConfig(num_tables=tables, scored_fraction=0.1)
            ).search(queries, 20)[0],
            wanted,
        )
        for tables in (1, 8)
    ]
    assert recalls[0] + 0.02 < recalls[1]


def test_buckets_are_ordered_by_agreement_of_signs() -> None:
    # Two planes along the axes: a query's own bucket first, then the flip of the
    # sign with the smaller margin, then the other, then both.
    vectors, _ = contract.clustered(100, dim=2, num_queries=1)
    module = lsh.Lsh.build(
        vectors[:, :2], lsh.LshConfig(num_tables=1, num_bits=2)
    ).module
    module.planes.assign(np.eye(2, dtype=np.float32))
    found = module._buckets(np.array([3.0, -1.0], np.float32), 4)
    # Bit 0 is the first plane: its own bucket is + - = 0b01.
    assert found.numpy().tolist() == [0b01, 0b11, 0b00, 0b10]


def test_number_of_bits_follows_the_corpus_or_the_setting() -> None:
    assert lsh.num_bits(64 * 2**14, lsh.LshConfig()) == 14
    assert lsh.num_bits(10**9, lsh.LshConfig()) == 16
    assert lsh.num_bits(3, lsh.LshConfig()) == 1
    assert lsh.num_bits(10**6, lsh.LshConfig(num_bits=5)) == 5
