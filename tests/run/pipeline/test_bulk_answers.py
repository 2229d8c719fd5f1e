"""Answers for many: frames of the recommender, and the same written to files."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ytdnn
from tests import refusals
from tests.run.pipeline import conftest
from ytdnn.bundle import answer_files
from ytdnn.log import prepared

LISTS = ["user_id", "rank", "video_id", "title", "score"]
RANKED = ["expected_watch_seconds", "click_probability"]


@pytest.fixture(scope="module")
def recommender(made: conftest.Made) -> ytdnn.Recommender:
    return ytdnn.Recommender.load(made.bundle)


@pytest.mark.parametrize("name", ["recs.parquet", "recs.csv"])
@pytest.mark.parametrize("ranker", [True, False])
def test_everybody_is_written_as_the_notebook_answers(
    recommender: ytdnn.Recommender,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    ranker: bool,
) -> None:
    monkeypatch.setattr(answer_files, "_REQUESTS_A_PART", 25)  # three parts
    monkeypatch.setattr(answer_files, "_PRODUCTS_A_PART", 25)
    path, told = tmp_path / "new" / name, []
    written = ytdnn.write_recommendations(
        recommender,
        path,
        k=4,
        ranker=ranker,
        index="exact",
        progress=lambda done, total: told.append((done, total)),
    )
    read = pl.read_parquet if name.endswith("parquet") else pl.read_csv
    found = read(path)
    more = RANKED if ranker else []
    assert found.columns == LISTS + more
    assert told == [(25, 60), (50, 60), (60, 60)]
    assert (written.num_asked, written.num_rows) == (60, found.height)
    users = recommender.data.users["user_id"].to_list()
    expected = recommender.recommend(users, k=4, exact=True, ranker=ranker)
    for column in LISTS[:-1]:
        assert found[column].to_list() == expected[column].to_list()
    for column in ["score", *more]:
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-4)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("ranker", [True, False])
def test_a_log_in_shards_has_the_same_lists_and_is_not_joined(
    recommender: ytdnn.Recommender,
    made: conftest.Made,
    tmp_path: pathlib.Path,
    ranker: bool,
) -> None:
    data = dataclasses.replace(made.config.data, events_per_shard=500)
    config = dataclasses.replace(made.config, data=data)
    ytdnn.prepare(tmp_path / "run", config, tables=made.tables)
    sharded = prepared.load(tmp_path / "run" / "data")
    assert len(sharded.log.shards) > 3
    other = ytdnn.Recommender(recommender.bundle, sharded.directory, sharded)
    contents = []
    for opened in (recommender, other):
        path = tmp_path / "recs.parquet"
        ytdnn.write_recommendations(opened, path, k=4, ranker=ranker, index="exact")
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert "shard" not in vars(sharded)  # all events, joined


def test_a_run_that_fails_leaves_the_old_file(
    recommender: ytdnn.Recommender, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "recs.csv"
    path.write_text("old")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ytdnn.write_recommendations(recommender, path, ranker=False, progress=stop)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_ids_come_back_as_they_were_given(
    recommender: ytdnn.Recommender, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "recs.parquet"
    frame = pd.DataFrame({"user_id": ["u7", "nobody", "u7", "u2"], "age": [1, 2, 3, 4]})
    written = ytdnn.write_recommendations(recommender, path, frame, 3, ranker=False)
    assert pl.read_parquet(path)["user_id"].to_list() == ["u7"] * 3 + ["u2"] * 3
    assert written.notes == [
        f"not in the log of {recommender.data.directory}, left out: 1 of 3 users "
        f"(nobody)",
        "1 row of users named before: each is answered once",
    ]


def test_ids_of_another_type_and_a_file_of_ids_that_is_written_are_refused(
    recommender: ytdnn.Recommender, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ytdnn.UserError, match="ids of videos to be a list, a"):
        recommender.similar({"v1": 2})
    path = tmp_path / "users.csv"
    with pytest.raises(ytdnn.UserError, match="file to write to be none that is read"):
        ytdnn.write_recommendations(recommender, path, path)


def test_files_name_users_and_videos(
    recommender: ytdnn.Recommender, tmp_path: pathlib.Path
) -> None:
    users, out = tmp_path / "users.txt", tmp_path / "recs.parquet"
    users.write_text("u3\n\nu4\n")
    first = recommender.recommend(["u3", "u4"], k=2, ranker=False)
    pairs = first.filter(pl.col("rank") == 1).select("user_id", "video_id")
    pairs.write_parquet(tmp_path / "pairs.parquet")
    ytdnn.write_recommendations(
        recommender,
        out,
        users,
        1,
        ranker=False,
        exclude=tmp_path / "pairs.parquet",
    )
    second = first.filter(pl.col("rank") == 2)["video_id"]
    assert pl.read_parquet(out)["video_id"].to_list() == second.to_list()
    allowed = first["video_id"].unique().sort()
    found = recommender.recommend(
        ["u3"], 40, ranker=False, allow=allowed, exclude=[allowed[0]]
    )
    assert set(found["video_id"]) <= set(allowed[1:])
    with pytest.raises(ytdnn.UserError, match="expected user ids with ranker, exclude"):
        recommender.recommend({"watched_video_ids": []}, exclude=["video 1"])


def test_similar_videos(recommender: ytdnn.Recommender, tmp_path: pathlib.Path) -> None:
    found = recommender.similar(["video 1", "video 2"], k=3)
    assert found.columns == ["video_id", "rank", "similar_video_id", "title", "score"]
    assert found["video_id"].to_list() == ["video 1"] * 3 + ["video 2"] * 3
    assert found["score"].to_list()[:3] == sorted(found["score"][:3], reverse=True)
    assert (found["video_id"] != found["similar_video_id"]).all()
    every = ytdnn.write_similar(recommender, tmp_path / "similar.csv", k=3)
    assert every.num_asked == recommender.bundle.manifest.facts["videos"]
    written = pl.read_csv(tmp_path / "similar.csv")
    assert (
        written.filter(pl.col("video_id") == "video 1")["similar_video_id"].to_list()
        == found["similar_video_id"].to_list()[:3]
    )
    assert isinstance(recommender.similar(pd.DataFrame({"video_id": ["video 1"]})),
                      pd.DataFrame)  # fmt: skip


def test_a_video_without_a_vector_is_told_of(recommender: ytdnn.Recommender) -> None:
    number = recommender.bundle.manifest.facts["videos"]
    late = recommender.bundle.videos["video_id"][number]
    with pytest.raises(ytdnn.UserError, match=f"received {late} without one"):
        recommender.similar(late)
    with pytest.warns(UserWarning, match=f"1 video without a vector.*{late}"):
        assert recommender.similar([late, "video 1"], 2).height == 2


def test_the_product_of_vectors_is_the_score(
    recommender: ytdnn.Recommender, tmp_path: pathlib.Path
) -> None:
    lists = recommender.recommend(["u5"], k=3, ranker=False)
    (user,) = recommender.user_vectors(["u5"])["vector"].to_numpy()
    videos = recommender.video_vectors(lists["video_id"])
    scores = np.stack(videos["vector"].to_numpy()) @ user
    np.testing.assert_allclose(scores, lists["score"], rtol=1e-4)
    assert user[-1] == 1.0
    ytdnn.write_user_vectors(recommender, tmp_path / "users.parquet")
    ytdnn.write_video_vectors(recommender, tmp_path / "videos.parquet")
    users = pl.read_parquet(tmp_path / "users.parquet")
    assert users.schema["vector"] == pl.Array(pl.Float32, len(user))
    assert users.filter(pl.col("user_id") == "u5")["vector"][0].to_list() == (
        pytest.approx(user.tolist(), rel=1e-4)
    )
    number = recommender.bundle.manifest.facts["videos"]
    assert pl.read_parquet(tmp_path / "videos.parquet").height == number


def test_users_without_a_watch_are_counted(
    recommender: ytdnn.Recommender,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = recommender.logged
    monkeypatch.setattr(logged, "num_watches", lambda users: np.minimum(users, 2))
    written = ytdnn.write_recommendations(recommender, tmp_path / "r.csv", ranker=False)
    assert written.notes == [
        "1 user without a watch: recommended from an empty history"
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("recs.json", "expected a .parquet or .csv file to write, received"),
        ("folder.csv", "expected a file to write, found a directory: "),
        ("file/recs.csv", "could not write "),
    ],
)
def test_where_nothing_can_be_written_nothing_is_worked_out(
    tmp_path: pathlib.Path, name: str, line: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    assert refusals.line(answer_files.require_path, tmp_path / name).startswith(line)
