"""Weights of outcomes in requests, asked of a bundle; without training."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import full_log, untrained
from tests.conftest import MadeOnce
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.bundle import bundle as bundle_room
from ytdnn.bundle import request_shorthand, user_requests
from ytdnn.run import pipeline

_POLICIES = (
    '{"friends": {"weights": {"liked": 1}},'
    ' "short": [{"column": "duration_seconds", "at_most": 300}],'
    ' "kids": {"where": [{"column": "duration_seconds", "at_most": 300}],'
    ' "weights": {"watch_seconds": 1, "disliked": -50}}}'
)
CONFIG = dataclasses.replace(
    untrained.CONFIG,
    composition=configs.CompositionConfig(15, (("popular", 0.0),), policies=_POLICIES),
)
LISTED = {"liked": 3.0, "disliked": -2.0, "price": 0.5, "watch_seconds": 0.01}


def tables() -> dict[str, pl.DataFrame]:
    """Returns the full log with two binary outcomes and an amount."""
    every = full_log.tables()
    shown = every["impressions"]
    place = np.arange(shown.height)
    every["impressions"] = shown.with_columns(
        liked=pl.Series(place % 3 == 0),
        disliked=pl.Series([None if i % 5 == 0 else i % 4 == 0 for i in place]),
        price=pl.Series(np.where(place % 6 == 0, place / 50.0, 0.0)),
    )
    return every


def make(workdir: pathlib.Path) -> None:
    untrained.make_of(workdir, tables(), CONFIG, outcomes=("price",))


@pytest.fixture(scope="session")
def run(made_once: MadeOnce) -> untrained.Run:
    return untrained.opened(made_once("outcomes", make), CONFIG)


def request(run: untrained.Run, user: str = "u3", **more: object) -> dict:
    return run.bundle.fitting(user_requests.at_end(run.data, user, k=15)) | more


def value(answer: bundle_room.BundleAnswer, given: Mapping[str, float]) -> np.ndarray:
    """Returns the weighted sum of an answer's own columns."""
    columns = answer.more | {"watch_seconds": answer.more["expected_watch_seconds"]}
    return np.sum([w * np.array(columns[name]) for name, w in given.items()], axis=0)


@pytest.mark.thorough
def test_the_ranker_predicts_every_outcome_of_the_log(run: untrained.Run) -> None:
    assert [one.name for one in run.ranker.head.outcomes] == [
        "liked",
        "disliked",
        "price",
    ]
    assert run.bundle.outcomes == ("liked", "disliked", "price")
    assert run.bundle.meanings["liked"] == "probability of the outcome liked"
    assert run.bundle.meanings["price"] == "expected amount of the outcome price"


def require_alike(
    one: bundle_room.BundleAnswer, other: bundle_room.BundleAnswer
) -> None:
    """Checks that two answers differ by no more than sums in another order do."""
    assert (one.video_ids, one.titles) == (other.video_ids, other.titles)
    assert one.more.keys() == other.more.keys()
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5)
    for name, values in one.more.items():
        np.testing.assert_allclose(values, other.more[name], rtol=1e-5)


@pytest.mark.thorough
def test_an_answer_is_ordered_by_the_weights_of_its_request(run: untrained.Run) -> None:
    asked = [
        request(run),
        request(run, weights=LISTED),
        request(run, "u5", weights={"disliked": -1}),
        request(run, policy="kids"),
        request(run, policy="friends"),
        request(run, policy="kids", weights={"price": 1}),
        request(run, weights={"watch_seconds": 3}),
    ]
    found = run.bundle.answer(asked)
    given = [None, LISTED, {"disliked": -1.0}]
    given += [{"watch_seconds": 1.0, "disliked": -50.0}, {"liked": 1.0}, {"price": 1.0}]
    for answer, own in zip(found[1:-1], given[1:], strict=True):
        assert own is not None
        np.testing.assert_allclose(answer.scores, value(answer, own), rtol=1e-4)
        assert answer.scores == sorted(answer.scores, reverse=True)
    assert found[1].video_ids != found[0].video_ids
    # Those of watch seconds alone are today's order.
    require_alike(found[-1], found[0])
    short = run.data.videos.filter(pl.col("duration_seconds") <= 300)["video_id"]
    assert set(found[3].video_ids) <= set(short)
    for one, answer in zip(asked, found, strict=True):
        require_alike(run.bundle.answer([one])[0], answer)


