"""A bundle asked as a notebook asks it."""

import pathlib
import pickle
import shutil

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ytdnn
from tests import refusals
from tests.run.pipeline import conftest
from ytdnn.bundle import batches

Recommender = ytdnn.Recommender

COLUMNS = ["request", "user_id", "rank", "video_id", "title", "score"]
SAID = ["expected_watch_seconds", "click_probability"]


@pytest.fixture(scope="module")
def recommender(made: conftest.Made) -> Recommender:
    return Recommender.load(made.bundle)


def test_users_get_their_recommendations(recommender: Recommender) -> None:
    found = recommender.recommend(["u3", "u1"], k=2)
    assert found.columns == [*COLUMNS, *SAID]
    assert found["request"].to_list() == [0, 0, 1, 1]
    assert found["user_id"].to_list() == ["u3", "u3", "u1", "u1"]
    assert found["rank"].to_list() == [1, 2, 1, 2]
    (answer,) = recommender.bundle.answer([recommender.request("u1") | {"k": 2}])
    assert found["video_id"].to_list()[2:] == answer.video_ids
    assert found["title"].to_list()[2:] == answer.titles
    assert found["score"].to_list()[2:] == pytest.approx(answer.scores, rel=1e-5)


def test_files_frames_and_answers_have_the_same_columns(
    recommender: Recommender, tmp_path: pathlib.Path
) -> None:
    """The score falls with the rank; a file's metadata says what each column is."""
    users = [f"u{i}" for i in range(8)]
    frame = recommender.recommend(users, k=9)
    requests = [recommender.request(user) | {"k": 9} for user in users]
    of_requests = recommender.recommend(requests)
    meanings = recommender.bundle.meanings
    assert list(meanings) == ["score", *SAID]
    for end in ("parquet", "csv"):
        out = tmp_path / f"recs.{end}"
        written = ytdnn.write_recommendations(recommender, out, users, k=9)
        assert written.meanings == meanings
        read = pl.read_csv(out) if end == "csv" else pl.read_parquet(out)
        for found in (read, of_requests):
            assert found["video_id"].equals(frame["video_id"])
            for name in meanings:
                expected = frame[name].to_list()
                assert found[name].to_list() == pytest.approx(expected, rel=1e-4)
        places = read.group_by("user_id").agg(pl.col("score").diff().max())
        assert (places["score"] <= 0.0).all()
    metadata = pl.read_parquet_metadata(tmp_path / "recs.parquet")
    assert {name: metadata[name] for name in meanings} == meanings
    assert (frame["click_probability"] < 1.0).all()


def test_candidates_hold_the_page_with_its_sources(recommender: Recommender) -> None:
    found = recommender.candidates("u3")
    page = recommender.recommend("u3", exact=False)
    on_page = found.filter(pl.col("rank") <= len(page))
    assert on_page["video_id"].to_list() == page["video_id"].to_list()
    assert on_page["score"].to_list() == pytest.approx(
        page["score"].to_list(), rel=1e-5
    )
    assert found["video_id"].is_unique().all()
    assert set(found["source"]) <= {"tower", "fresh_uploads", "co_watch", "popular"}
    of_tower = found.filter(pl.col("source") == "tower")
    assert of_tower["candidate_score"].null_count() == 0
    assert found["rank"].null_count() == len(found) - found["rank"].max()


def test_candidates_are_shown_after_a_training_too(recommender: Recommender) -> None:
    """Training makes operations deterministic, and the graph reads the clock."""
    from tensorflow.python.framework import config

    config.enable_op_determinism()
    try:
        found = recommender.candidates("u3")
        times = recommender.bundle.latency(recommender.request("u3"))
        assert config.is_op_determinism_enabled()
    finally:
        config.disable_op_determinism()
    assert len(found) > 0
    assert times["recommender"] > 0.0


@pytest.mark.parametrize(
    "users",
    [
        ("u3", "u1"),
        np.array(["u3", "u1"]),
        pl.Series(["u3", "u1"]),
        pd.Series(["u3", "u1"]),
        pl.DataFrame({"user_id": ["u3", "u1"]}),
        pl.LazyFrame({"user_id": ["u3", "u1"]}),
        [{"user_id": "u3"}, "u1"],
    ],
    ids=lambda users: type(users).__module__.split(".")[0] + type(users).__name__,
)
def test_users_may_be_given_in_any_shape(
    recommender: Recommender, users: object
) -> None:
    expected = recommender.recommend(["u3", "u1"], k=3)
    assert recommender.recommend(users, k=3).equals(expected)


