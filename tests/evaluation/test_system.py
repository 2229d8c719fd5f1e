import pathlib

import numpy as np
import pytest

from tests import planted
from tests.evaluation import fakes
from tests.index import contract
from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import protocol, system
from ytdnn.index import brute_force
from ytdnn.metrics import retrieval


def _ragged(rows: list[list[int]]) -> prepared.Ragged:
    offsets = np.cumsum([0] + [len(row) for row in rows])
    videos = np.array([video for row in rows for video in row], np.int32)
    return prepared.Ragged(offsets, videos)


@pytest.mark.parametrize("block", [3, 256])
def test_exact_index_gives_the_exact_ranking_without_watched(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(system, "_USERS_A_SEARCH", block)
    videos, users = contract.clustered(60, dim=6, num_queries=20)
    rng = np.random.default_rng(0)
    # Histories from none to 55 of 60 videos, repeats and unknown videos (0) in them.
    watched = _ragged([rng.integers(0, 61, 6 * row).tolist() for row in range(20)])
    index = brute_force.BruteForce.build(videos, configs.Index())
    found = system.candidates_of(index, users, watched, 12)
    np.testing.assert_array_equal(found, retrieval.top_k(users, videos, *watched, k=12))


def test_lists_end_in_zeros_where_too_few_videos_are_left() -> None:
    videos, users = contract.clustered(10, dim=3, num_queries=2)
    watched = _ragged([[1, 2, 3, 4, 5, 6, 7, 8], []])
    index = brute_force.BruteForce.build(videos, configs.Index())
    found = system.candidates_of(index, users, watched, 15)
    assert set(found[0].tolist()) == {0, 9, 10}
    assert np.all(found[0, 2:] == 0)
    assert sorted(found[1, :10].tolist()) == list(range(1, 11))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("system"))


def test_the_rankers_order_is_measured_and_padding_stays_last(
    data: prepared.PreparedData,
) -> None:
    cases = protocol.cases(data, prepared.Split.TEST)
    lists = np.tile(np.array([[4, 2, 0, 7]], np.int32), (len(cases), 1))
    ranker = fakes.PlantedRanker(lambda videos: -videos.astype(float))
    # The logit of padding (0) is the highest, and must not win.
    found = system.reordered(data, ranker, cases, lists)
    assert np.unique(found, axis=0).tolist() == [[2, 4, 7, 0]]
    np.testing.assert_array_equal(ranker.times, cases.times)


def test_equal_logits_keep_the_order_of_the_index(data: prepared.PreparedData) -> None:
    cases = protocol.cases(data, prepared.Split.TEST)
    lists = np.tile(np.array([[4, 2, 9, 7]], np.int32), (len(cases), 1))
    constant = fakes.PlantedRanker(lambda videos: np.zeros(videos.shape))
    np.testing.assert_array_equal(system.reordered(data, constant, cases, lists), lists)


def test_composed_hit_rate_is_that_of_the_rankers_list(tmp_path: pathlib.Path) -> None:
    # Answers: d for u0, c for u1; the ranker puts c before d.
    watches = [("u0", v, t) for t, v in enumerate("abcd")]
    watches += [("u1", v, t) for t, v in enumerate("abdc")]
    watches += [("u2", v, t) for t, v in enumerate("dcba")]
    data = fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    cases = protocol.cases(data, prepared.Split.TEST)
    c, d = fakes.index_of(data, "c"), fakes.index_of(data, "d")
    lists = np.array([[d, c], [c, d], [d, c]], np.int32)[: len(cases)]
    ranker = fakes.PlantedRanker(lambda videos: (videos == c).astype(float))
    reordered = system.reordered(data, ranker, cases, lists)
    values = system.evaluate(reordered, cases, configs.Evaluation(ks=(1, 2)))
    assert values["hit_rate@1"].tolist()[:2] == [0.0, 1.0]
    assert values["hit_rate@2"].tolist()[:2] == [1.0, 1.0]
