"""Paths that begin at a home directory."""

import pathlib

import polars as pl
import pytest

import ytdnn
from ytdnn.base import user_paths


def test_python_and_data_dir_know_the_home_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    rows = [(f"u{i % 4}", f"v{i % 5}", 1_700_000_000 + i) for i in range(40)]
    (tmp_path / "logs").mkdir()
    pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row").write_csv(
        tmp_path / "logs" / "watches.csv"
    )
    data = ytdnn.configs.DataConfig(
        source="log", dir="~/logs", protocol="leave_one_out", min_user_count=1
    )
    made = ytdnn.prepare("~/runs/mine", ytdnn.configs.Config(data=data))
    assert made.directory == tmp_path / "runs" / "mine" / "data"
    assert not pathlib.Path("~").exists()


def test_a_tilde_inside_a_path_stays() -> None:
    assert user_paths.expanded("a/~/b") == pathlib.Path("a/~/b")
