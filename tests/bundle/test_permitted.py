"""Exclusions, allow-lists and k of each row, asked of the exported models."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from tests import planted
from tests.bundle import conftest
from ytdnn.base import schema
from ytdnn.bundle import bundle, requests, saved_models, user_requests

VIDEOS = [f"video {i}" for i in range(planted.NUM_VIDEOS + planted.NUM_LATE_VIDEOS)]
IDS = strategies.lists(strategies.sampled_from([*VIDEOS, "nonsense", ""]), max_size=9)
REQUESTS = strategies.fixed_dictionaries(
    {
        schema.WATCHED_VIDEO_IDS: IDS,
        schema.EXCLUDE_IDS: IDS,
        schema.ALLOW_IDS: strategies.one_of(strategies.just([]), IDS),
        schema.K: strategies.integers(0, 20),
    }
)
MODELS = ["recommender", "recommender_exact"]


def may_hold(request: dict) -> set[str]:
    """Returns the videos that an answer may hold."""
    left_out = {*request[schema.WATCHED_VIDEO_IDS], *request[schema.EXCLUDE_IDS]}
    allowed = set(request[schema.ALLOW_IDS]) - {""}
    return (set(VIDEOS) & allowed if allowed else set(VIDEOS)) - left_out


@pytest.mark.parametrize("exact", [True, False])
@hypothesis.given(strategies.lists(REQUESTS, min_size=1, max_size=4))
@hypothesis.settings(max_examples=25)
def test_each_row_is_answered_by_its_own_lists(
    run: conftest.Run, exact: bool, batch: list[dict]
) -> None:
    together = run.bundle.answer(batch, exact)
    for request, answer in zip(batch, together, strict=True):
        permitted = may_hold(request)
        assert set(answer.video_ids) <= permitted
        assert len(set(answer.video_ids)) == len(answer.video_ids)
        embedded = len(permitted & set(known(run)))
        wanted = min(request[schema.K], run.config.composition.num_candidates)
        assert len(answer.video_ids) == min(wanted, embedded)
        (alone,) = run.bundle.answer([request], exact)
        assert alone.video_ids == answer.video_ids
        assert alone.scores == pytest.approx(answer.scores, rel=1e-5)


def known(run: conftest.Run) -> list[str]:
    """Returns the videos with an id embedding, by their index."""
    return run.data.videos[schema.VIDEO_ID].to_list()[: run.data.vocabulary_size]


def test_an_allow_list_of_unknown_ids_permits_nothing(run: conftest.Run) -> None:
    batch = [{schema.ALLOW_IDS: ids} for ids in (["nonsense"], [], [""], ["video 3"])]
    found = run.bundle.answer(batch, exact=True)
    assert [len(answer.video_ids) for answer in found] == [0, 10, 10, 1]


def test_an_allow_list_orders_as_the_ranker_does(run: conftest.Run) -> None:
    request = user_requests.at_end(run.data, "u3", k=40)
    (every,) = run.bundle.answer([request], exact=True)
    some = every.video_ids[::3]
    (answer,) = run.bundle.answer([request | {schema.ALLOW_IDS: some}], exact=True)
    assert answer.video_ids == some
    assert answer.scores == pytest.approx(every.scores[::3], rel=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_history_and_k_alone_are_enough(run: conftest.Run, model: str) -> None:
    watched = [["video 3", "video 8"], ["", "video 1"], ["", ""]]
    required = run.bundle.model(model, saved_models.REQUIRED_SIGNATURE)
    specs = required.structured_input_signature[1]
    assert set(specs) == {schema.WATCHED_VIDEO_IDS, schema.K}
    found = required(watched_video_ids=tf.constant(watched), k=tf.constant([3, 5, 2]))
    batch = [
        {schema.WATCHED_VIDEO_IDS: row, schema.K: k}
        for row, k in zip(watched, [3, 5, 2], strict=True)
    ]
    answers = run.bundle.answer(batch, exact=model.endswith(bundle.EXACT))
    for row, answer in enumerate(answers):
        size = int(found[schema.NUM_RESULTS][row])
        texts = [v.decode() for v in found[schema.IDS][row, :size].numpy()]
        assert texts == answer.video_ids
        scores = found[schema.SCORES][row, :size].numpy().tolist()
        assert scores == pytest.approx(answer.scores, rel=1e-5)


@pytest.mark.parametrize("name", ["run", "plain_run"])
def test_what_a_server_pads_with_changes_no_answer(
    name: str, request: pytest.FixtureRequest
) -> None:
    """TensorFlow Serving lengthens lists behind, by empty text or zeros."""
    one: conftest.Run = request.getfixturevalue(name)
    asked = one.bundle.fitting(user_requests.at_end(one.data, "u5", k=6))
    asked[schema.EXCLUDE_IDS] = asked[schema.WATCHED_VIDEO_IDS][:1]
    fields = one.bundle.inputs("recommender_exact")
    inputs = {
        key: tf.constant(value, tf.as_dtype(fields[key].dtype))
        for key, value in requests.parse(asked, fields).items()
    }
    lengthened = {
        key: tf.pad(value, [[0, 0], [0, 3]], constant_values=zero(value))
        if fields[key].is_list
        else value
        for key, value in inputs.items()
    }
    model = one.bundle.model("recommender_exact")
    expected, found = model(**inputs), model(**lengthened)
    assert found[schema.IDS].numpy().tolist() == expected[schema.IDS].numpy().tolist()
    np.testing.assert_allclose(found[schema.SCORES], expected[schema.SCORES], rtol=1e-5)


def zero(values: tf.Tensor) -> tf.Tensor:
    return tf.constant("" if values.dtype == tf.string else 0, values.dtype)


@pytest.mark.parametrize("model", ["index_exact", "ranker", *MODELS])
def test_vectors_are_in_a_model_once(run: conftest.Run, model: str) -> None:
    shape = list(run.candidates.video_vectors().shape)
    path = run.bundle.path(model) / "variables" / "variables"
    shapes = [shape for _, shape in tf.train.list_variables(str(path))]
    scores = {"ranker"} if run.ranking.first_stage is not None else set()
    assert shapes.count(shape) == (1 if model != "ranker" or scores else 0)
