"""The world's invariants: same seed, sizes, order of time, nothing impossible."""

import dataclasses
import hashlib

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.lab.world import corpus, generate, policy, tables
from ytdnn.log import sources

from .conftest import CONFIG


def digest(config: configs.WorldConfig) -> dict[str, str]:
    """Returns a hash of every table's bytes."""
    world = generate.World(config)
    found = {"videos": hashlib.sha256()}
    _update(found["videos"], tables.videos_table(world))
    for part in tables.parts_of(world):
        for name, table in part.items():
            _update(found.setdefault(name, hashlib.sha256()), table)
    return {name: value.hexdigest() for name, value in found.items()}


def _update(total, table: tables.Table) -> None:
    for name, column in table.items():
        total.update(name.encode())
        if isinstance(column, tables.CategoryColumn):
            total.update(repr(column.values).encode())
            column = column.codes
        total.update(np.ascontiguousarray(column).tobytes())


def test_same_seed_gives_the_same_bytes_and_another_seed_others():
    config = configs.WORLDS["tiny"]
    first = digest(config)
    assert digest(config) == first
    other = digest(configs.WorldConfig(**(config.__dict__ | {"seed": 1})))
    assert all(other[name] != first[name] for name in first)


def test_a_world_without_live_days_has_the_bytes_it_always_had():
    """What experiments were measured on stays what it was."""
    assert {
        name: found[:16] for name, found in digest(configs.WORLDS["tiny"]).items()
    } == {
        "videos": "cc177c9cd2468438",
        "watches": "fb3b7431fd26e80d",
        "searches": "f02c17ecd3dc5c11",
        "impressions": "489df374ff1fc75b",
        "users": "8c83242d9636a15d",
    }


@pytest.mark.thorough
def test_live_days_go_on_at_the_rate_of_the_log():
    world = generate.World(dataclasses.replace(CONFIG, live_days=15, num_users=3_000))
    days = (world.shared.videos.upload_times - corpus.START) / corpus.SECONDS_PER_DAY
    within = [((days >= a) & (days < a + 15)).sum() for a in (0, 15, 30)]
    assert np.ptp(within) < 0.25 * np.mean(within)
    # As many old videos to a day's uploads as in a world without live days.
    assert (days < 0).sum() / within[2] == pytest.approx(0.7 / 0.15, rel=0.15)
    crowd = world.crowd(0)
    log = crowd.play()
    assert log.watches.columns()["times"].max() < world.end_of_log + 86_400
    for day in range(30, 45):
        crowd.play_day(day)
    live = crowd.take_recorded()
    for kind in ("watches", "impressions", "searches"):
        each = [len(getattr(one, kind).columns()["users"]) for one in (log, live)]
        # More than half as many: users join all the time.
        assert 0.5 < each[1] / each[0] < 0.85


@pytest.mark.thorough
def test_pages_come_from_the_policy_that_is_given():
    """It is asked for those who browse, and what is not uploaded is not shown."""
    world = generate.World(dataclasses.replace(CONFIG, live_days=5))
    uploads = world.shared.videos.upload_times
    shown = np.array([uploads.argmin(), uploads.argmax(), uploads.argsort()[1]])
    crowd = world.crowd(0)
    crowd.play()
    asked = []

    def make_pages(requests):
        asked.append(len(requests.rows))
        videos = np.tile(shown, (len(requests.rows), 1))
        nothing = np.zeros_like(videos)
        return policy.Page(videos, nothing, nothing, nothing - 1)

    crowd.play_day(30, make_pages)
    happened = crowd.take_recorded().impressions.columns()
    assert set(happened["videos"]) == {shown[0], shown[2]}
    assert len(happened["videos"]) == 2 * sum(asked)
    assert set(happened["positions"]) == {0, 2}
    assert np.isnan(happened["propensities"]).all()


@pytest.mark.thorough
def test_a_crowd_does_not_depend_on_the_others(monkeypatch):
    """So a world can be made in parts, and a part again."""
    monkeypatch.setattr(generate, "CROWD", 40)
    config = configs.WorldConfig(
        num_users=100, num_videos=200, num_topics=3, num_days=10
    )
    world = generate.World(config)
    assert world.num_crowds == 3
    alone = generate.World(config).crowd(1).play().watches.columns()
    parts = [world.crowd(number).play().watches.columns() for number in range(3)]
    for name, values in alone.items():
        np.testing.assert_array_equal(values, parts[1][name])
    users = np.concatenate([np.unique(part["users"]) for part in parts])
    assert len(np.unique(users)) == len(users)
    assert users.max() < 100
    assert len(world.all_users) == 100


def test_sizes_follow_the_config(log):
    assert log["users"].height == CONFIG.num_users
    assert log["videos"].height == CONFIG.num_videos
    mean = log["watches"].height / CONFIG.num_users
    assert mean == pytest.approx(CONFIG.watches_per_user, rel=0.25)
    pages = log["impressions"].group_by("page_id").agg(pl.len(), "position", "video_id")
    assert pages["len"].max() == CONFIG.impressions_per_page
    assert pages["len"].mean() > 0.75 * CONFIG.impressions_per_page
    assert (pages["position"].list.n_unique() == pages["len"]).all()
    assert (pages["video_id"].list.n_unique() == pages["len"]).all()


@pytest.mark.parametrize("table", ["watches", "impressions", "searches"])
def test_events_are_in_order_of_time_within_the_span(log, table):
    times = log[table]["time"]
    assert times.is_sorted()
    assert times.min() >= corpus.START
    assert times.max() < corpus.START + (CONFIG.num_days + 1) * corpus.SECONDS_PER_DAY


@pytest.mark.parametrize("table", ["watches", "impressions"])
def test_nothing_is_shown_or_watched_before_its_upload(log, table):
    joined = log[table].join(log["videos"], on="video_id")
    assert joined.height == log[table].height
    assert joined.filter(pl.col("time") < pl.col("upload_time")).height == 0


def test_every_clicked_impression_is_a_watch_after_it(log):
    clicked = log["impressions"].filter("clicked")
    assert log["impressions"].filter(~pl.col("clicked"))["watch_seconds"].max() == 0
    key = ["user_id", "video_id", "watch_seconds"]
    watched = log["watches"].select(*key, watched="time")
    found = clicked.join(watched, on=key).filter(pl.col("watched") > pl.col("time"))
    assert found.n_unique(["page_id", "position"]) == clicked.height


def test_sources_name_themselves_and_related_ones_their_seed(log):
    impressions = log["impressions"]
    related = impressions["source"] == "related"
    assert (impressions["seed_video_id"].is_not_null() == related).all()
    assert set(impressions["source"]) == {
        "popular",
        "interests",
        "subscribed",
        "fresh",
        "related",
    }


def test_smallest_world_has_all_tables_with_columns():
    config = configs.WorldConfig(
        num_users=3, num_videos=1, num_topics=1, num_days=1, watches_per_user=5
    )
    found = sources.read(configs.DataConfig(world=config)).tables
    assert set(found["searches"].collect_schema()) >= {"user_id", "time", "query"}
    assert found["users"].collect().height == 3
