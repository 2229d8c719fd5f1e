"""Inverted lists against exact search, under the contract of every index."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.retrieval.index import brute_force, interface, ivf

LISTS = configs.IvfConfig(min_videos=0, num_lists=12, lists_to_search_fraction=0.7)


class TestIvf(contract.IndexContract):
    index_class = ivf.Ivf
    config = LISTS


def test_recall_rises_with_the_lists_read() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=40)
    wanted = brute_force.BruteForce.build(vectors, configs.ExactConfig()).search(
        queries, 50
    )
    index = ivf.Ivf.build(vectors, configs.IvfConfig())
    recalls = []
    for share in (0.05, 0.2, 0.6):
        index.module.adjust(configs.IvfConfig(lists_to_search_fraction=share))
        found = index.search(queries, 50)[0]
        recalls.append(interface.recall(found, wanted[0]))
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.9 < 0.98 < recalls[-1]


def test_default_reaches_its_recall_without_reading_all() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=40)
    wanted = brute_force.BruteForce.build(vectors, configs.ExactConfig()).search(
        queries, 50
    )
    index = ivf.Ivf.build(vectors, configs.IvfConfig())
    assert index.module.centres.shape[0] > 50
    assert int(index.module.least_lists) < index.module.centres.shape[0]
    assert interface.recall(index.search(queries, 50)[0], wanted[0]) > 0.95


def test_every_video_is_in_one_list() -> None:
    vectors, _ = contract.clustered(3_000, dim=7, num_queries=1)
    index = ivf.Ivf.build(vectors, configs.IvfConfig())
    rows = index.module.rows.numpy()
    np.testing.assert_array_equal(np.sort(rows[rows >= 0]), np.arange(3_000))
    starts = index.module.starts.numpy()
    assert starts[0] == 0
    assert starts[-1] == len(rows)
    of_block = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    centres = index.module.centres.numpy()
    assert len(np.unique(of_block)) <= len(centres)


def test_codes_are_within_half_a_step_of_the_vectors() -> None:
    vectors, _ = contract.clustered(500, dim=7, num_queries=1)
    module = ivf.Ivf.build(vectors, LISTS).module
    rows = module.rows.numpy().ravel()
    codes = module.codes.numpy().reshape(len(rows), -1)[rows >= 0]
    scales = module.scales.numpy()
    error = np.abs(codes * scales - vectors[rows[rows >= 0]])
    assert (error <= 0.51 * scales).all()


def test_builds_are_reproducible() -> None:
    vectors, _ = contract.clustered(2_500, dim=7, num_queries=1)
    one, other = (ivf.Ivf.build(vectors, configs.IvfConfig()) for _ in range(2))
    for name in ("centres", "rows", "codes"):
        np.testing.assert_array_equal(
            getattr(one.module, name), getattr(other.module, name)
        )


def test_a_small_corpus_is_searched_exactly() -> None:
    vectors, queries = contract.clustered(1_999, dim=7, num_queries=5)
    index = ivf.Ivf.build(vectors, configs.IvfConfig())
    found = index.search(queries, 20)[0]
    np.testing.assert_array_equal(found, contract.exact(vectors, queries, 20)[0])


def test_more_centres_than_distinct_vectors_are_no_trouble() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 40, axis=0)
    index = ivf.Ivf.build(vectors, dataclasses.replace(LISTS, num_lists=30))
    found, scores = index.search(np.eye(3, dtype=np.float32), 40)
    for place, row in enumerate(found):
        assert row.tolist() == list(range(40 * place + 1, 40 * place + 41))
    np.testing.assert_allclose(scores, 1.0)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_query_makes_nothing_as_large_as_the_table(
    tmp_path: pathlib.Path, batch: int
) -> None:
    vectors, queries = contract.clustered(20_000, dim=64, num_queries=batch)
    config = configs.IvfConfig(lists_to_search_fraction=0.02)
    module = ivf.Ivf.build(vectors, config).module
    used = contract.largest_allocation(module, queries, 10, tmp_path)
    assert used < 0.1 * vectors.nbytes
