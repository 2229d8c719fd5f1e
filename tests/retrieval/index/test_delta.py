"""An index with a delta part answers as exact search over both parts."""

import numpy as np
import pytest
import tensorflow as tf

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.retrieval.index import brute_force, interface, ivf, scann_index

NUM_MAIN, NUM_ADDED, DIM = 300, 40, 8
VIDEOS, QUERIES = contract.clustered(NUM_MAIN + NUM_ADDED, DIM, 20)


def mains() -> list[str]:
    return ["exact", "ivf", *(["scann"] if scann_index.is_available() else [])]


def searcher(kind: str) -> brute_force.WithDelta:
    main = VIDEOS[:NUM_MAIN]
    built = {
        "exact": lambda: brute_force.BruteForceModule(main),
        "ivf": lambda: ivf.Ivf.build(main, configs.IvfConfig(num_lists=4)).module,
        "scann": lambda: scann_index.Scann.build(main, configs.ScannConfig()).module,
    }
    return brute_force.WithDelta(built[kind](), VIDEOS[NUM_MAIN:])


@pytest.mark.parametrize("kind", mains())
def test_added_videos_have_the_places_of_exact_search(kind: str) -> None:
    """Whatever the main part finds, no added video is missed."""
    k = 15
    found, scores = searcher(kind).search(tf.constant(QUERIES), tf.constant(k))
    wanted, wanted_scores = contract.exact(VIDEOS, QUERIES, k)
    least = 1.0 if kind == "exact" else 0.9
    assert contract.recall(found.numpy(), wanted) >= least
    for row, best in zip(found.numpy(), wanted, strict=True):
        assert set(best[best > NUM_MAIN]) <= set(row)
    if kind == "exact":
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_allclose(scores, wanted_scores, rtol=1e-5)
    assert (found.numpy() > NUM_MAIN).any()


@pytest.mark.parametrize("k", [0, 1, NUM_MAIN, NUM_MAIN + NUM_ADDED, 500])
def test_lists_of_any_length(k: int) -> None:
    found, scores = searcher("exact").search(tf.constant(QUERIES), tf.constant(k))
    wanted, _ = contract.exact(VIDEOS, QUERIES, k)
    assert found.shape == scores.shape == (len(QUERIES), k)
    np.testing.assert_array_equal(found[:, : wanted.shape[1]], wanted)
    assert (found[:, wanted.shape[1] :].numpy() == 0).all()
    assert (scores[:, wanted.shape[1] :].numpy() == interface.PADDING_SCORE).all()


def test_chosen_videos_of_both_parts_have_their_vectors() -> None:
    vectors = searcher("exact").vectors
    rows = tf.constant([[0, NUM_MAIN - 1], [NUM_MAIN, NUM_MAIN + NUM_ADDED - 1]])
    np.testing.assert_array_equal(
        interface.rows_of(vectors, rows), VIDEOS[rows.numpy()]
    )
    every = interface.products(tf.constant(QUERIES), vectors)
    np.testing.assert_allclose(every, QUERIES @ VIDEOS.T, rtol=1e-4, atol=1e-4)
