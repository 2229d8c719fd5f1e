"""Inverted lists against exact search, under the contract of every index."""

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.retrieval.index import brute_force, interface, inverted_lists, ivf

LISTS = configs.IvfConfig(num_lists=12, lists_to_search_fraction=0.7)


def built(vectors: np.ndarray, **settings: Any) -> ivf.Ivf:
    """An index with as many lists as a larger corpus has for each video."""
    lists = ivf.lists_by_size(len(vectors))
    return ivf.Ivf.build(vectors, configs.IvfConfig(num_lists=lists, **settings))


class TestIvf(contract.IndexContract):
    index_class = ivf.Ivf
    config = LISTS


def test_recall_rises_with_the_lists_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivf, "_SLOTS_PER_RESULT", 1)
    vectors, queries = contract.clustered(20_000, dim=16, num_queries=40)
    wanted = contract.exact(vectors, queries, 20)[0]
    index = built(vectors)
    recalls = []
    for share in (0.005, 0.03, 0.4):
        index.module.adjust(configs.IvfConfig(lists_to_search_fraction=share))
        recalls.append(interface.recall(index.search(queries, 20)[0], wanted))
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.93 < 0.99 < recalls[-1]


def test_default_reaches_its_recall_without_reading_all() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=40)
    wanted = brute_force.BruteForce.build(vectors, configs.ExactConfig()).search(
        queries, 50
    )
    index = built(vectors)
    assert index.module.centres.shape[1] > 50
    assert int(index.module.least_lists) < index.module.centres.shape[1] / 3
    assert interface.recall(index.search(queries, 50)[0], wanted[0]) > 0.95


def test_every_video_is_in_one_list() -> None:
    vectors, _ = contract.clustered(3_000, dim=7, num_queries=1)
    index = built(vectors)
    rows = index.module.rows.numpy()
    np.testing.assert_array_equal(np.sort(rows[rows >= 0]), np.arange(3_000))
    starts = index.module.starts.numpy()
    assert starts[0] == 0
    ends = index.module.ends.numpy().reshape(len(starts), inverted_lists.LEVELS)
    np.testing.assert_array_equal(ends[:, 0], np.append(starts[1:], len(rows)))
    assert (np.diff(ends, axis=1) <= 0).all()
    assert (ends[:, -1] > starts).all()  # the best block has its own bound


def test_blocks_left_out_hold_few_of_the_best() -> None:
    vectors, queries = contract.clustered(20_000, dim=16, num_queries=40)
    wanted = contract.exact(vectors, queries, 20)[0]
    module = built(vectors).module
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    bounds = np.hstack([queries, lengths]) @ module.centres.numpy()
    least = np.sort(bounds, axis=1)[:, -30].astype(np.float32)

    def read() -> tuple[float, float]:
        blocks = module._blocks(tf.constant(bounds, tf.float32), tf.constant(least))
        rows = [module.rows.numpy()[one] + 1 for one in blocks.to_list()]
        found = [np.isin(w, r).mean() for w, r in zip(wanted, rows, strict=True)]
        return float(np.mean(found)), float(np.mean([r.size for r in rows]))

    recall, size = read()
    starts = module.starts.numpy()
    whole = np.append(starts[1:], len(module.rows.numpy()))
    module.ends.assign(np.repeat(whole, inverted_lists.LEVELS))
    recall_of_all, size_of_all = read()
    assert recall > recall_of_all - 0.02 > 0.9
    assert size < 0.7 * size_of_all


def test_equal_scores_of_lists_are_ordered_by_the_lower_index() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=5)
    vectors[3_000:] = vectors[:3_000]
    found = built(vectors).search(queries, 20)[0]
    np.testing.assert_array_equal(found[:, ::2] + 3_000, found[:, 1::2])


def test_a_query_of_zeros_is_answered_beside_others() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=3)
    index = built(vectors)
    alone = index.search(queries, 20)[0]
    queries = np.insert(queries, 1, 0.0, axis=0)
    found, scores = index.search(queries, 20)
    np.testing.assert_array_equal(found[[0, 2, 3]], alone)
    assert len(set(found[1].tolist()) - {0}) == 20
    assert not scores[1].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_query_without_finite_values_changes_no_other(value: float) -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=3)
    index = built(vectors)
    alone = index.search(queries, 20)[0]
    found = index.search(np.insert(queries, 1, value, axis=0), 20)[0]
    np.testing.assert_array_equal(found[[0, 2, 3]], alone)


def test_lists_that_hold_too_few_are_completed_exactly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ivf, "_SLOTS_PER_RESULT", 0)
    monkeypatch.setattr(ivf, "_LENGTH_OF_LEAST", 10_000)
    vectors, queries = contract.clustered(3_000, dim=7, num_queries=6)
    config = configs.IvfConfig(num_lists=60, lists_to_search_fraction=0.01)
    found, scores = ivf.Ivf.build(vectors, config).search(queries, 90)
    wanted = contract.exact(vectors, queries, 90)
    np.testing.assert_array_equal(found, wanted[0])
    np.testing.assert_allclose(scores, wanted[1], rtol=1e-4)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_query_makes_nothing_as_large_as_the_table(
    tmp_path: pathlib.Path, batch: int
) -> None:
    vectors, queries = contract.clustered(20_000, dim=64, num_queries=batch)
    module = built(vectors, lists_to_search_fraction=0.02).module
    used = contract.largest_allocation(module, queries, 10, tmp_path)
    assert used < 0.1 * vectors.nbytes


def test_a_small_corpus_is_scored_whole_by_default() -> None:
    vectors, queries = contract.clustered(6_000, dim=16, num_queries=10)
    index = ivf.Ivf.build(vectors, configs.IvfConfig())
    assert index.module.centres.shape[1] == 1
    np.testing.assert_array_equal(
        index.search(queries, 20)[0], contract.exact(vectors, queries, 20)[0]
    )
