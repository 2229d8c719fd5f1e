"""A log in which songs are played again: they stay in lists where that is asked."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

import ytdnn
from tests import planted
from ytdnn import configs
from ytdnn.run.cli import command, given_settings, main

_SONGS, _USERS, _PLAYS = 30, 24, 20


def plays() -> pl.DataFrame:
    """Returns plays of users who go round and round four songs of their own."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"s{song}", 1_700_000_000 + 86_400 * day + user)
        for user in range(_USERS)
        for own in [rng.choice(_SONGS, 4, replace=False)]
        for day, song in enumerate(np.resize(own, _PLAYS))
    ]
    return pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")


def config(repeats: bool) -> configs.Config:
    (run,) = (one for one in main.COMMANDS if one.name == "run")
    argv = ["--workdir=w", *(["--repeats"] if repeats else [])]
    given = command.parse("run", run.flags, argv)
    base = planted.untaught_config()
    own = dataclasses.replace(base.candidates, auto=())
    data = dataclasses.replace(base.data, protocol="leave_one_out")
    evaluation = configs.EvaluationConfig(ks=(_SONGS,), baselines=(), num_resamples=20)
    base = dataclasses.replace(base, candidates=own, data=data, evaluation=evaluation)
    return given_settings.apply(base, given.overrides)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run with `--repeats`."""
    directory = tmp_path_factory.mktemp("played")
    ytdnn.prepare(directory, config(True), tables={"watches": plays()})
    ytdnn.train(directory)
    ytdnn.export(directory)
    return directory


def test_the_flag_fills_three_settings() -> None:
    found = config(True)
    assert not found.composition.remove_watched
    assert not found.evaluation.remove_watched
    assert found.candidates.validate_repeats
    assert config(False).composition.remove_watched


@pytest.mark.thorough
def test_a_list_holds_what_was_watched(played: pathlib.Path) -> None:
    bundle = ytdnn.Recommender.load(played / "bundle")
    watched = plays().group_by("user_id").agg(pl.col("video_id").unique())
    own = dict(watched.iter_rows())
    found = bundle.recommend(["u0", "u1"], k=_SONGS)
    for user in ("u0", "u1"):
        listed = found.filter(pl.col("user_id") == user)["video_id"].to_list()
        assert set(own[user]) <= set(listed)
    # A request may still leave videos out.
    left = bundle.recommend(["u0"], k=_SONGS, exclude=own["u0"])
    assert not set(own["u0"]) & set(left["video_id"].to_list())


def test_a_repeat_is_a_right_answer(played: pathlib.Path) -> None:
    assert ytdnn.evaluate(played).value("candidates", f"hit_rate@{_SONGS}") == 1.0
    assert ytdnn.train(played).facts["candidates"]["validation"]["ndcg@10"] > 0.0
