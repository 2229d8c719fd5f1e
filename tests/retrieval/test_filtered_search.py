"""Search among permitted videos is exact search over them, under any kind of index."""

import pathlib
from typing import Any

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from ytdnn import configs
from ytdnn.bundle import removed_videos
from ytdnn.log import lookups
from ytdnn.retrieval import allowed_videos, filtered_search, pool
from ytdnn.retrieval.index import brute_force, ivf, scann_index

NUM, DIM, WIDEST = 30, 4, 34  # videos 31 to 34 are in the catalogue alone
REMOVED = [2, 5, 9, 31]
ADDED = 7  # videos of the delta part, the last ones
VECTORS = np.random.default_rng(0).normal(size=(NUM, DIM)).astype(np.float32)
IDS = strategies.lists(strategies.integers(0, WIDEST), max_size=12)
ROW = strategies.tuples(
    IDS,  # barred
    strategies.one_of(strategies.none(), IDS),  # allow-list
    strategies.integers(0, 2**16),  # seed of the query
)


class Forgetful:
    """An index that knows no more than the even videos."""

    def __init__(self) -> None:
        self.vectors = tf.Variable(VECTORS)
        self._exact = brute_force.BruteForceModule(VECTORS[1::2])

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        indices, scores = self._exact.search(queries, k)
        return indices * 2, scores


def searchers() -> dict[str, Any]:
    found = {"exact": brute_force.BruteForceModule(VECTORS), "forgetful": Forgetful()}
    lists = configs.IvfConfig(num_lists=8)
    found["ivf"] = ivf.Ivf.build(VECTORS, lists).module
    if scann_index.is_available():
        found["scann"] = scann_index.Scann.build(VECTORS, configs.ScannConfig()).module
    main = ivf.Ivf.build(VECTORS[:-ADDED], lists).module
    found["delta"] = brute_force.WithDelta(main, VECTORS[-ADDED:])
    return found


SEARCHERS = searchers()


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each kind of index as a compiled search."""
    path = tmp_path_factory.mktemp("asset") / removed_videos.ASSET
    path.write_text(removed_videos.text(REMOVED))
    removed = lookups.RemovedVideos(path)

    def compiled(searcher: Any) -> Any:
        search = filtered_search.Nearest(searcher, NUM)
        lists = tf.TensorSpec([None, None], tf.int32)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, DIM], tf.float32),
                tf.TensorSpec([], tf.int32),
                lists,
                lists,
                tf.TensorSpec([None], tf.bool),
            ]
        )
        def run(queries: Any, num: Any, barred: Any, allowed: Any, limited: Any) -> Any:
            limits = allowed_videos.AllowedVideos(barred, allowed, limited, removed)
            return search.search(queries, num, limits)

        return run

    return {kind: compiled(searcher) for kind, searcher in SEARCHERS.items()}


def padded(lists: list[list[int]]) -> np.ndarray:
    width = max(1, *map(len, lists))
    return np.array([[0] * (width - len(one)) + one for one in lists], np.int32)


def ask(run: Any, rows: list[Any], num: int) -> tuple[np.ndarray, np.ndarray]:
    queries = [np.random.default_rng(seed).normal(size=DIM) for *_, seed in rows]
    videos, scores = run(
        tf.constant(np.array(queries), tf.float32),
        tf.constant(num),
        tf.constant(padded([barred for barred, *_ in rows])),
        tf.constant(padded([allowed or [] for _, allowed, _ in rows])),
        tf.constant([allowed is not None for _, allowed, _ in rows]),
    )
    return videos.numpy(), scores.numpy()


def by_hand(row: Any, num: int) -> tuple[list[int], list[float]]:
    barred, allowed, seed = row
    videos = set(range(1, NUM + 1)) - set(barred) - set(REMOVED)
    if allowed is not None:
        videos &= set(allowed)
    query = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    scores = {v: float(VECTORS[v - 1] @ query) for v in videos}
    best = sorted(videos, key=lambda v: -scores[v])[:num]
    return best, [scores[v] for v in best]


@pytest.mark.parametrize("kind", ["exact", "scann"])
@hypothesis.given(
    strategies.lists(ROW, min_size=1, max_size=4), strategies.integers(0, NUM)
)
@hypothesis.settings(max_examples=60)
def test_it_is_exact_search_over_the_permitted_videos(
    searches: dict[str, Any], kind: str, rows: list[Any], num: int
) -> None:
    if kind not in searches:
        pytest.skip("needs ScaNN")
    videos, scores = ask(searches[kind], rows, num)
    assert videos.shape == scores.shape == (len(rows), num)
    for row, found, values in zip(rows, videos, scores, strict=True):
        best, expected = by_hand(row, num)
        assert found.tolist() == best + [0] * (num - len(best))
        np.testing.assert_allclose(values[: len(best)], expected, rtol=1e-5, atol=1e-6)
        assert np.isneginf(values[len(best) :]).all()


@hypothesis.given(ROW, strategies.integers(0, NUM))
@hypothesis.settings(max_examples=40)
def test_lists_are_whole_where_the_index_knows_too_few(
    searches: dict[str, Any], row: Any, num: int
) -> None:
    """Then all videos are scored: never less than is permitted."""
    videos, _ = ask(searches["forgetful"], [row], num)
    best, _ = by_hand(row, num)
    assert np.count_nonzero(videos) == len(best)
    assert not set(videos[0].tolist()) & ({*row[0], *REMOVED} - {0})


def test_one_who_bars_very_many_is_not_asked_of_the_index(
    searches: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their exclusions widen nobody's search; the answer is exact all the same."""
    asked = []

    class Counted(Forgetful):
        def search(self, queries: Any, k: Any) -> Any:
            asked.append(int(k))
            return super().search(queries, k)

    monkeypatch.setattr(filtered_search, "MOST_EXCLUDED", 5)
    search = filtered_search.Nearest(Counted(), NUM)
    few, many = [1, 3], list(range(1, 20))
    for rows, widths in (([few], [6]), ([many], []), ([few, many], [6])):
        asked.clear()
        queries = tf.constant(VECTORS[: len(rows)])
        limits = allowed_videos.AllowedVideos(tf.constant(padded(rows)))
        videos, _ = search.search(queries, tf.constant(4), limits)
        assert asked == widths
        for row, found in zip(rows, videos.numpy().tolist(), strict=True):
            assert not set(row) & set(found)
            if row is many:
                scores = VECTORS[19:] @ VECTORS[len(rows) - 1]
                assert found == (20 + np.argsort(-scores)[:4]).tolist()


