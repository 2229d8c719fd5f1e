"""Conditions of requests, asked of a bundle as people write them."""

import json
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import full_log, untrained
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.bundle import (
    batches,
    bulk,
    export,
    request_shorthand,
    requests,
    user_requests,
)
from ytdnn.run import pipeline

Run = untrained.Run

WHERE = [
    {"column": "language", "in": ["de", "ja"]},
    {"column": "topic", "not_in": ["cats"]},
    {"column": "duration_seconds", "at_least": 60},
]
SHORT = pl.col("duration_seconds") <= 300


def permitted(run: Run) -> pl.DataFrame:
    """Returns the videos that meet the conditions."""
    return run.data.videos.filter(
        pl.col("language").is_in(["de", "ja"]),
        pl.col("topic").ne_missing("cats"),
        pl.col("duration_seconds") >= 60,
    )


def ids(frame: pl.DataFrame) -> set[str]:
    return set(frame["video_id"].to_list())


def request(run: Run, user: str = "u3", **more: object) -> dict:
    found = run.bundle.fitting(user_requests.at_end(run.data, user, k=25))
    found[schema.WATCHED_VIDEO_IDS] = []  # so that all videos are left
    for name in (schema.WATCH_TIMES, schema.WATCHED_SECONDS):
        found.pop(name, None)
    return found | more


@pytest.mark.thorough
def test_an_answer_holds_every_video_that_is_permitted_and_no_other(
    untrained_run: Run,
) -> None:
    run = untrained_run
    asked = [
        request(run),
        request(run, where=WHERE),
        request(run, where=WHERE, policy="short"),
        request(run, policy="short"),
        request(run, where=[{"column": "age_days", "at_most": 45}]),
    ]
    every, some, both, short, young = run.bundle.answer(asked)
    known = ids(run.data.videos[: run.bundle.manifest.facts["videos"]])
    listed = set(every.video_ids)
    assert set(some.video_ids) <= ids(permitted(run)) & known
    assert set(both.video_ids) <= ids(permitted(run).filter(SHORT))
    assert set(short.video_ids) <= ids(run.data.videos.filter(SHORT))
    uploads = run.data.windows.end_of_log + 1 - pl.col("upload_time") <= 45 * 86_400
    assert set(young.video_ids) <= ids(run.data.videos.filter(uploads))
    assert all(one.video_ids for one in (both, short, young))
    assert len(some.video_ids) < len(listed)
    for one, answer in zip(asked, (every, some, both, short, young), strict=True):
        assert run.bundle.answer([one])[0].video_ids == answer.video_ids


def test_an_index_is_exact_search_among_the_permitted(untrained_run: Run) -> None:
    run = untrained_run
    fields = run.bundle.inputs("index_exact")
    query = np.random.default_rng(0).normal(size=run.bundle.vector_dim)
    asked = {"where": WHERE, schema.K: 9, schema.USER_VECTOR: query.tolist()}
    found = run.bundle.run("index_exact", batches.inputs([asked], fields))
    vectors = run.bundle.video_vectors()
    names = run.data.videos["video_id"].to_list()
    scores = {names[i]: float(vector @ query) for i, vector in enumerate(vectors)}
    best = sorted(ids(permitted(run)) & set(scores), key=lambda one: -scores[one])[:9]
    size = int(found[schema.NUM_RESULTS][0])
    assert [one.decode() for one in found[schema.IDS][0, :size].numpy()] == best


@pytest.mark.parametrize(
    "ranker", [pytest.param(True, marks=pytest.mark.thorough), False]
)
def test_lists_of_many_users_hold_them(untrained_run: Run, ranker: bool) -> None:
    run = untrained_run
    recommender = pipeline.Recommender(run.bundle, run.workdir / "data", run.data)
    users = ["u3", "u5", "u6"]
    found = recommender.recommend(
        users, k=6, exact=True, ranker=ranker, where=WHERE, policy="short"
    )
    assert set(found["video_id"]) <= ids(permitted(run).filter(SHORT))
    assert found.height
    if ranker:
        logged = [recommender.request(user) for user in users]
        each = recommender.recommend(
            logged, k=6, exact=True, where=WHERE, policy="short"
        )
        assert each["video_id"].to_list() == found["video_id"].to_list()


