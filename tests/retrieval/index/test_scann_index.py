import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.retrieval.index import brute_force, interface, scann_index

pytest.importorskip("scann")

TREE = configs.ScannConfig(num_leaves=80)


class TestScannScoringAll(contract.IndexContract):
    index_class = scann_index.Scann
    config = configs.ScannConfig()


class TestScannTree(contract.IndexContract):
    index_class = scann_index.Scann
    config = TREE


@pytest.mark.thorough
class TestScannOneLeaf(contract.IndexContract):
    index_class = scann_index.Scann
    config = configs.ScannConfig(num_leaves=1)


def test_small_corpus_has_no_tree() -> None:
    config = configs.ScannConfig()
    assert scann_index.num_leaves(1_999, config) == 0
    assert scann_index.num_leaves(2_000, config) > 0
    assert scann_index.num_leaves(999, TREE) == 80  # which was asked for
    assert scann_index.num_leaves(40, TREE) == 0  # too few points for codes


def test_long_lists_search_more_leaves() -> None:
    vectors, _ = contract.clustered(20_000, dim=16, num_queries=1)
    config = configs.ScannConfig(leaves_to_search_fraction=0.2)
    module = scann_index.Scann.build(vectors, config).module
    least = int(module.least_leaves)
    searched = [
        int(module._leaves_to_search(tf.constant(k))) for k in (10, 300, 1_200, 20_000)
    ]
    assert searched[:2] == [least, least]
    assert searched[2] == 2 * least
    assert searched[3] == module._num_leaves


def test_adjusting_changes_what_is_found_without_a_build() -> None:
    vectors, queries = contract.clustered(2_000, dim=16, num_queries=100)
    index = scann_index.Scann.build(vectors, TREE)
    wanted, _ = contract.exact(vectors, queries, 20)
    recalls = []
    for fraction in (0.02, 0.6):
        index.module.adjust(configs.ScannConfig(leaves_to_search_fraction=fraction))
        recalls.append(contract.recall(index.search(queries, 20)[0], wanted))
    assert recalls[0] < recalls[1]


def test_recall_of_clustered_vectors() -> None:
    vectors, queries = contract.clustered(3_416, dim=128, num_queries=400)
    index = scann_index.Scann.build(vectors, configs.ScannConfig())
    found, _ = index.search(queries, 100)
    assert contract.recall(found, contract.exact(vectors, queries, 100)[0]) >= 0.95


def test_search_widens_where_the_leaves_hold_too_few_points() -> None:
    # The best leaf of the query is one far point, so the first search returns less
    # than k: without widening, lists would end in padding.
    vectors, _ = contract.clustered(400, dim=8, num_queries=1)
    vectors[0] = 50.0
    config = configs.ScannConfig(num_leaves=40, leaves_to_search_fraction=0.01)
    queries = np.ones((1, 9), np.float32)
    index = scann_index.Scann.build(vectors, config)
    searcher = index.module._ops.searcher_from_module(index.module.state)
    narrow = searcher.search_batched(queries, 10, 40, 1)
    assert narrow.distances.shape[1] < 10 or np.isnan(narrow.distances).any()
    indices, scores = index.search(queries, 10)
    wanted, _ = contract.exact(vectors, queries, 10)
    assert indices[0, 0] == 1
    assert np.all(indices > 0)
    assert np.all(scores > interface.PADDING_SCORE)
    assert contract.recall(indices, wanted) >= 0.9


def test_video_of_row_zero_is_not_taken_for_padding() -> None:
    # ScaNN pads with id 0: the best video, of row 0, must survive the mask.
    vectors, queries = contract.clustered(300, dim=8, num_queries=6)
    vectors[0] = 20.0 * queries[0]
    assert scann_index.Scann.build(vectors, TREE).search(queries[:1], 300)[0][0, 0] == 1


_FRESH = """
import sys
import numpy as np
from ytdnn.retrieval.index import scann_index
index = scann_index.Scann.load(sys.argv[1])
queries = np.load(sys.argv[2])
np.save(sys.argv[3], index.search(queries, 10)[0])
"""


@pytest.mark.thorough
def test_a_fresh_process_answers_alike(tmp_path: pathlib.Path) -> None:
    vectors, queries = contract.clustered(500, dim=8, num_queries=9)
    index = scann_index.Scann.build(vectors, TREE)
    index.save(tmp_path / "index")
    np.save(tmp_path / "queries.npy", queries)
    arguments = [tmp_path / name for name in ("index", "queries.npy", "found.npy")]
    subprocess.run([sys.executable, "-c", _FRESH, *arguments], check=True, timeout=120)
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_array_equal(found, index.search(queries, 10)[0])


def test_missing_scann_is_a_line_that_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "scann"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scann", None)
    vectors, _ = contract.clustered(50, dim=8, num_queries=1)
    message = r"expected the package scann .*pip install 'scann"
    with pytest.raises(errors.UserError, match=message):
        scann_index.Scann.build(vectors, configs.ScannConfig())
    with pytest.raises(errors.UserError, match=message):
        scann_index.Scann.load(tmp_path)
    assert not scann_index.is_available()
    brute_force.BruteForce.build(vectors, configs.ExactConfig())