def test_an_allow_list_of_unknown_videos_permits_nothing(
    searches: dict[str, Any],
) -> None:
    for allowed, count in (([0, 0], 0), ([], 0), ([33], 0), (None, 3), ([4, 4, 6], 2)):
        videos, scores = ask(searches["exact"], [([], allowed, 1)], 3)
        assert np.count_nonzero(videos) == count
        assert np.isfinite(scores).sum() == count


def test_vectors_are_not_accessed_sparsely() -> None:
    """After one sparse access TensorFlow copies the variable at each whole read."""
    lists = tf.TensorSpec([None, None], tf.int32)
    vectors = tf.TensorSpec([None, DIM])
    for searcher in SEARCHERS.values():
        search = filtered_search.Nearest(searcher, NUM)
        score = pool.Scores(searcher.vectors, NUM)

        @tf.function(input_signature=[vectors, lists, lists])
        def answer(
            queries: tf.Tensor,
            barred: tf.Tensor,
            allowed: tf.Tensor,
            search: filtered_search.Nearest = search,
            score: pool.Scores = score,
        ) -> tf.Tensor:
            limited = tf.reduce_any(allowed > 0, axis=1)
            may = allowed_videos.AllowedVideos(barred, allowed, limited)
            found, _ = search.search(queries, tf.constant(5), may)
            return score(queries, found)

        graph = answer.get_concrete_function().graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        assert "ReadVariableOp" in {node.op for node in nodes}
        sparse = [node for node in nodes if node.op == "ResourceGather"]
        # The tables of hashing, of integers, are never read whole.
        assert all(
            node.attr["dtype"].type == tf.int32.as_datatype_enum for node in sparse
        )


class Counting(Forgetful):
    """An exact index that notes how many videos it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._exact = brute_force.BruteForceModule(VECTORS)
        self.widths: list[int] = []

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        self.widths.append(int(k))
        return self._exact.search(queries, k)


@pytest.mark.parametrize(("num", "width"), [(6, 6 + 2 + 4), (3, 3 + 2 + 3)])
def test_the_index_is_asked_for_as_many_more_as_may_be_left_out(
    tmp_path: pathlib.Path, num: int, width: int
) -> None:
    path = tmp_path / removed_videos.ASSET
    path.write_text(removed_videos.text(REMOVED))
    index = Counting()
    limits = allowed_videos.AllowedVideos(
        tf.constant([[3, 4]]),
        tf.zeros([1, 0], tf.int32),
        tf.constant([False]),
        lookups.RemovedVideos(path),
    )
    search = filtered_search.Nearest(index, NUM)
    search.search(tf.constant(VECTORS[:1]), tf.constant(num), limits)
    assert index.widths[0] == width
