"""Baselines of counts, held against plain loops over the log."""

import collections
import itertools
import math

import numpy as np
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import lists, tuned_baselines, user_cases
from ytdnn.log import events, prepared, slice_batches
from ytdnn.retrieval import counted_models, matrix_models

CONFIG = configs.EvaluationConfig(baselines=lists.BASELINES)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("baselines"))


@pytest.fixture(scope="module")
def cases(data: prepared.PreparedData) -> user_cases.Cases:
    return user_cases.cases(data, events.Split.TEST, CONFIG)


def trained_histories(data: prepared.PreparedData) -> list[list[int]]:
    """Returns the training watches of each user, in order."""
    watches = slice_batches.training_set(data).watches
    found = collections.defaultdict(list)
    for user, video in zip(watches.users, np.asarray(watches.videos), strict=True):
        found[int(user)].append(int(video))
    return list(found.values())


def best(
    data: prepared.PreparedData,
    cases: user_cases.Cases,
    row: int,
    scores: dict[int, float],
    k: int,
) -> list[int]:
    """Returns the k best unwatched videos of a case, popularity deciding ties."""
    popularity = data.videos[prepared.TRAIN_COUNT].to_list()
    first, last = cases.watched.offsets[row : row + 2]
    watched = set(cases.watched.values[first:last].tolist())
    open_to = [v for v in range(1, data.vocabulary_size + 1) if v not in watched]
    key = lambda v: (-round(scores.get(v, 0.0), 5), -popularity[v - 1], v)  # noqa: E731
    return sorted(open_to, key=key)[:k]


def test_the_chain_lists_what_followed_the_last_watch(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    follows: dict[int, collections.Counter] = collections.defaultdict(
        collections.Counter
    )
    for history in trained_histories(data):
        for last, after in itertools.pairwise(history):
            follows[last][after] += 1
    found = tuned_baselines.quick_makers(data, CONFIG, cases)["markov"](cases, 8)
    watched = np.asarray(data.watches.videos)
    for row, end in enumerate(cases.ends.tolist()):
        last = int(watched[end - 1])
        assert found[row].tolist() == best(data, cases, row, dict(follows[last]), 8)


def test_own_watches_are_listed_where_lists_hold_them(
    data: prepared.PreparedData,
) -> None:
    config = configs.EvaluationConfig(baselines=("auto",), remove_watched=False)
    cases = user_cases.cases(data, events.Split.TEST, config)
    found = tuned_baselines.quick_makers(data, config, cases)["own_watches"](cases, 3)
    watched = np.asarray(data.watches.videos)
    starts = np.asarray(data.watches.offsets)[cases.users]
    for row, (start, end) in enumerate(zip(starts, cases.ends, strict=True)):
        scores: collections.Counter = collections.Counter()
        for age, own in enumerate(watched[max(start, end - 50) : end][::-1].tolist()):
            scores[own] += 0.95**age
        assert found[row, 0] == scores.most_common(1)[0][0]


def test_co_watch_sums_over_the_last_ten_watches(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    near: dict[int, collections.Counter] = collections.defaultdict(collections.Counter)
    counts: collections.Counter = collections.Counter()
    for history in trained_histories(data):
        counts.update(history)
        for place, video in enumerate(history):
            for other in history[max(0, place - 3) : place]:
                if other != video:
                    near[video][other] += 1
                    near[other][video] += 1
    found = tuned_baselines.quick_makers(data, CONFIG, cases)["co_watch"](cases, 5)
    watched = np.asarray(data.watches.videos)
    starts = np.asarray(data.watches.offsets)[cases.users]
    for row, (start, end) in enumerate(zip(starts, cases.ends, strict=True)):
        scores: collections.Counter = collections.Counter()
        for age, seed in enumerate(watched[max(start, end - 10) : end][::-1].tolist()):
            for other, times in near[seed].items():
                scores[other] += 0.9**age * times / math.sqrt(counts[other] + 10.0)
        assert found[row].tolist() == best(data, cases, row, dict(scores), 5)


def test_recent_popularity_is_that_of_the_last_week(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    order = counted_models.most_watched(data).tolist()
    found = tuned_baselines.quick_makers(data, CONFIG, cases)["recent_popularity"](
        cases, 5
    )
    ranks = {video: float(len(order) - place) for place, video in enumerate(order)}
    for row in range(len(cases)):
        assert found[row].tolist() == best(data, cases, row, ranks, 5)


def test_auto_leaves_out_what_would_take_minutes(
    data: prepared.PreparedData,
    cases: user_cases.Cases,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = ["recent_popularity", "markov", "co_watch", "user_neighbours"]
    config = configs.EvaluationConfig(baselines=("auto", "als", "markov"))
    assert list(tuned_baselines.quick_makers(data, config, cases)) == [*every, "als"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(tuned_baselines, "_MOST_SECONDS", 0.0)
    found = tuned_baselines.quick_makers(data, configs.EvaluationConfig(), cases)
    assert list(found) == every[:1]
    assert "markov, co_watch, user_neighbours would take" in capsys.readouterr().err


def test_neighbours_are_users_with_the_same_watches(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    watches = slice_batches.training_set(data).watches
    counts = np.zeros((data.num_users, data.num_videos + 1))
    counts[watches.users, np.asarray(watches.videos)] = 1.0
    of_videos = 1.0 / np.sqrt(5.0 + counts.sum(axis=0))
    scaled = counts * of_videos / np.sqrt(1.0 + counts.sum(axis=1, keepdims=True))
    found = tuned_baselines.quick_makers(data, CONFIG, cases)["user_neighbours"](
        cases, 8
    )
    for row in range(len(cases)):
        first, last = cases.watched.offsets[row : row + 2]
        history = np.zeros(data.num_videos + 1)
        history[cases.watched.values[first:last]] = 1.0
        scores = (counts @ (history * of_videos)) @ scaled
        history[0] = history[data.vocabulary_size + 1 :] = 1.0  # not to be listed
        scores[history > 0.0] = -1.0
        chosen = scores[found[row]]
        np.testing.assert_allclose(chosen, np.sort(scores)[::-1][:8], rtol=1e-4)


def test_least_squares_finds_the_planted_tastes(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> None:
    found = tuned_baselines.quick_makers(data, CONFIG, cases)["als"](cases, 3)
    taste = [int(video.split()[1]) % 2 for video in data.videos["video_id"]]
    own = np.array([int(u[1:]) % 2 for u in data.users["user_id"][cases.users]])
    listed = np.array(taste)[found - 1]
    assert np.mean(listed == own[:, np.newaxis]) > 0.8


def test_least_squares_weigh_a_watch_by_alpha(data: prepared.PreparedData) -> None:
    settings = {"factors": 4, "regularization": 2.0, "alpha": 5.0}
    training = tuned_baselines.TrainingData(data)
    model = tuned_baselines._fitted("als", settings, training)
    assert isinstance(model, matrix_models.ALS)
    of_videos, user = model.model.item_factors, training.matrix[[0]]
    watched = user.toarray()[0]
    products = (of_videos.T * np.where(watched, 5.0, 1.0)) @ of_videos
    expected = np.linalg.solve(
        products + 2.0 * np.eye(4), of_videos.T @ (5.0 * watched)
    )
    solved = model.model.recalculate_user(0, user)
    np.testing.assert_allclose(solved, expected, rtol=1e-3)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.UserError, match=r"no_such.*ytdnn\[baselines\]"):
        matrix_models._module("no_such.package")
