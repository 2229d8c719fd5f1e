"""Training's graph on a position and the exported one on its raw request agree."""

import numpy as np
import pytest
import tensorflow as tf

from tests.bundle import conftest
from ytdnn.base import schema
from ytdnn.bundle import requests, user_requests
from ytdnn.log import events, io_fields


def call(run: conftest.Run, model: str, request: dict, **tensors: tf.Tensor) -> dict:
    """Returns the outputs of an exported model for one JSON request."""
    fields = run.bundle.inputs(model)
    known = {name: field for name, field in fields.items() if name not in tensors}
    given = {name: value for name, value in request.items() if name in known}
    typed = {
        name: tf.constant(value, tf.as_dtype(known[name].dtype))
        for name, value in requests.parse(given, known).items()
    }
    outputs = run.bundle.model(model)(**typed, **tensors)
    return {name: value.numpy() for name, value in outputs.items()}


def impression_rows(run: conftest.Run) -> np.ndarray:
    """Returns impressions of the test, some of videos without an embedding."""
    rows = np.flatnonzero(run.data.impressions.splits == events.Split.TEST)[::4]
    users = run.data.impressions.users[rows]
    ends = run.data.watches.offsets[users] + run.data.impressions.num_watches[rows]
    assert np.any(run.data.watches.videos[ends - 1] > run.data.vocabulary_size)
    assert np.any(run.data.impressions.videos[rows] > run.data.vocabulary_size)
    return rows


def request_of(run: conftest.Run, row: int) -> dict:
    data = run.data
    user = int(data.impressions.users[row])
    end = int(data.watches.offsets[user] + data.impressions.num_watches[row])
    return user_requests.at_position(data, user, end, int(data.impressions.times[row]))


def ranker_scores(run: conftest.Run) -> tuple[list[float], list[float]]:
    """Returns scores of impressions by the exported ranker, and by the trained one."""
    rows = impression_rows(run)
    expected = np.exp(run.ranking.predictions(run.data, rows).order)
    ids = run.data.videos[schema.VIDEO_ID].to_list()
    served = []
    for row in rows:
        video_id = ids[int(run.data.impressions.videos[row]) - 1]
        outputs = call(
            run,
            "ranker",
            request_of(run, row),
            video_ids=tf.constant([[video_id]]),
        )
        served.append(float(outputs[schema.SCORES][0, 0]))
    return served, expected.tolist()


def test_ranker_scores_of_prepared_impressions(run: conftest.Run) -> None:
    served, expected = ranker_scores(run)
    assert served == pytest.approx(expected, rel=1e-5)


def test_ranker_scores_of_videos_the_log_does_not_know(run: conftest.Run) -> None:
    """Their earlier impressions still count, by the raw id."""
    request = request_of(run, int(impression_rows(run)[0]))
    shown, times = request["impression_video_ids"], request["impression_times"]
    scores = []
    for more in ([], ["nowhere"], ["nowhere"] * 3, ["elsewhere"] * 3):
        changed = request | {
            "impression_video_ids": shown + more,
            "impression_times": times + [request["time"] - 60] * len(more),
            "impression_clicked": request["impression_clicked"] + [-1] * len(more),
        }
        outputs = call(run, "ranker", changed, video_ids=tf.constant([["nowhere"]]))
        scores.append(outputs[schema.SCORES][0, 0])
    assert len(set(scores[:3])) == 3
    assert scores[3] == scores[0]


def test_recommendations_are_those_of_both_models(run: conftest.Run) -> None:
    data = run.data
    rows = impression_rows(run)
    users = data.impressions.users[rows]
    times = data.impressions.times[rows]
    ends = data.watches.offsets[users] + data.impressions.num_watches[rows]
    vectors = run.candidates.user_vectors(data, users, ends)
    products = vectors @ run.candidates.video_vectors().T
    for i, (user, end) in enumerate(zip(users, ends, strict=True)):
        watched = data.watches.videos[data.watches.offsets[user] : end]
        products[i, watched[watched <= data.vocabulary_size] - 1] = -np.inf
    top = 1 + np.argsort(-products, axis=1)[:, : run.config.composition.num_candidates]
    logits = run.ranking.score_candidates(data, users, ends, times, top)
    ids = np.array(data.videos[schema.VIDEO_ID].to_list())
    for i, row in enumerate(rows):
        found = call(run, "recommender_exact", request_of(run, row) | {"k": 10})
        best = np.argsort(-logits[i])[:10]
        expected = ids[top[i][best] - 1].tolist()
        assert [v.decode() for v in found[schema.IDS][0]] == expected
        scores = np.exp(logits[i][best])
        assert found[schema.SCORES][0] == pytest.approx(scores, rel=1e-5)


def test_without_impressions_candidates_are_the_answer(
    plain_run: conftest.Run,
) -> None:
    data = plain_run.data
    assert plain_run.bundle.manifest.facts["ranking"] is False
    request = plain_run.bundle.fitting(user_requests.at_end(data, "u4", k=5))
    (answer,) = plain_run.bundle.answer([request], exact=True)
    user = data.users[schema.USER_ID].index_of("u4")
    end = data.watches.offsets[user + 1]
    vector = plain_run.candidates.user_vectors(data, np.array([user]), np.array([end]))
    products = (vector @ plain_run.candidates.video_vectors().T)[0]
    ids = data.videos[schema.VIDEO_ID].to_numpy()[: data.vocabulary_size]
    products[np.isin(ids, request[schema.WATCHED_VIDEO_IDS])] = -np.inf
    best = np.argsort(-products)[:5]
    assert answer.video_ids == ids[best].tolist()
    assert answer.scores == pytest.approx(products[best].tolist(), rel=1e-5)
    assert answer.titles == [None] * 5


def test_ids_that_stand_for_none_are_no_videos(
    run: conftest.Run, plain_run: conftest.Run
) -> None:
    assert io_fields.id_type(run.data.catalogue) == ("string", "")
    assert io_fields.id_type(plain_run.data.catalogue) == ("int64", 0)