def test_products_and_models_leave_out_the_same(untrained_run: Run) -> None:
    run = untrained_run
    logged = user_requests.LoggedRequests(run.data)
    fields = run.bundle.inputs("index_exact")
    request = requests.values({"where": WHERE, "policy": "short"}, fields)
    users = np.arange(8)
    products = bulk.nearest(run.bundle, logged, 6, bulk.BulkFilters(request=request))
    names = [None, *run.bundle.videos["video_id"].to_list()]
    vectors = bulk.user_vectors(run.bundle, logged)(users)
    for user, row in zip(users, products(users).videos, strict=True):
        watched = logged.watched(np.array([user])).values.tolist()
        asked = {"where": WHERE, "policy": "short", schema.K: 6}
        asked |= {schema.USER_VECTOR: vectors[user].tolist()}
        asked |= {schema.EXCLUDE_IDS: [names[video] for video in watched]}
        found = run.bundle.run("index_exact", batches.inputs([asked], fields))
        ids = [video.decode() for video in found[schema.IDS][0].numpy() if video]
        assert [names[video] for video in row if video] == ids


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"where": [{"column": "langauge", "in": ["de"]}]}, "did you mean language"),
        ({"policy": "long"}, "expected one of short in request key policy, received"),
        (
            {"where": WHERE, "conditions": ["language in"]},
            "expected where, or conditions and condition_values, received both",
        ),
        (
            {"conditions": ["language has"], "condition_values": ["de"]},
            "expected one of .*language in, .* in request key conditions",
        ),
    ],
)
def test_a_mistake_is_a_line(untrained_run: Run, given: dict, message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        untrained_run.bundle.answer([given])


def test_a_bundle_without_policies_says_so(tmp_path: pathlib.Path) -> None:
    field = requests.signatures.Field
    fields = {
        name: field(name, "string", "batch, length", "", "", choices=("language in",))
        for name in (schema.CONDITIONS, schema.CONDITION_VALUES)
    }
    with pytest.raises(
        errors.UserError, match="without saved policies, received 'kids'"
    ):
        requests.values({"policy": "kids"}, fields)


def test_a_policy_on_a_missing_column_is_named() -> None:
    text = json.dumps({"kids": [{"column": "rating", "in": ["all"]}]})
    with pytest.raises(errors.UserError, match=r"policy kids .* received 'rating'"):
        request_shorthand.policies(text, ["language in"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"policies": '{"a": [{"column": "nope", "in": [1]}]}'}, "received 'nope'"),
        (
            {"policies": '{"a": [{"column": "topic", "at_most": 1}]}'},
            "for column topic",
        ),
        ({"diversity": 1.0, "diversity_by": "nope"}, "diversity_by .* received 'nope'"),
    ],
)
def test_an_export_refuses_a_composition_before_it_loads_models(
    tmp_path: pathlib.Path, settings: dict, message: str
) -> None:
    full_log.prepared_data(tmp_path, full_log.tables())
    ranking = configs.RankingConfig(enabled=False)
    composition = configs.CompositionConfig(**settings)
    config = configs.Config(ranking=ranking, composition=composition)
    with pytest.raises(errors.UserError, match=message):  # there are no models
        export.export(tmp_path, config)


def test_weights_that_no_ranker_predicts_are_refused(untrained_run: Run) -> None:
    composition = configs.CompositionConfig(weights='{"nope": 1}')
    with pytest.raises(errors.UserError, match="received 'nope'"):
        request_shorthand.require(
            composition, untrained_run.data.catalogue, ("clicked",)
        )


@pytest.mark.parametrize("absent", [[], [""], None])
def test_short_keys_stand_beside_lists_that_are_absent(
    untrained_run: Run, absent: list | None
) -> None:
    request = {"where": WHERE, "conditions": absent, "condition_values": absent}
    fields = untrained_run.bundle.inputs("recommender_exact")
    assert requests.values(request, fields) == requests.values({"where": WHERE}, fields)
