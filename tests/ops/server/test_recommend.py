"""`/recommend`, `/feedback`, the served log, and the event log made of it."""

import json
import pathlib
import time

import polars as pl
import pytest

from tests.ops.server import conftest
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import prepare
from ytdnn.ops.server import joined_log, metrics, served_log

Server = conftest.Server
Path = pathlib.Path


def test_an_answer_is_the_bundles_with_sources_and_both_scores(server: Server) -> None:
    request = server.request()
    found = server.post("/recommend", request | {"k": 6}).json()
    (expected,) = server.run.bundle.answer([request | {"k": 6}])
    assert [one["video_id"] for one in found["videos"]] == expected.video_ids
    assert [one["title"] for one in found["videos"]] == expected.titles
    scores = [one["score"] for one in found["videos"]]
    assert scores == pytest.approx(expected.scores, rel=1e-5)
    assert scores == sorted(scores, reverse=True)
    seconds = [one["expected_watch_seconds"] for one in found["videos"]]
    assert seconds == pytest.approx(expected.more["expected_watch_seconds"], rel=1e-5)
    placed = [one["placed_by"] for one in found["videos"]]
    assert placed == expected.more["placed_by"]
    assert set(placed) <= {"score", "cap"}
    assert found["meanings"] == server.run.bundle.meanings
    assert [one["rank"] for one in found["videos"]] == [*range(1, len(scores) + 1)]
    assert {one["source"] for one in found["videos"]} <= {
        *server.run.bundle.manifest.facts["sources"]
    }
    assert found["version"] == 1
    assert found["score_meaning"] == server.run.bundle.score_meaning
    assert set(found["milliseconds"]) == {"queue", "candidates", "ranking", "total"}
    assert all(value >= 0 for value in found["milliseconds"].values())


def test_exclusions_hold_and_warnings_are_told(server: Server) -> None:
    request = server.request(k=3)
    first = server.post("/recommend", request).json()["videos"]
    left_out = [one["video_id"] for one in first]
    asked = request | {"exclude_ids": [*left_out, "nonsense"]}
    second = server.post("/recommend", asked).json()
    assert not {one["video_id"] for one in second["videos"]} & set(left_out)
    assert (
        second["warnings"]
        == second["doubts"]
        == [
            f"1 of {len(left_out) + 1} exclude_ids are not in the catalogue, as "
            f"'nonsense': read as unknown"
        ]
    )


def test_caps_hold_and_wrong_ones_are_refused(server: Server) -> None:
    topics = dict(server.run.data.videos.select("video_id", "topic").iter_rows())
    asked = server.request(k=9, max_per={"topic": 1})
    found = server.post("/recommend", asked).json()["videos"]
    known = [topics[one["video_id"]] for one in found if topics[one["video_id"]]]
    assert len(known) == len(set(known)) > 1
    wrong = server.post("/recommend", server.request(max_per={"topics": 1}))
    assert wrong.status_code == 400
    assert "did you mean topic?" in wrong.text


def test_a_known_user_is_filled_in_and_an_unknown_one_is_not(server: Server) -> None:
    known = server.post("/recommend", {"user_id": "u3"}).json()["videos"]
    nobody = server.post("/recommend", {}).json()["videos"]
    assert known != nobody
    for user, shown in (("a stranger", '"a stranger"'), (3, "3: did you mean u3?")):
        stranger = server.post("/recommend", {"user_id": user}).json()
        assert stranger["videos"] == nobody
        (line,) = stranger["doubts"]
        assert line.startswith("answered from an empty history: expected a user of")
        assert shown in line