def test_a_request_needs_no_log(made: conftest.Made, tmp_path: pathlib.Path) -> None:
    shutil.copytree(made.bundle, tmp_path / "bundle")
    recommender = Recommender.load(tmp_path / "bundle")
    found = recommender.recommend({"watched_video_ids": ["video 1"], "k": 3})
    expected = [name for name in COLUMNS if name != "user_id"]
    assert found.columns == [*expected, *SAID]
    assert found["rank"].to_list() == [1, 2, 3]
    assert "video 1" not in found["video_id"]
    assert refusals.line(recommender.recommend, "u1").startswith(
        f"expected the prepared set to look up users in, found none in {tmp_path}/data"
    )
    again = Recommender.load(tmp_path / "bundle", made.workdir / "data")
    assert again.recommend("u1").height == 10


def test_a_frame_of_requests_is_a_request_a_row(recommender: Recommender) -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["u1", "somebody", None],
            "watched_video_ids": [None, ["video 1", "video 3"], []],
            "k": [1, 2, None],
        }
    )
    found = recommender.recommend(frame)
    assert found["user_id"].to_list() == ["u1"] + ["somebody"] * 2 + [None] * 10
    alone = recommender.recommend(["u1"], k=1)
    assert found["video_id"][0] == alone["video_id"][0]  # filled from the log
    own = recommender.recommend({"watched_video_ids": ["video 1", "video 3"]}, k=2)
    assert found["video_id"].to_list()[1:3] == own["video_id"].to_list()


def test_own_keys_stand_beside_what_the_log_knows(recommender: Recommender) -> None:
    request = {"user_id": "u1", "age": 70.0, "k": 4}
    filled = recommender.request("u1") | {"age": 70.0, "k": 4}
    found = recommender.recommend(request)
    assert found.drop("user_id").equals(recommender.recommend(filled))


def test_pandas_in_pandas_out(recommender: Recommender) -> None:
    frame = pd.DataFrame(
        {
            "user_id": ["a", "b"],
            "watched_video_ids": pd.Series([["video 1"], ["video 2", "video 4"]]),
            "k": [1.0, None],  # as pandas has integers where one is missing
            "age": [30.5, None],
        }
    )
    found = recommender.recommend(frame)
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == [*COLUMNS, *SAID]
    assert found["user_id"].tolist() == ["a"] + ["b"] * 10
    requests = [
        {"watched_video_ids": ["video 1"], "age": 30.5, "k": 1},
        {"watched_video_ids": ["video 2", "video 4"]},
    ]
    expected = recommender.recommend(requests)
    assert found["video_id"].tolist() == expected["video_id"].to_list()


def test_many_requests_are_answered_in_their_order(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    answer = recommender.bundle.answer
    monkeypatch.setattr(
        recommender.bundle,
        "answer",
        lambda batch, exact: sizes.append(len(batch)) or answer(batch, exact),
    )
    asked = [
        {"watched_video_ids": [f"video {i % 40}"] * (i % 7), "k": 1 + i % 2}
        for i in range(batches.MAX_REQUESTS + 9)
    ]
    found = recommender.recommend(asked, exact=True)
    assert sizes == [batches.MAX_REQUESTS, 9]
    counts = found.group_by("request", maintain_order=True).len()
    assert counts["request"].to_list() == list(range(len(asked)))
    assert counts["len"].to_list() == [1 + i % 2 for i in range(len(asked))]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("u333", "expected a user of the 60 in "),
        (5.5, "expected user ids, requests or a frame to recommend for, received floa"),
        (
            None,
            "expected user ids, requests or a frame to recommend for, received None",
        ),
        ([None], "expected a user id or a request (a dict), received NoneType None"),
        ([True], "expected a user id or a request (a dict), received bool True"),
        ({"watched": ["a"]}, "expected request keys watched_video_ids, "),
        ({"watched_video_ids": "a"}, "expected a list in request key watched_video_"),
    ],
)
def test_a_mistake_is_one_line(
    recommender: Recommender, asked: object, line: str
) -> None:
    assert refusals.line(recommender.recommend, asked).startswith(line)


def test_a_recommender_is_pickled_as_its_places(recommender: Recommender) -> None:
    again = pickle.loads(pickle.dumps(recommender))
    asked = {"watched_video_ids": ("video 0", "video 2")}
    listed = {**asked, "watched_video_ids": [*asked["watched_video_ids"]]}
    assert again.recommend(asked).equals(recommender.recommend(listed))


def test_a_set_that_the_bundle_was_not_made_from_is_refused(
    made: conftest.Made, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(made.bundle, tmp_path / "bundle")
    ytdnn.prepare(tmp_path, tables={"watches": made.tables["watches"]})
    with pytest.raises(ytdnn.UserError, match="was made from data"):
        Recommender.load(tmp_path / "bundle").recommend("u1")
    with pytest.raises(ytdnn.UserError, match="was made from data"):
        Recommender.load(tmp_path / "bundle", tmp_path / "data")
