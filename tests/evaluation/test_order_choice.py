"""The ranker is served where its order is the best that can be, and only there."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.evaluation import order_choice, shown_scorers
from ytdnn.log import events, prepared
from ytdnn.retrieval import impression_rates

CONFIG = configs.EvaluationConfig(num_resamples=50)
# Validation begins at 67. Of each pair one is watched; "a" more often than not.
VALIDATION = [
    row
    for user, (liked, other) in {"u0": "ab", "u1": "ab", "u2": "ba"}.items()
    for row in [(user, liked, 68, True, 30.0), (user, other, 68, False, 0.0)]
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("choice")
    return logged.prepared_data(directory, logged.TRAIN + VALIDATION + logged.TEST)


def _candidates(data: prepared.PreparedData, **by_id: float) -> fakes.ScoresByUser:
    scores = np.zeros(data.num_videos)
    for name, value in by_id.items():
        scores[fakes.index_of(data, name) - 1] = value
    return fakes.ScoresByUser(data.num_videos, lambda user, end: scores)


def _knows(data: prepared.PreparedData, sign: float) -> fakes.PlantedRanker:
    seconds = np.asarray(data.impressions.seconds)
    return fakes.PlantedRanker(lambda videos: videos, lambda rows: sign * seconds[rows])


def test_a_ranker_ahead_of_both_is_served(data: prepared.PreparedData) -> None:
    shown = shown_scorers.SplitImpressions(data.log, events.Split.VALIDATION)
    assert shown.num_users == 3
    found = order_choice.choose(
        data, _candidates(data, b=1.0), _knows(data, 1.0), CONFIG
    )
    assert found.serves_ranker
    # The candidates are right of u2 alone; "a", clicked 3 of 4, is popular, and right
    # of two. A watch in the second place of two is discounted by log2(3).
    second = 1 / np.log2(3)
    assert found.words.startswith(
        "The ranker's order is served (ranking.enabled=auto): on the validation "
        "window, nDCG by watch seconds of all videos shown to each of 3 users is 1.000 "
        f"in the ranker's order, in the candidates' {(1 + 2 * second) / 3:.3f} (+"
    )
    assert f"and in popularity's {(2 + second) / 3:.3f} (+" in found.words
    assert "not above" not in found.words


def test_a_log_of_watched_impressions_alone_serves_the_candidates(
    tmp_path: pathlib.Path,
) -> None:
    # Each watch of `logged` is an impression, half of them liked.
    rated = [
        (f"u{t % 3}", "abcd"[t % 4], t, t % 2 == 0, 20.0 * (t % 2 == 0))
        for t in range(100)
    ]
    data = logged.prepared_data(tmp_path, rated)
    found = order_choice.choose(
        data, _candidates(data, b=1.0), _knows(data, 1.0), CONFIG
    )
    assert not found.serves_ranker
    assert "watched videos only" in found.words


def test_a_ranker_level_with_the_candidates_is_served_where_it_is_above_popularity(
    data: prepared.PreparedData,
) -> None:
    seconds = np.asarray(data.impressions.seconds)
    judged = order_choice.choose(
        data, _candidates(data, b=1.0), _knows(data, 1.0), CONFIG
    )
    assert "are level" not in judged.words
    level = fakes.PlantedRanker(
        lambda videos: videos,
        # Right of u0 and u2, where the candidates are right of u2 and popularity not.
        lambda rows: seconds[rows] * (np.asarray(data.impressions.users)[rows] != 1),
    )
    found = order_choice.choose(data, _candidates(data, b=1.0, a=1.0), level, CONFIG)
    assert found.serves_ranker


@pytest.mark.parametrize(
    ("of_ranker", "of_candidates", "serves", "told"),
    [
        ({"a": 1.0}, {"c": 1.0}, True, "is not above popularity"),  # as popularity
        ({"b": 1.0}, {"b": 0.5}, False, "does not help"),  # as the candidates
        ({"b": 1.0}, {"a": 1.0}, False, "does not help"),  # below both
    ],
)
def test_the_better_order_is_served_and_popularity_is_the_mark(
    data: prepared.PreparedData,
    of_ranker: dict[str, float],
    of_candidates: dict[str, float],
    serves: bool,
    told: str,
) -> None:
    trained = _candidates(data, **of_candidates)
    planted = logged.ranker_of(data, of_ranker)
    found = order_choice.choose(data, trained, planted, CONFIG)
    assert found.serves_ranker == serves
    assert f". The ranker {told}: give it more impressions" in found.words
    assert ("--config.ranking.enabled=true" in found.words) != serves


def test_candidates_that_have_seen_the_window_are_not_asked(
    data: prepared.PreparedData,
) -> None:
    trained = _candidates(data, a=1.0)
    trained.trains_on_validation = True
    found = order_choice.choose(data, trained, _knows(data, 1.0), CONFIG)
    assert "the candidates'" in found.words  # their validation ends before the window
    facts = data.manifest.facts["windows"]
    later = {"windows": facts | {"validation": facts["ranking_validation"]}}
    manifest = dataclasses.replace(data.manifest, facts=data.manifest.facts | later)
    shared = dataclasses.replace(data, manifest=manifest)
    assert not shared.windows.has_own_window
    found = order_choice.choose(shared, trained, _knows(data, 1.0), CONFIG)
    assert found.serves_ranker
    assert "the candidates'" not in found.words


def test_without_lists_to_order_it_is_served_and_said(tmp_path: pathlib.Path) -> None:
    data = logged.prepared_data(tmp_path, logged.TRAIN + VALIDATION[:1] + logged.TEST)
    found = order_choice.choose(
        data, _candidates(data, a=1.0), _knows(data, -1.0), CONFIG
    )
    assert found.serves_ranker
    assert "was not judged" in found.words


def test_a_count_that_is_surely_better_is_served(tmp_path: pathlib.Path) -> None:
    # Forty users click "a" and not "b", before the window (from 261) and in it.
    users = [f"u{n}" for n in range(40)]
    watches = [(users[t % 40], "abcd"[t % 4], t) for t in range(400)]
    shown = [
        (user, video, time, video == "a", 30.0 * (video == "a"))
        for time in (120, 270, 290)
        for user in users
        for video in "ab"
    ]
    data = fakes.prepared_data(
        tmp_path, watches, shown, test_fraction=0.3, ranking_fraction=0.5
    )
    wrong = logged.ranker_of(data, {"b": 1.0})
    found = order_choice.choose(data, _candidates(data), wrong, CONFIG)
    assert found.serves_ranker
    assert found.ordered_by in impression_rates.KINDS
    assert "frozen) is served (ranking.enabled=auto), with the ranker's" in found.words
    assert "and in that of " in found.words
    # One that is right is served, and so are candidates as good as the count.
    right = logged.ranker_of(data, {"a": 1.0})
    found = order_choice.choose(data, _candidates(data), right, CONFIG)
    assert found.ordered_by == "ranker"
    found = order_choice.choose(data, _candidates(data, a=1.0), wrong, CONFIG)
    assert (found.serves_ranker, found.ordered_by) == (False, "ranker")
