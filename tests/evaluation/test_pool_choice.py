"""The ranker's candidates are chosen by the watch time they hold on validation."""

import dataclasses
import pathlib
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.evaluation import order_choice_artifact, pool_choice
from ytdnn.log import prepare, prepared
from ytdnn.retrieval import interface

DAY = 86_400
NUM_USERS, NUM_VIDEOS = 120, 20
LONG = "v0"  # watched for 500 seconds, others for 10
CHOICE = order_choice_artifact.Choice
OWN = configs.CompositionConfig(num_candidates=4, seconds_weight=0.0)
EVALUATION = configs.EvaluationConfig(num_resamples=50)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """A third of the users watch the long video in validation, others a short one."""
    rows = [("other", f"v{n % NUM_VIDEOS}", n) for n in range(30 * NUM_VIDEOS)]
    for user in range(NUM_USERS):
        watched = ("v19", "v1" if user % 3 else LONG, "v2", "v3")
        for day, video in zip((1, 2, 4, 6), watched, strict=True):
            rows.append((f"u{user}", video, day * DAY + 60 * user))
    log = tmp_path_factory.mktemp("log")
    frame = pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")
    seconds = pl.when(pl.col("video_id") == LONG).then(500.0).otherwise(10.0)
    frame = frame.with_columns(watch_seconds=seconds)
    frame.write_parquet(log / "watches.parquet")
    frame = frame.with_columns(clicked=pl.lit(True))
    frame.write_parquet(log / "impressions.parquet")
    days = {"validation_from": 3, "ranking_from": 5, "test_from": 7}
    dates = {name: f"1970-01-0{day}" for name, day in days.items()}
    config = configs.DataConfig(source="log", dir=str(log), **dates)
    return prepare.prepare(config, log / "data")


class Junk(interface.Source):
    """Proposes one video to all."""

    kind = interface.CO_WATCH

    def __init__(self, video: int) -> None:
        super().__init__(1)
        self._video = video

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        videos = tf.fill([tf.shape(requests.watched)[0], 1], self._video)
        return interface.Proposal(videos, tf.zeros_like(videos))


def _chosen(
    data: prepared.PreparedData,
    places: dict[str, int],
    sources: tuple[interface.Source, ...] = (),
    composition: configs.CompositionConfig = OWN,
) -> order_choice_artifact.Choice:
    """Returns the choice with a model that lists some videos at places, others last."""
    scores = -10.0 - np.arange(data.num_videos)
    free = [place for place in range(12) if place not in places.values()]
    for number, place in enumerate(free):
        scores[fakes.index_of(data, f"v{number + 4}") - 1] = -place
    for video, place in places.items():
        scores[fakes.index_of(data, video) - 1] = -place
    model = fakes.ScoresByUser(data.num_videos, lambda user, end: scores)
    stage = SimpleNamespace(
        candidates=model,
        num_videos=data.num_videos,
        composition=composition,
        other_sources=sources,
    )
    return pool_choice.choose(data, stage, EVALUATION, CHOICE(True, "Served"))


def test_watch_time_counts_where_candidates_lose_nothing_by_it(
    data: prepared.PreparedData,
) -> None:
    found = _chosen(data, {"v1": 0, LONG: 6})
    assert 0.0 < found.seconds_weight < 0.5
    assert found.left_out == ()
    assert found.words == (
        "Served. The ranker's 4 candidates (composition.seconds_weight="
        f"{found.seconds_weight:g}) hold 173.3 watch seconds of a validation user, "
        "with all sources and a weight of 0 6.667"
    )


def test_it_does_not_count_where_all_is_held_or_short_videos_would_go(
    data: prepared.PreparedData,
) -> None:
    assert _chosen(data, {"v1": 0, LONG: 1}).seconds_weight == 0.0
    one = dataclasses.replace(OWN, num_candidates=1)
    # The long video, third of the list, would take the place of the short one.
    assert _chosen(data, {"v1": 0, LONG: 2}, (), one).seconds_weight == 0.0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool_choice, "_VIDEOS_FOR_SECONDS", 1.0)
        assert _chosen(data, {"v1": 0, LONG: 2}, (), one).seconds_weight > 0.0


def test_a_source_leaves_that_surely_costs(data: prepared.PreparedData) -> None:
    junk = Junk(fakes.index_of(data, "v18"))
    listed = {LONG: 0, "v1": 3}
    found = _chosen(data, listed, (junk,))
    assert found.left_out == (interface.CO_WATCH,)
    assert "(without co_watch, " in found.words
    useful = Junk(fakes.index_of(data, LONG))
    assert _chosen(data, {"v1": 0, LONG: 11}, (useful,)).left_out == ()
    given = dataclasses.replace(OWN, sources=((interface.CO_WATCH, 0.25),))
    assert _chosen(data, listed, (junk,), given).left_out == ()


def test_few_users_choose_nothing(data: prepared.PreparedData) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool_choice, "_LEAST_USERS", NUM_USERS + 1)
        assert _chosen(data, {"v1": 0, LONG: 6}) == CHOICE(True, "Served")


def test_what_a_run_sets_is_not_chosen(tmp_path: pathlib.Path) -> None:
    chosen = CHOICE(True, "", left_out=("co_watch",), seconds_weight=0.3)
    order_choice_artifact.publish(tmp_path / "choice", chosen, {}, {})

    def served(**settings: object) -> configs.CompositionConfig:
        config = configs.changed(configs.Config(), settings)
        return order_choice_artifact.composition(config, tmp_path)

    own = served()
    assert own.seconds_weight == 0.3
    assert own.sources == (("fresh_uploads", 0.2),)
    assert served(**{"composition.seconds_weight": 0.0}).seconds_weight == 0.0
    given = (("co_watch", 0.5),)
    assert served(**{"composition.sources": given}).sources == given
    assert served(**{"data.protocol": "leave_one_out"}).seconds_weight == 0.0
    assert not order_choice_artifact.composition(
        configs.Config(), tmp_path / "none"
    ).weighs_seconds
    assert own.without(["fresh_uploads"]).num_places == {}
