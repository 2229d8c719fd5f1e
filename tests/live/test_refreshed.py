"""`live_test` trains runs on by `ytdnn.refresh`; without it that is said at once."""

import pathlib
import shutil
from collections.abc import Mapping

import polars as pl
import pytest

import ytdnn
from ytdnn import errors, pipeline, schema
from ytdnn.pipeline import live_tests


def test_a_run_is_refreshed_every_so_many_days(
    workdir: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[pathlib.Path, set[str]]] = []

    def refresh(
        from_workdir: pathlib.Path,
        into: pathlib.Path,
        *,
        tables: Mapping[str, pl.DataFrame],
    ) -> None:
        calls.append((from_workdir, set(tables)))
        shutil.copytree(workdir, into)

    monkeypatch.setattr(ytdnn, "refresh", refresh, raising=False)
    arms = {"logging": None, "mine": workdir}
    out = tmp_path / "out"
    made = pipeline.live_test(arms, out, days=3, refresh_days=1)
    assert list(made.arms) == ["logging", "mine"]
    first = out / "refreshed" / "mine" / "0020"
    assert calls == [(workdir, set(schema.TABLES)), (first, set(schema.TABLES))]


def test_where_nothing_can_refresh_it_is_said_before_the_first_day(
    workdir: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_tests, "getattr", lambda *_: None, raising=False)
    arms = {"logging": None, "mine": workdir}
    with pytest.raises(errors.UserError, match="leave out --refresh_days"):
        pipeline.live_test(arms, tmp_path / "out", refresh_days=1)
    assert not (tmp_path / "out").exists()
