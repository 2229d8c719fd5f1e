import dataclasses
import pathlib

import numpy as np
import pytest

from tests import planted
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base.metrics import exact_top_k
from ytdnn.evaluation import lists, user_cases
from ytdnn.log import events, prepared

CONFIG = configs.EvaluationConfig()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("lists"))


@pytest.fixture(scope="module")
def cases(data: prepared.PreparedData) -> user_cases.Cases:
    return user_cases.cases(data, events.Split.TEST, CONFIG)


def _constant(rows: list[int]) -> lists.Maker:
    return lambda cases, k: np.tile(np.array([rows], np.int32), (len(cases), 1))[:, :k]


def test_the_rankers_order_is_that_of_the_system_and_padding_stays_last(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    ranker = fakes.PlantedRanker(lambda videos: -videos.astype(float))
    # The logit of padding (0) is the highest, and must not win.
    maker = lists.composed(data, _constant([4, 2, 0, 7]), ranker, num_candidates=4)
    assert np.unique(maker(cases, 4), axis=0).tolist() == [[2, 4, 7, 0]]
    np.testing.assert_array_equal(ranker.times, cases.times)


def test_logits_that_are_no_numbers_are_refused(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    broken = fakes.PlantedRanker(lambda videos: np.full(videos.shape, np.nan))
    with pytest.raises(ValueError, match="received NaN"):
        lists.composed(data, _constant([4, 2]), broken, 2)(cases, 2)


def test_any_score_ranks_under_the_same_rules(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (len(cases), data.num_videos)).astype(np.float32)
    found = lists.from_scores(
        cases,
        lambda users, videos, out: np.copyto(out, scores[users, videos]),
        data.num_videos,
        6,
    )
    unit = np.eye(data.num_videos, dtype=np.float32)
    np.testing.assert_array_equal(found, lists.from_vectors(cases, scores, unit, 6))
    assert not exact_top_k.hits_of(found, *cases.watched).any()


def test_composed_hit_rate_is_that_of_the_rankers_list(tmp_path: pathlib.Path) -> None:
    # Answers: d for u0, c for u1; the ranker puts c before d.
    watches = [("u0", v, t) for t, v in enumerate("abcd")]
    watches += [("u1", v, t) for t, v in enumerate("abdc")]
    watches += [("u2", v, t) for t, v in enumerate("dcba")]
    data = fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    c, d = fakes.index_of(data, "c"), fakes.index_of(data, "d")
    ranker = fakes.PlantedRanker(lambda videos: (videos == c).astype(float))
    found = lists.composed(data, _constant([d, c]), ranker, 2)(cases, 2)
    values = exact_top_k.metrics_at(found, *cases.targets, (1, 2))
    assert values["hit_rate@1"].tolist()[:2] == [0.0, 1.0]
    assert values["hit_rate@2"].tolist()[:2] == [1.0, 1.0]


def test_lists_of_others_lose_what_they_may_not_hold(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    # Everyone gets all videos, a gap (0) first: as exact ranking would cut them.
    ordered = np.arange(data.num_videos + 1, dtype=np.int32)
    given = np.tile(ordered, (len(cases), 1))
    k = data.num_videos
    scores = -np.arange(k, dtype=np.float32)[:, np.newaxis]
    users = np.ones((len(cases), 1), np.float32)
    released = np.where(np.arange(k) < 3, cases.times.max() + 1, 0)
    for some in (cases, dataclasses.replace(cases, available_from=released)):
        expected = lists.from_vectors(some, users, scores, k)
        np.testing.assert_array_equal(lists.closed_up(some, given, k), expected)
        np.testing.assert_array_equal(lists.closed_up(some, given, 2), expected[:, :2])
        may = lists.may_hold(some, np.zeros(k + 1, int), ordered)
        listed = np.isin(ordered, expected[0][expected[0] > 0])
        np.testing.assert_array_equal(may[1:], listed[1:])
        assert may[0]  # a video that is not known