def test_a_condition_on_a_value_of_no_video_is_told(server: Server) -> None:
    where = [{"column": "topic", "in": ["nope"]}]
    found = server.post("/recommend", server.request(where=where)).json()
    assert found["videos"] == []
    assert found["doubts"] == [
        "1 of 1 values of 'topic in' are those of no video, as 'nope'",
        "all videos are watched, excluded or outside the conditions",
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"request_id": "x"}, "expected request_id to be of an answer of /recommend"),
        ({"request_id": 3}, "expected request_id"),
        ({"video_id": "nonsense"}, "expected video_id to be of a video in"),
        ({"video_id": ["v1"]}, "expected video_id"),
        ({"clicked": 1}, "expected clicked to be true or false"),
        ({"watch_seconds": -1}, "expected watch_seconds to be a number of 0 to"),
        ({"watch_seconds": "9"}, "expected watch_seconds"),
        ({"watch_seconds": 10**400}, "expected watch_seconds"),
        ({"clicked": False}, "expected watch_seconds to be a number of 0 to 0"),
        ({"seconds": 3}, "expected the keys request_id, video_id, clicked"),
    ],
)
def test_feedback_that_is_none(server: Server, changed: dict, expected: str) -> None:
    good = {"request_id": "0" * 32, "video_id": "v1"}
    good |= {"clicked": True, "watch_seconds": 3.5}
    answer = server.post("/feedback?clicked=true", good)
    assert "all keys to be in the body" in answer.json()["error"]
    answer = server.post("/feedback", good | changed)
    assert answer.status_code == 400
    assert expected in answer.json()["error"]


def test_what_is_served_can_be_trained_on(server: Server, tmp_path: Path) -> None:
    """Serve, feed back, join, prepare."""
    server.post("/recommend", {"k": 2})  # of nobody
    log = server.parts.log
    assert log is not None
    log.flush()
    before = joined_log.join(
        log.directory, tmp_path / "earlier", 60.0, time.time() + 61
    )
    pages = {}
    days = 86_400
    for number, user in enumerate(["u1", "u2", "u5"] * 6):
        request = server.request(user, k=4, user_id=user)
        request[schema.TIME] += number * days
        pages[user] = server.post("/recommend", request).json()
        for place in (0, 2):
            told = {
                "request_id": pages[user]["request_id"],
                "video_id": pages[user]["videos"][place]["video_id"],
                "clicked": True,
                "watch_seconds": 10.0 + place,
            }
            assert server.post("/feedback", told).status_code == 200
    log.flush()
    out = tmp_path / "event_log"
    found = joined_log.join(log.directory, out, 60.0, now=time.time() + 61)
    assert found["clicks"] - before["clicks"] == 36
    assert found["answers left out, without a user_id"] >= 1
    impressions = pl.read_parquet(out / "impressions.parquet")
    own = impressions.filter(pl.col("page_id") == pages["u1"]["request_id"])
    videos = pages["u1"]["videos"]
    assert own[schema.VIDEO_ID].to_list() == [one["video_id"] for one in videos]
    assert own[schema.POSITION].to_list() == [0, 1, 2, 3]
    assert own[schema.SOURCE].to_list() == [one["source"] for one in videos]
    assert own[schema.CLICKED].to_list() == [True, False, True, False]
    assert own[schema.WATCH_SECONDS].to_list() == [10.0, 0.0, 12.0, 0.0]
    asked_at = server.request("u1")[schema.TIME] + 15 * days
    assert set(own[schema.TIME]) == {asked_at}
    scores = [one["candidate_score"] for one in videos]
    assert own[schema.SCORE].to_list() == pytest.approx(scores, rel=1e-5)
    data = prepare.prepare(
        configs.DataConfig(source="log", dir=str(out)), tmp_path / "data"
    )
    assert data.num_users >= 3  # other tests were served too
    assert data.impressions.clicked.sum() == found["clicks"]


