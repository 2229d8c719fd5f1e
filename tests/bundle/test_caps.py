"""Caps of requests, asked of a bundle as people write them."""

import collections

import pytest

from tests import untrained
from tests.bundle.test_filters import request
from ytdnn.base import errors, schema
from ytdnn.bundle import requests
from ytdnn.run import pipeline

TOPICS = {"topic": 2}


def topics(run: untrained.Run, videos: list[str]) -> collections.Counter:
    known = dict(run.data.videos.select("video_id", "topic").iter_rows())
    return collections.Counter(known[video] for video in videos if known[video])


@pytest.mark.thorough
def test_each_request_of_a_batch_has_its_own_caps(untrained_run: untrained.Run) -> None:
    run = untrained_run
    asked = [request(run), request(run, max_per=TOPICS), request(run, max_per={})]
    free, capped, none = run.bundle.answer(asked)
    assert free.video_ids == none.video_ids
    assert max(topics(run, free.video_ids).values()) > 2
    assert max(topics(run, capped.video_ids).values()) == 2
    kept = [video for video in free.video_ids if video in capped.video_ids]
    assert kept == capped.video_ids  # in the same order
    assert run.bundle.answer([asked[1]])[0].video_ids == capped.video_ids


@pytest.mark.thorough
def test_lists_of_many_users_hold_them(untrained_run: untrained.Run) -> None:
    run = untrained_run
    recommender = pipeline.Recommender(run.bundle, run.workdir / "data", run.data)
    users = ["u3", "u5", "u6"]
    found = recommender.recommend(users, k=6, exact=True, max_per=TOPICS)
    for _, rows in found.group_by("user_id"):
        assert max(topics(run, rows["video_id"].to_list()).values()) <= 2
    logged = [recommender.request(user) for user in users]
    each = recommender.recommend(logged, k=6, exact=True, max_per=TOPICS)
    assert each["video_id"].to_list() == found["video_id"].to_list()
    with pytest.raises(errors.UserError, match="no max_per without the ranker"):
        recommender.recommend(users, ranker=False, max_per=TOPICS)


WRONG = {
    "no object": ([1], "expected max_per as an object"),
    "unknown": ({"topics": 2}, "did you mean topic"),
    "zero": ({"topic": 0}, "whole number of 1 to 2,147,483,647 for column topic"),
    "true": ({"topic": True}, "whole number of 1"),
    "age": ({"age_days": 1}, "expected columns of"),
}


@pytest.mark.thorough
@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_wrong_caps_are_refused_in_one_line(
    untrained_run: untrained.Run, given: object, message: str
) -> None:
    fields = untrained_run.bundle.inputs("recommender_exact")
    with pytest.raises(errors.UserError, match=message) as error:
        requests.values({"max_per": given}, fields)
    assert "\n" not in str(error.value)
    both = {"max_per": TOPICS, schema.MAX_PER_COLUMNS: ["topic"]}
    with pytest.raises(errors.UserError, match="received both"):
        requests.values(both, fields)
