"""Days go on: same seed, same days; killed anywhere, the test ends the same."""

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.lab.live.conftest import BUILT_IN, WORLD
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.lab.live import arms, finished_days, play
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.world import generate, policy
from ytdnn.log import prepare

Path = pathlib.Path

TEST = play.Test(WORLD, BUILT_IN, WORLD.live_days)
Both = tuple[play.LiveOutcome, Path]
Calls = list[tuple[Any, ...]]


def sums(found: play.LiveOutcome) -> list[np.ndarray]:
    return [day.sums for day in found.daily]


def pages(found: play.LiveOutcome) -> list[float]:
    return [served[play.PAGES] for served in found.serving.values()]


def same(first: play.LiveOutcome, second: play.LiveOutcome) -> bool:
    pairs = zip(sums(first), sums(second), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_a_test_that_was_killed_ends_the_same(played: Both, tmp_path: Path) -> None:
    found, directory = played
    stopped = tmp_path / "test"
    shutil.copytree(directory, stopped)
    last = WORLD.num_days + WORLD.live_days - 1
    for day in (last - 1, last):
        shutil.rmtree(finished_days.path(stopped, day))
    (finished_days.path(stopped, last).with_name(f".{last:04d}.partial")).mkdir()
    again = play.play(TEST, stopped)
    assert same(found, again)
    assert pages(again) == pages(found)
    for arm in TEST.names:
        for name, frame in finished_days.read(directory, last, arm).items():
            assert frame.equals(finished_days.read(stopped, last, arm)[name])


def test_finished_days_are_not_played_again(
    played: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, directory = played
    monkeypatch.setattr(arms.RunningArm, "open", lambda *_: pytest.fail("played again"))
    again = play.play(TEST, directory)
    assert same(found, again)
    assert again.serving == found.serving


def test_each_user_sees_one_arm_and_its_sources(played: Both) -> None:
    found, directory = played
    sources = {
        "logging": set(policy.SOURCES),
        "popularity": {policy.SOURCES[policy.POPULAR]},
        "bound": {"bound"},
    }
    everybody: set[str] = set()
    for place, arm in enumerate(TEST.names):
        users = set()
        for day in range(WORLD.num_days, WORLD.span_days):
            shown = finished_days.read(directory, day, arm)[schema.IMPRESSIONS]
            assert set(shown[schema.SOURCE]) <= sources[arm]
            users |= set(shown[schema.USER_ID])
        assert users <= {f"u{user}" for user in found.members(place)}
        assert not users & everybody
        everybody |= users


def test_the_log_of_an_arm_is_an_event_log(played: Both, tmp_path: Path) -> None:
    found, directory = played
    live = range(WORLD.num_days, WORLD.span_days)
    finished_days.write_log(tmp_path / "log", directory, live, "logging", found.world)
    config = configs.DataConfig(source="log", dir=str(tmp_path / "log"))
    data = prepare.prepare(config, tmp_path / "data")
    assert data.log.has_impressions
    users = {f"u{user}" for user in found.members(0)}
    assert data.num_users > 10
    assert set(data.users[schema.USER_ID]) <= users


def test_the_log_is_the_worlds_first_part(played: Both) -> None:
    """The log, and the live days of the log's own policy, are one world."""
    frames = world_source._frames(generate.World(WORLD))
    world = generate.World(WORLD)
    crowd = world.crowd(0)
    for day in range(WORLD.span_days):
        crowd.play_day(day)
    whole = finished_days.frames(world, [crowd.take_recorded()])
    for name in finished_days.EVENTS:
        first = whole[name].filter(pl.col(schema.TIME) < world.end_of_log)
        assert frames[name].equals(first.select(frames[name].columns))
    assert frames[schema.VIDEOS][schema.UPLOAD_TIME].max() < world.end_of_log
    assert frames[schema.VIDEOS].height < WORLD.num_videos
    assert frames[schema.USERS].height < WORLD.num_users


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (dataclasses.replace(TEST, num_days=5), "live_days, 4, received 5"),
        (dataclasses.replace(TEST, seed=3), "seed was 0, is 3"),
        (
            dataclasses.replace(TEST, arms=BUILT_IN[:2]),
            "another: arms.bound was None, is absent, ",
        ),
        (
            dataclasses.replace(TEST, world=dataclasses.replace(WORLD, seed=2)),
            "another: world.seed was 0, is 2;",
        ),
    ],
)
def test_another_test_is_refused(played: Both, test: play.Test, message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        play.play(test, played[1])


def test_a_test_of_an_earlier_version_is_not_called_another(
    played: Both, tmp_path: Path
) -> None:
    described = json.loads((played[1] / play.TEST).read_text())
    del described["world"]["accidental_clicks"]  # a setting that came later
    (tmp_path / play.TEST).write_text(json.dumps(described))
    with pytest.raises(errors.UserError, match="begun by another version of ytdnn"):
        play.play(TEST, tmp_path)


def copying(workdir: Path, calls: Calls) -> play.Refresh:
    """Returns a refresh that copies a run, and adds its arguments to some calls."""

    def refresh(*given: Any) -> None:
        calls.append(given)
        shutil.copytree(workdir, given[1])

    return refresh


@pytest.mark.thorough
def test_runs_are_refreshed_on_their_own_log(workdir: Path, tmp_path: Path) -> None:
    calls: Calls = []
    refresh = copying(workdir, calls)
    both = [arms.Arm("logging"), arms.Arm("mine", workdir, refresh_days=2)]
    test = play.Test(WORLD, both, 4)
    found = play.play(test, tmp_path, refresh)
    assert [(a, b.parts[-2:]) for a, b, _ in calls] == [(workdir, ("mine", "0021"))]
    tables = calls[0][2]
    users = {f"u{user}" for user in found.members(1)}
    assert set(tables[schema.WATCHES][schema.USER_ID]) <= users
    end = found.world.end_of_log + 2 * 86_400
    shown = [
        finished_days.read(tmp_path, day, "mine")[schema.IMPRESSIONS]
        for day in (20, 21)
    ]
    expected = pl.concat(shown).filter(pl.col(schema.TIME) < end)
    assert tables[schema.IMPRESSIONS].equals(expected)
    assert tables[schema.VIDEOS][schema.UPLOAD_TIME].max() < end
    assert set(tables[schema.WATCHES][schema.VIDEO_ID]) <= set(
        tables[schema.VIDEOS][schema.VIDEO_ID]
    )
    later = finished_days.between(tmp_path, "mine", found.world, 22, 24)
    for name in finished_days.EVENTS:
        if tables[name].height and later[name].height:
            assert tables[name][schema.TIME].max() < later[name][schema.TIME].min()
    shutil.rmtree(finished_days.path(tmp_path, 23))
    again = play.play(test, tmp_path, refresh)
    assert len(calls) == 1  # what was refreshed is there
    assert same(found, again)


@pytest.mark.thorough
def test_each_run_is_refreshed_after_its_own_days(
    workdir: Path, tmp_path: Path
) -> None:
    calls: Calls = []
    words = [f"{name}={workdir}" for name in ("daily", "other")]
    asked = arms.refreshed(arms.parse(words), {"daily": 1, "other": 2})
    play.play(play.Test(WORLD, asked, 3), tmp_path, copying(workdir, calls))
    first = workdir.name
    assert [(old.name, *new.parts[-2:]) for old, new, _ in calls] == [
        (first, "daily", "0020"),
        ("0020", "daily", "0021"),
        (first, "other", "0021"),
    ]
    assert [arm.meaning.rpartition(", ")[2] for arm in asked] == [
        "refreshed every day",
        "refreshed every 2 days",
    ]
    assert arms.refreshed(asked, 0) == arms.parse(words)


def test_propensities_are_logged_of_the_arm_that_draws() -> None:
    world = generate.World(WORLD)
    shape = (3, 4)

    def page(value: float | None) -> policy.Page:
        nothing = np.zeros(shape, np.int64)
        page = policy.Page(nothing + 5, nothing, np.zeros(shape), nothing - 1)
        return page._replace(propensities=np.full(shape, value)) if value else page

    both = play.joined([page(0.25), page(None)], np.array([4, 0, 2, 1, 3, 5]))
    np.testing.assert_array_equal(
        np.isnan(both.propensities[:, 0]), [False, True, False, True, False, True]
    )
    crowd = world.crowd(0)
    crowd.play()

    def draws(requests: policy.PageRequests) -> policy.Page:
        made = policy.make_pages(requests)
        users = requests.users.first + requests.rows
        chances = np.where(users[:, None] % 2, 0.25, np.nan)
        return made._replace(propensities=np.broadcast_to(chances, made.videos.shape))

    crowd.play_day(WORLD.num_days, draws)
    found = finished_days.frames(world, [crowd.take_recorded()])
    split = finished_days.split_by_arm(
        found, ["even", "odd"], np.arange(WORLD.num_users) % 2
    )
    assert schema.PROPENSITY not in split["even"][schema.IMPRESSIONS].columns
    drawn = split["odd"][schema.IMPRESSIONS][schema.PROPENSITY]
    assert len(drawn) > 5
    assert (drawn == 0.25).all()
