import logging
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.retrieval.index import brute_force


class TestBruteForce(contract.IndexContract):
    index_class = brute_force.BruteForce
    config = configs.ExactConfig()

    def test_is_exact_and_orders_ties_by_lower_index(self) -> None:
        rng = np.random.default_rng(0)
        # Small integers: products are exact in float32, and tie often.
        vectors = rng.integers(-2, 3, (200, 3)).astype(np.float32)
        queries = rng.integers(-2, 3, (20, 3)).astype(np.float32)
        index = brute_force.BruteForce.build(vectors, configs.ExactConfig())
        indices, scores = index.search(queries, 50)
        wanted, wanted_scores = contract.exact(vectors, queries, 50)
        np.testing.assert_array_equal(indices, wanted)
        np.testing.assert_array_equal(scores, wanted_scores)

    def test_many_queries_are_searched_in_blocks(self, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        vectors, queries = contract.clustered(50, dim=4, num_queries=23)
        index = brute_force.BruteForce.build(vectors, configs.ExactConfig())
        whole = index.search(queries, 5)
        monkeypatch.setattr("ytdnn.retrieval.index.interface._BLOCK_BYTES", 4 * 50 * 7)
        blocks = index.search(queries, 5)
        np.testing.assert_array_equal(blocks[0], whole[0])

    @pytest.mark.parametrize("dim", [64, 65, 128])
    def test_the_table_is_not_copied(self, tmp_path: pathlib.Path, dim: int) -> None:
        """The vectors served have a bias: 65 coordinates, no multiple of 64 bytes."""
        vectors, queries = contract.clustered(20_005, dim - 1, num_queries=2)
        module = brute_force.BruteForceModule(vectors)
        used = contract.largest_allocation(module, queries, 10, tmp_path)
        scores = 4 * len(vectors) * len(queries)
        assert used < 1.1 * scores < 0.1 * vectors.nbytes

    def test_one_module_after_the_other_is_no_retracing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Own(brute_force.BruteForceModule):  # TensorFlow counts traces by code
            def _search(self, queries: tf.Tensor, k: tf.Tensor) -> brute_force.TopK:
                return super()._search(queries, k)

        vectors, queries = contract.clustered(50, dim=4, num_queries=2)
        logging.getLogger("tensorflow").addHandler(caplog.handler)
        try:
            for _ in range(6):  # TensorFlow warns of the fifth
                brute_force.BruteForce(Own(vectors)).search(queries, 5)
        finally:
            logging.getLogger("tensorflow").removeHandler(caplog.handler)
        assert "retracing" not in caplog.text