@pytest.mark.thorough
def test_predictions_are_those_of_the_model(run: untrained.Run) -> None:
    answer = run.bundle.answer([request(run, weights={"liked": 1})])[0]
    user = run.data.users["user_id"].to_list().index("u3")
    ids = run.data.videos["video_id"].to_list()
    videos = np.array([[1 + ids.index(video) for video in answer.video_ids]])
    end = np.asarray(run.data.watches.offsets)[[user + 1]]
    tensors = run.ranker.open_log(run.data).candidates(
        tf.constant([user], tf.int32),
        tf.constant(end, tf.int64),
        tf.constant([run.data.windows.end_of_log + 1], tf.int64),
        tf.constant(videos, tf.int32),
    )
    predicted = run.ranker.predict(tensors).outcomes
    assert predicted is not None
    for name in run.bundle.outcomes:
        np.testing.assert_allclose(answer.more[name], predicted[name][0], rtol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"like": 1}, r"expected weights of watch_seconds, clicked, liked, disliked, "),
        ({"like": 1}, r"received 'like': did you mean liked\?"),
        ({"liked": "x"}, r"as the weight of liked, received \"x\""),
        ({"liked": True}, r"as the weight of liked, received true"),
        ([1], r"expected weights as an object"),
    ],
)
def test_mistakes_are_one_line(run: untrained.Run, given: object, message: str) -> None:
    with pytest.raises(errors.UserError, match=message) as raised:
        run.bundle.answer([request(run, weights=given)])
    assert "\n" not in str(raised.value)


def test_a_bundle_without_outcomes_says_so() -> None:
    with pytest.raises(errors.UserError, match="predicts no outcomes"):
        request_shorthand.expanded({"weights": {"liked": 1}}, {})


@pytest.mark.thorough
def test_frames_of_one_and_of_many_have_the_columns(run: untrained.Run) -> None:
    recommender = pipeline.Recommender.load(
        run.workdir / "bundle", run.workdir / "data"
    )
    users = run.data.users["user_id"].to_list()[:5]
    many = recommender.recommend(users, k=6, weights=LISTED)
    assert {"liked", "disliked", "price"} <= set(many.columns)
    one = recommender.recommend([{"user_id": users[0]}], k=6, weights=LISTED)
    first = many.filter(pl.col("user_id") == users[0])
    assert first["video_id"].to_list() == one["video_id"].to_list()
    np.testing.assert_allclose(first["score"], one["score"], rtol=1e-5)
    plain = recommender.recommend(users, k=6)
    assert plain["video_id"].to_list() != many["video_id"].to_list()
    out = run.workdir / "lists.parquet"
    pipeline.write_recommendations(recommender, out, users, 6, weights=LISTED)
    assert pl.read_parquet(out)["video_id"].to_list() == many["video_id"].to_list()
    with pytest.raises(errors.UserError, match="received 'lked'"):
        recommender.recommend(users, weights={"lked": 1})
    with pytest.raises(errors.UserError, match="no weights without the ranker"):
        recommender.recommend(users, weights=LISTED, ranker=False)


@pytest.mark.thorough
def test_weights_of_the_bundle_are_those_of_requests_without(
    run: untrained.Run,
) -> None:
    own = dataclasses.replace(
        CONFIG,
        composition=dataclasses.replace(
            CONFIG.composition, weights='{"liked": 1, "watch_seconds": 0.001}'
        ),
    )
    assert own.composition.default_weights == {"liked": 1, "watch_seconds": 0.001}
    with pytest.raises(errors.SettingError, match="expected weights as JSON"):
        configs.CompositionConfig(weights='{"liked": "x"}')
    with pytest.raises(errors.SettingError, match="expected policies as JSON"):
        configs.CompositionConfig(policies='{"kids": {"when": []}}')
    with pytest.raises(errors.SettingError, match='once, received "kids" twice'):
        configs.CompositionConfig(policies='{"kids": [], "kids": []}')
