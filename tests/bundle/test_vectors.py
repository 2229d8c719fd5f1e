"""A log's own vectors in a bundle: features, nearest videos, added videos."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import untrained, vector_log
from tests.conftest import MadeOnce
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.bundle import added_videos_table, bulk, bulk_ids, requests
from ytdnn.run import pipeline

NAME = "videos.clip"
ADDED = configs.FeaturesConfig(add=("users.taste",))
CONFIG = dataclasses.replace(
    untrained.SMALL,
    ranking=dataclasses.replace(untrained.SMALL.ranking, features=ADDED),
    composition=dataclasses.replace(
        untrained.SMALL.composition,
        diversity=1.5,
        diversity_by=NAME,
        channel_decay=0.6,
    ),
)


@pytest.fixture(scope="module")
def run(made_once: MadeOnce) -> untrained.Run:
    """A run of the log with vectors; its ranker reads those of users too."""

    def make(workdir: pathlib.Path) -> None:
        log = vector_log.tables()
        like = log["videos"].filter(pl.col(schema.VIDEO_ID) == "v1")
        added = like.select(pl.lit("new").alias(schema.VIDEO_ID), "clip")
        workdir.mkdir(exist_ok=True)
        added.write_parquet(workdir / added_videos_table.FILE)
        untrained._make(workdir, log, CONFIG)

    return untrained.opened(made_once("vectors", make), CONFIG)


@pytest.mark.thorough
def test_the_exported_ranker_reads_vectors_as_the_trained_one(
    run: untrained.Run,
) -> None:
    names = [feature.name for feature in run.ranker.features]
    assert {NAME, f"{NAME}.of_watched", "users.taste"} <= set(names)
    untrained.assert_served_as_trained(run)


@pytest.mark.thorough
def test_a_vector_of_a_request_has_its_width_or_is_left_out(run: untrained.Run) -> None:
    fields = run.bundle.inputs("recommender_exact")
    for given in ([], [1.0] * vector_log.WIDTH, [2] * vector_log.WIDTH):
        assert requests.values({"taste": given}, fields)["taste"] == given
    with pytest.raises(
        errors.UserError, match=r"expected 6 numbers.*taste.*received 2"
    ):
        requests.values({"taste": [1.0, 2.0]}, fields)
    with pytest.raises(errors.UserError, match="taste, position 1"):
        requests.values({"taste": [1.0, float("nan"), *[0.0] * 4]}, fields)


@pytest.mark.thorough
def test_similar_by_a_column_is_by_its_cosine(run: untrained.Run) -> None:
    rows = np.asarray(run.bundle.vectors.rows(NAME)[1:], np.float32)
    cosines = rows @ rows.T
    there = rows.any(axis=1)
    cosines[:, ~there] = -2.0
    np.fill_diagonal(cosines, -2.0)
    videos = bulk_ids.videos(run.bundle, None, by=NAME)
    assert len(videos) == there.sum()
    found = bulk.similar(run.bundle, 4, NAME)(videos.indices)
    for row, video in enumerate(videos.indices.tolist()):
        order = np.argsort(-cosines[video - 1], kind="stable")[:4]
        assert found.videos[row].tolist() == (order + 1).tolist()


@pytest.mark.thorough
def test_similar_refuses_other_columns_and_videos_without_a_vector(
    run: untrained.Run,
) -> None:
    with pytest.raises(errors.UserError, match=r"did you mean videos\.clip\?"):
        bulk_ids.videos(run.bundle, None, by="videos.clips")
    ids = run.data.videos[schema.VIDEO_ID]
    bare = np.flatnonzero(~run.data.catalogue.vectors.rows(NAME)[1:].any(axis=1))
    without = ids.gather(pl.Series(bare[:1]))
    with pytest.raises(errors.UserError, match=r"videos\.clip is missing"):
        bulk_ids.videos(run.bundle, without, by=NAME)


@pytest.mark.thorough
def test_a_page_is_in_the_order_of_marginal_relevance(run: untrained.Run) -> None:
    """By NumPy, from the scores that the graph tells of all candidates."""
    recommender = pipeline.Recommender(run.bundle, run.workdir / "data", run.data)
    asked_for = {schema.WATCHED_VIDEO_IDS: ["v3"]}
    found = recommender.candidates(asked_for, exact=True)
    scores = np.log(found["score"].to_numpy().astype(float))
    order = np.argsort(-scores, kind="stable")
    rows = run.bundle.videos[schema.VIDEO_ID].to_list()
    places = [rows.index(video) + 1 for video in found["video_id"]]
    vectors = np.asarray(run.bundle.vectors.rows(NAME), np.float64)[places]
    channels = dict(run.data.videos.select("video_id", "channel_id").iter_rows())
    of = [channels.get(video) for video in found["video_id"]]
    left, page = order.tolist(), []
    while left:
        values = [
            scores[i]
            - 1.5 * max([0.0, *(vectors[i] @ vectors[j] for j in page)])
            + np.log(0.6) * sum(of[j] == of[i] for j in page if of[i] is not None)
            for i in left
        ]
        page.append(left.pop(int(np.argmax(values))))
    assert found["rank"].to_numpy()[page].tolist() == list(range(1, len(order) + 1))
    assert page != order.tolist()
    (answer,) = run.bundle.answer([{**asked_for, schema.K: 9}], exact=True)
    assert answer.video_ids == [found["video_id"][i] for i in page[:9]]
    assert answer.more["placed_by"] == [
        "diversity" if i in order[place + 1 :] else "score"
        for place, i in enumerate(page[:9])
    ]
