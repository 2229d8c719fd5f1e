"""What of a request looks like a mistake is said."""

import json
import warnings

import polars as pl
import pytest

from tests.bundle import conftest
from ytdnn.bundle import requests, user_requests
from ytdnn.run.pipeline import Recommender

NOW = 1_700_000_000
DOUBTS = {
    "1 of 2 watched_video_ids are not in the catalogue, as 'nope': read as unknown": {
        "watched_video_ids": ["video 1", "nope"]
    },
    "1 of 1 exclude_ids are not in the catalogue, as 'nope': read as unknown": {
        "exclude_ids": ["nope"]
    },
    "1 of 2 allow_ids are not in the catalogue, as 'nope': read as unknown": {
        "allow_ids": ["video 1", "nope"]
    },
    "country 'XX' is none of the 2 values of the log: read as unknown": {
        "country": "XX"
    },
    "1 of 2 watch_times lie after the request's time 1700000000, such as 1700000009": {
        "watched_video_ids": ["video 1", "video 2"],
        "watch_times": [NOW - 5, NOW + 9],
        "time": NOW,
    },
    "watch_times are not in order, 10 follows 20: the last is taken as the most "
    "recent": {
        "watched_video_ids": ["video 1", "video 2"],
        "watch_times": [20, 10],
    },
}


@pytest.mark.thorough
@pytest.mark.parametrize("line", DOUBTS)
def test_a_doubt_is_said_and_the_request_answered(run: conftest.Run, line: str) -> None:
    assert run.bundle.warnings(DOUBTS[line]) == [line]
    with pytest.warns(UserWarning, match=".") as caught:
        Recommender.load(run.bundle.directory).recommend(
            {"watched_video_ids": []} | DOUBTS[line], exact=True
        )
    assert [str(one.message) for one in caught] == [line]


def test_bounds_that_no_video_meets_are_said() -> None:
    operands = {"stars": pl.Series([1.0, 2.5, 4.0])}
    for named, is_said in (
        (["stars at_least", "5"], True),
        (["stars at_most", "0.5"], True),
        (["stars at_least", "3", "stars at_most", "1"], True),
        (["stars at_least", "2.5", "stars at_most", "2.5"], False),
        (["stars in", "1.0"], False),
    ):
        given = {"conditions": named[::2], "condition_values": named[1::2]}
        found = list(requests.warnings_of(given, {}, [], {}, operands))
        line = "no video has a stars within the bounds of the conditions"
        assert found == [line] * is_said


@pytest.mark.thorough
def test_what_the_log_says_is_not_doubted(run: conftest.Run) -> None:
    request = run.bundle.fitting(user_requests.at_end(run.data, "u1"))
    assert run.bundle.warnings(request) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recommender.load(run.bundle.directory).recommend("u1", exact=True)


@pytest.mark.thorough
def test_the_bundle_names_the_values_of_its_texts(run: conftest.Run) -> None:
    version = str(run.bundle.version)
    path = run.bundle.directory / "versions" / version / "vocabularies.json"
    assert json.loads(path.read_text())["country"] == ["de", "fr"]