def row(request: int, at: float, user: str | None, videos: list[str]) -> dict:
    size = len(videos)
    return {
        joined_log.REQUEST_ID: f"r{request}",
        joined_log.SERVED_AT: at,
        joined_log.VERSION: 1,
        schema.USER_ID: user,
        schema.TIME: None,
        schema.DEVICE: None,
        joined_log.VIDEO_IDS: videos,
        schema.SCORES: [1.0] * size,
        joined_log.CANDIDATE_SCORES: [0.5] * size,
        joined_log.SOURCES: ["tower"] * size,
        joined_log.SEED_IDS: [None] * size,
    }


def told(request: int, at: float, video: str, clicked: bool, seconds: float) -> dict:
    return {
        joined_log.REQUEST_ID: f"r{request}",
        joined_log.SERVED_AT: at,
        schema.VIDEO_ID: video,
        schema.CLICKED: clicked,
        schema.WATCH_SECONDS: seconds,
    }


@pytest.fixture
def log(tmp_path: Path) -> served_log.ServedLog:
    return served_log.ServedLog(tmp_path / "log", pl.String())


def test_outcomes_are_joined_and_what_was_not_told_did_not_happen(
    tmp_path: Path,
) -> None:
    log = served_log.ServedLog(tmp_path / "log", pl.String(), ("price",))
    log.add(joined_log.ANSWERS, row(1, 0.0, '"u1"', ["a", "b", "c"]))
    liked = {schema.LIKED: True, "price": 2.0}
    log.add(joined_log.FEEDBACK, told(1, 1.0, "a", True, 5.0) | liked)
    log.add(joined_log.FEEDBACK, told(1, 2.0, "a", True, 9.0) | {schema.LIKED: False})
    log.add(joined_log.FEEDBACK, told(1, 3.0, "c", False, 0.0))
    log.flush()
    joined_log.join(log.directory, tmp_path / "out", 60.0, now=100.0)
    found = pl.read_parquet(tmp_path / "out" / "impressions.parquet")
    assert found[schema.LIKED].to_list() == [True, False, False]
    assert found["price"].to_list() == [2.0, 0.0, 0.0]
    assert schema.SHARED not in found.columns


def test_the_join_counts_what_it_leaves_out(
    log: served_log.ServedLog, tmp_path: Path
) -> None:
    log.add(joined_log.ANSWERS, row(1, 100.5, "7", ["a", "b"]))
    log.add(joined_log.ANSWERS, row(2, 100.0, None, ["a"]))
    log.add(joined_log.ANSWERS, row(3, 190.0, "7", ["b"]))
    log.add(joined_log.FEEDBACK, told(1, 101.0, "a", False, 0.0))
    log.add(joined_log.FEEDBACK, told(1, 110.0, "a", True, 3.0))
    log.flush()
    log.add(joined_log.FEEDBACK, told(1, 112.0, "a", True, 5.0))
    log.add(joined_log.FEEDBACK, told(1, 160.0, "b", True, 5.0))  # later than 50 s
    log.add(joined_log.FEEDBACK, told(1, 110.0, "c", True, 5.0))  # was not shown
    log.add(joined_log.FEEDBACK, told(9, 110.0, "a", True, 5.0))  # of no answer
    log.flush()
    out = tmp_path / "out"
    assert joined_log.join(tmp_path / "log", out, 50.0, now=200.0) == {
        "answers": 1,
        "impressions": 2,
        "clicks": 1,
        "answers left for later, younger than the wait": 1,
        "answers left out, without a user_id": 1,
        "feedback left out, later than the wait": 1,
        "feedback left out, of no answer here": 2,
    }
    impressions = pl.read_parquet(out / "impressions.parquet")
    assert impressions[schema.USER_ID].to_list() == [7, 7]  # integers stay integers
    assert impressions[schema.WATCH_SECONDS].to_list() == [5.0, 0.0]
    assert pl.read_parquet(out / "watches.parquet").row(0, named=True) == {
        "user_id": 7,
        "video_id": "a",
        "time": 101,
        "watch_seconds": 5.0,
    }
    # A second join replaces the first, and nothing else.
    joined_log.join(tmp_path / "log", out, 5.0, now=200.0)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(errors.UserError, match="--out to be new"):
        joined_log.join(tmp_path / "log", out, 5.0, now=200.0)


