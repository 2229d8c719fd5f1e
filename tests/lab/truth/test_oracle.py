"""The oracle beats what can be learnt, and counts memory as the world does."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.evaluation import (
    impression_metrics,
    list_metrics,
    lists,
    shown_scorers,
    user_cases,
)
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.truth import oracle
from ytdnn.lab.world import generate
from ytdnn.log import events, prepare, prepared

WORLD = configs.WorldConfig(
    num_users=500, num_videos=800, num_topics=4, num_days=30, watches_per_user=40
)
CONFIG = configs.EvaluationConfig(ks=(10,), num_resamples=10)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("oracle")
    return prepare.prepare(configs.DataConfig(world=WORLD), directory / "data")


def hit_rate(data, cases, maker) -> float:
    entry, _ = list_metrics.measure_lists(
        list_metrics.Context(data, cases, CONFIG), maker(cases, 10)
    )
    return entry.values["hit_rate@10"]


def test_its_lists_hit_far_more_than_popularity(data) -> None:
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    best = hit_rate(data, cases, oracle.systems(data, CONFIG).makers[lists.ORACLE])
    assert best > 2 * hit_rate(data, cases, lists.popularity(data.catalogue))


@pytest.mark.thorough
def test_leave_one_out_has_an_oracle_too(tmp_path: pathlib.Path) -> None:
    config = configs.DataConfig(world=WORLD, protocol="leave_one_out")
    data = prepare.prepare(config, tmp_path / "data")
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    best = hit_rate(data, cases, oracle.systems(data, CONFIG).makers[lists.ORACLE])
    assert best > 2 * hit_rate(data, cases, lists.popularity(data.catalogue))


def test_it_orders_impressions_far_better_than_popularity(data) -> None:
    impressions = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    best, popular = (
        impression_metrics.measure(impressions, score(impressions), CONFIG)[0].values
        for score in (
            oracle.systems(data, CONFIG).scorers[lists.ORACLE],
            shown_scorers.popularity(data),
        )
    )
    assert best["auc"] > popular["auc"] + 0.1
    assert best["log_loss"] < popular["log_loss"]
    assert best["weighted_per_user_loss"] < 0.7 * popular["weighted_per_user_loss"]


def test_its_seconds_and_clicks_are_calibrated(data) -> None:
    impressions = shown_scorers.SplitImpressions(data.log, events.Split.TEST)
    predicted = oracle.systems(data, CONFIG).scorers[lists.ORACLE](impressions)
    entry, _ = impression_metrics.measure(impressions, predicted, CONFIG)
    assert entry.values["calibration_ratio"] == pytest.approx(1.0, abs=0.15)
    found = impression_metrics.measure_calibration(impressions, predicted, CONFIG)
    assert len(found.seconds) == len(found.clicks) == 10
    assert not found.odds
    for tenths in (found.seconds, found.clicks):
        upper = tenths[-1]
        assert upper.ratio[0] == pytest.approx(1.0, abs=0.2)
        assert upper.predicted > 3 * tenths[0].predicted


@pytest.mark.thorough
def test_it_maps_a_set_without_some_users(
    tmp_path: pathlib.Path,
) -> None:
    """They stand in other places than their numbers."""
    config = configs.DataConfig(world=WORLD, where="user_id <> 'u3'", min_user_count=10)
    data = prepare.prepare(config, tmp_path / "data")
    assert data.num_users < WORLD.num_users
    shown = oracle.WorldImpressions(data, world_source.known(data))
    ids = data.users["user_id"].gather(np.asarray(data.impressions.users))
    assert ids.str.slice(1).cast(pl.Int64).to_list() == shown.users.tolist()
    cases = user_cases.cases(data, events.Split.TEST, CONFIG)
    best = hit_rate(data, cases, oracle.systems(data, CONFIG).makers[lists.ORACLE])
    assert best > 2 * hit_rate(data, cases, lists.popularity(data.catalogue))


def test_other_logs_have_no_oracle(data) -> None:
    manifest = dataclasses.replace(data.manifest, facts={"source": "log"})
    other = dataclasses.replace(data, manifest=manifest)
    assert not oracle.systems(other, CONFIG).makers
    assert not oracle.systems(other, CONFIG).scorers


def test_a_written_world_keeps_its_truth(tmp_path: pathlib.Path) -> None:
    world_source.write(generate.World(WORLD), tmp_path / "log")
    config = configs.DataConfig(dir=str(tmp_path / "log"))
    data = prepare.prepare(config, tmp_path / "data")
    assert world_source.known(data).world.config == WORLD
    assert oracle.systems(data, CONFIG).scorers


def test_it_is_asked_within_the_window_that_is_evaluated(data) -> None:
    """Validation ends weeks before the log: nothing later may move its moments."""
    cases = user_cases.cases(data, events.Split.VALIDATION, CONFIG)
    blocks = oracle.Oracle(data, world_source.known(data))._moments(cases)
    windows = data.manifest.facts["windows"]
    moments = {time for _, times in blocks for time in times}
    assert len(moments) == 3
    assert min(moments) > windows["validation"]
    assert max(moments) < windows["ranking"]
