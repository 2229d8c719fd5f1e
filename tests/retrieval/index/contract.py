"""What every index must do; its test class inherits `IndexContract`."""

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.base import errors
from ytdnn.retrieval.index import interface


def exact(
    vectors: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sorts all products; ties by lower index. Returns indices and scores."""
    scores = queries @ vectors.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order.astype(np.int32) + 1, np.take_along_axis(scores, order, axis=1)


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    """Share of the wanted videos found, over all queries."""
    pairs = zip(found.tolist(), wanted.tolist(), strict=True)
    return float(np.mean([len(set(f) & set(w)) / len(w) for f, w in pairs]))


def clustered(
    num_videos: int, dim: int, num_queries: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors as trained ones: clusters of taste, norms that vary, and a bias.

    Returns:
      videos `[num_videos, dim + 1]` and queries `[num_queries, dim + 1]`.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, dim))
    popularity = rng.normal(size=(num_videos, 1))
    videos = centres[rng.integers(0, 40, num_videos)]
    videos = videos + 0.5 * rng.normal(size=videos.shape)
    videos = np.hstack([videos * np.exp(0.3 * popularity), popularity])
    mixture = rng.dirichlet(np.full(40, 0.05), num_queries) @ centres
    queries = np.hstack([mixture, np.ones((num_queries, 1))])
    return videos.astype(np.float32), queries.astype(np.float32)


class Outer(tf.Module):
    """A larger graph that embeds an index and shifts its queries."""

    def __init__(self, inner: tf.Module, dim: int) -> None:
        super().__init__()
        self.inner = inner
        self.answer = tf.function(
            lambda queries, k: self.inner.search(queries * 2.0, tf.reduce_max(k)),
            input_signature=[
                tf.TensorSpec([None, dim], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
        )


class Signed(tf.Module):
    """A search with a signature, as TensorFlow Serving runs it."""

    def __init__(self, inner: Any, dim: int) -> None:
        super().__init__()
        self.inner = inner
        self.answer = tf.function(
            self._answer,
            input_signature=[
                tf.TensorSpec([None, dim], tf.float32, "queries"),
                tf.TensorSpec([None], tf.int32, "k"),
            ],
        )

    def _answer(self, queries: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        indices, scores = self.inner.search(queries, k[0])
        return {"indices": indices, "scores": scores}


def largest_allocation(
    module: Any, queries: np.ndarray, k: int, directory: pathlib.Path
) -> int:
    """Returns the bytes of the largest tensor that a search makes in a run.

    A session, which is what TensorFlow Serving has, tells of each operation.

    Args:
      module: Has `search`.
      queries: `[batch, dim]`.
      k: Length of the lists.
      directory: Where it is saved.
    """
    signed = Signed(module, queries.shape[1])
    tf.saved_model.save(signed, str(directory), signatures=signed.answer)
    v1, told = tf.compat.v1, tf.compat.v1.RunMetadata()
    with v1.Session(graph=tf.Graph()) as session:
        loaded = v1.saved_model.load(session, ["serve"], str(directory))
        signature = loaded.signature_def["serving_default"]
        session.run(
            [output.name for output in signature.outputs.values()],
            {
                signature.inputs["queries"].name: queries,
                signature.inputs["k"].name: [k] * len(queries),
            },
            options=v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE),
            run_metadata=told,
        )
    nodes = [n for device in told.step_stats.dev_stats for n in device.node_stats]
    return max(sum(used.total_bytes for used in node.memory) for node in nodes)


class IndexContract:
    """Set `index_class` and `config`."""

    index_class: type[interface.Index[Any]]
    config: Any

    def build(self, vectors: np.ndarray) -> interface.Index[Any]:
        return self.index_class.build(vectors, self.config)

    def small(self) -> tuple[np.ndarray, np.ndarray]:
        return clustered(num_videos=120, dim=8, num_queries=5)

    def test_finds_the_best_videos_with_their_scores(self) -> None:
        vectors, queries = self.small()
        indices, scores = self.build(vectors).search(queries, 10)
        assert (indices.dtype, scores.dtype) == (np.int32, np.float32)
        assert recall(indices, exact(vectors, queries, 10)[0]) > 0.95
        expected = np.einsum("qd,qkd->qk", queries, vectors[indices - 1])
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
        assert np.all(np.diff(scores, axis=1) <= 0)

    def test_lists_end_in_padding_where_k_exceeds_the_corpus(self) -> None:
        vectors, queries = self.small()
        indices, scores = self.build(vectors).search(queries, 125)
        for row in indices:
            assert sorted(row[:120].tolist()) == list(range(1, 121))
        assert not indices[:, 120:].any()
        assert np.all(scores[:, 120:] == interface.PADDING_SCORE)
        assert np.isfinite(scores).all()

    @pytest.mark.parametrize("num_videos", [1, 3, 17])
    def test_tiny_corpus_is_searched_whole(self, num_videos: int) -> None:
        vectors, queries = clustered(num_videos, dim=8, num_queries=4)
        indices, scores = self.build(vectors).search(queries, 5)
        wanted, wanted_scores = exact(vectors, queries, 5)
        found = min(5, num_videos)
        np.testing.assert_array_equal(indices[:, :found], wanted)
        np.testing.assert_allclose(
            scores[:, :found], wanted_scores, rtol=1e-4, atol=1e-5
        )
        assert not indices[:, found:].any()

    def test_batched_answers_equal_single_ones(self) -> None:
        vectors, queries = self.small()
        index = self.build(vectors)
        together = index.search(queries, 60)
        for row, query in enumerate(queries):
            indices, scores = index.search(query[None], 60)
            np.testing.assert_array_equal(together[0][row], indices[0])
            np.testing.assert_allclose(together[1][row], scores[0], rtol=1e-4)

    def test_equal_scores_are_ordered_by_the_lower_index(self) -> None:
        # Pairs of equal vectors, 60 apart, so that every score stands twice.
        vectors, queries = self.small()
        vectors[60:] = vectors[:60]
        indices, scores = self.build(vectors).search(queries, 40)
        are_equal = scores[:, 1:] == scores[:, :-1]
        assert np.all(np.diff(indices, axis=1)[are_equal] > 0)
        # A product's last bit may depend on the row's place: few pairs are parted.
        assert are_equal.sum() > 15 * len(queries)

    def test_vectors_are_saved_once(self, tmp_path: pathlib.Path) -> None:
        vectors, _ = clustered(3_000, dim=63, num_queries=1)
        self.build(vectors).save(tmp_path / "index")
        files = (tmp_path / "index" / "variables").iterdir()
        assert sum(file.stat().st_size for file in files) < 1.6 * vectors.nbytes

    def test_search_widens_until_k_videos_are_found(self) -> None:
        # Most videos lie far from the query's direction, and k asks for them too.
        vectors, queries = clustered(2_500, dim=8, num_queries=3)
        indices, scores = self.build(vectors).search(queries, 2_400)
        assert np.all(indices > 0)
        assert all(len(set(row)) == 2_400 for row in indices.tolist())
        assert np.all(np.diff(scores, axis=1) <= 0)

    def test_no_queries_have_no_answers(self) -> None:
        vectors, queries = self.small()
        indices, scores = self.build(vectors).search(queries[:0], 3)
        assert indices.shape == scores.shape == (0, 3)

    def test_saved_and_loaded_index_answers_alike(self, tmp_path: pathlib.Path) -> None:
        vectors, queries = self.small()
        index = self.build(vectors)
        index.save(tmp_path / "index")
        loaded = self.index_class.load(tmp_path / "index")
        assert loaded.num_videos == 120
        for found, expected in zip(
            loaded.search(queries, 20), index.search(queries, 20), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_loaded_module_becomes_part_of_a_larger_saved_graph(
        self, tmp_path: pathlib.Path
    ) -> None:
        vectors, queries = self.small()
        index = self.build(vectors)
        index.save(tmp_path / "index")
        inner = self.index_class.load(tmp_path / "index").module
        tf.saved_model.save(Outer(inner, vectors.shape[1]), str(tmp_path / "outer"))
        loaded = tf.saved_model.load(str(tmp_path / "outer"))
        indices, _ = loaded.answer(queries, tf.constant([3, 7, 5, 1, 2]))
        np.testing.assert_array_equal(indices, index.search(queries * 2, 7)[0])

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            (np.zeros((0, 4), np.float32), "at least one, received shape"),
            (np.zeros(4, np.float32), "at least one, received shape"),
            (np.full((90, 4), np.nan, np.float32), "expected finite video vectors"),
        ],
    )
    def test_bad_vectors_are_refused(self, vectors: np.ndarray, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            self.build(vectors)

    def test_unreadable_directory_is_a_line(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(errors.UserError, match="expected a SavedModel of an index"):
            self.index_class.load(tmp_path / "none")
        (tmp_path / "saved_model.pb").write_bytes(b"damaged")
        with pytest.raises(errors.UserError, match="expected a SavedModel of an index"):
            self.index_class.load(tmp_path)