def test_propensities_are_joined_also_with_answers_that_have_none(
    log: served_log.ServedLog, tmp_path: Path
) -> None:
    drawn = {schema.PROPENSITIES: [0.25, 0.5]}
    log.add(joined_log.ANSWERS, row(1, 100.0, "7", ["a", "b"]) | drawn)
    log.add(joined_log.ANSWERS, row(2, 101.0, "7", ["b"]))
    log.flush()
    # A part of an earlier server has no such column.
    (part,) = (tmp_path / "log" / joined_log.ANSWERS).glob("*/*.parquet")
    earlier = pl.read_parquet(part).drop(schema.PROPENSITIES)
    earlier = earlier.filter(pl.col(joined_log.REQUEST_ID) == "r2")
    earlier.write_parquet(part.with_name("0.parquet"))
    joined_log.join(tmp_path / "log", tmp_path / "out", 5.0, now=200.0)
    impressions = pl.read_parquet(tmp_path / "out" / "impressions.parquet")
    found = impressions.filter(pl.col(schema.PAGE_ID) == "r1")
    assert found[schema.PROPENSITY].to_list() == [0.25, 0.5]
    others = impressions.filter(pl.col(schema.PAGE_ID) == "r2")
    assert others[schema.PROPENSITY].null_count() == len(others) == 2


def test_what_cannot_be_joined(log: served_log.ServedLog, tmp_path: Path) -> None:
    with pytest.raises(errors.UserError, match="found no answers"):
        joined_log.join(tmp_path / "nowhere", tmp_path / "out", 1.0)
    log.add(joined_log.ANSWERS, row(1, 100.0, json.dumps("u"), ["a"]))
    log.flush()
    with pytest.raises(errors.UserError, match=r"1 answer, 1 of them younger"):
        joined_log.join(tmp_path / "log", tmp_path / "out", 50.0, now=120.0)
    (part,) = (tmp_path / "log" / "answers").glob("*/*.parquet")
    part.write_bytes(b"torn")
    with pytest.raises(errors.UserError, match=f"table in {part}, found a damaged"):
        joined_log.join(tmp_path / "log", tmp_path / "out", 1.0)


def test_a_part_that_cannot_be_written_is_kept(
    log: served_log.ServedLog, tmp_path: Path
) -> None:
    log.add(joined_log.ANSWERS, row(1, 100.0, "1", ["a"]))
    blocked = tmp_path / "log" / "answers"
    blocked.write_text("a file where the directory goes")
    log.flush()
    assert log.problem
    log.add(joined_log.ANSWERS, row(2, 101.0, "1", ["a"]))
    blocked.unlink()
    log.flush()
    assert not log.problem
    (part,) = blocked.glob("*/*.parquet")
    assert pl.read_parquet(part)[joined_log.REQUEST_ID].to_list() == ["r1", "r2"]
    assert not list(blocked.glob("*/.*"))  # nothing half written stays


def test_rows_that_no_disk_takes_are_bounded_and_counted(
    log: served_log.ServedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_log, "_MOST_ROWS", 3)
    before = metrics.DROPPED._value.get()
    for number in range(5):
        log.add(joined_log.FEEDBACK, {"request_id": str(number)})
    (log.directory / joined_log.FEEDBACK).write_text("in the way")
    log.flush()
    assert log.problem
    assert metrics.DROPPED._value.get() == before + 2
    assert [row["request_id"] for row in log._rows[joined_log.FEEDBACK]] == [
        "2",
        "3",
        "4",
    ]


def test_without_a_log_feedback_is_refused(server: Server) -> None:
    answer = server.changed(log=None).post("/feedback", json={})
    assert answer.status_code == 404
    assert "nothing is logged: start the server with --log" in answer.json()["error"]
