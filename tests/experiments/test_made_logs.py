"""The made logs: as large as they say, with the structure they say."""

import sys

import numpy as np
import polars as pl
import pytest

from experiments import made_logs
from ytdnn.base import schema

TINY = made_logs.SIZES["tiny"]


@pytest.mark.parametrize("law", made_logs.LAWS)
def test_a_log_is_as_large_as_it_says_and_the_same_for_a_seed(law: str) -> None:
    found = made_logs.watches(law, TINY, seed=1)
    assert found.height == TINY.watches
    assert found[schema.USER_ID].n_unique() == TINY.users
    assert found[schema.VIDEO_ID].n_unique() <= TINY.videos
    assert found[schema.TIME].is_sorted()
    assert found.equals(made_logs.watches(law, TINY, seed=1))
    assert not found.equals(made_logs.watches(law, TINY, seed=2))


@pytest.mark.parametrize("law", [law for law in made_logs.LAWS if law != "series"])
def test_users_differ_in_what_they_watch(law: str) -> None:
    """Two halves of a user's watches are nearer to each other than to another's."""
    found = made_logs.watches(law, TINY)
    users = found[schema.USER_ID].cast(pl.Int64).to_numpy()
    videos = found[schema.VIDEO_ID].cast(pl.Int64).to_numpy()
    halves = np.zeros((2, TINY.users, TINY.videos))
    np.add.at(halves, (np.arange(len(users)) % 2, users, videos), 1.0)
    shares = halves / np.maximum(halves.sum(axis=2, keepdims=True), 1.0)
    shares -= shares.mean(axis=1, keepdims=True)
    products = shares[0] @ shares[1].T
    own = np.diag(products).mean()
    others = (products.sum() - np.trace(products)) / (TINY.users * (TINY.users - 1))
    assert own > 10.0 * abs(others)


def test_what_goes_on_is_the_next_episode_or_a_video_that_the_user_had() -> None:
    log = made_logs.watches("series", TINY).cast({schema.VIDEO_ID: pl.Int64})
    last = pl.col(schema.VIDEO_ID).shift().over(schema.USER_ID)
    assert 0.7 < log.select((pl.col(schema.VIDEO_ID) == last + 1).mean()).item() < 0.9
    log = made_logs.watches("plays", made_logs.SIZES["10k"])
    assert 0.3 < log.unique([schema.USER_ID, schema.VIDEO_ID]).height / log.height < 0.4


def test_the_command_writes_a_log(tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "made"
    command = ["made_logs", str(out), "--law=tastes", "--size=tiny"]
    monkeypatch.setattr(sys, "argv", command)
    made_logs.main()
    assert "1,500 watches" in capsys.readouterr().out
    written = pl.read_parquet(out / "watches.parquet")
    assert written.equals(made_logs.watches("tastes", TINY))
