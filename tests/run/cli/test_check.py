"""`ytdnn check` says all at once, and leaves nothing."""

import pathlib
import re

import polars as pl
import pytest

from tests import small_log as logs
from tests.run.cli import conftest
from ytdnn.log import faults

Cli = conftest.Cli
Path = pathlib.Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def _write(log: Path, watches: str, videos: pl.DataFrame | None = None) -> str:
    (log / "watches.csv").write_text(watches)
    if videos is not None:
        videos.write_parquet(log / "videos.parquet")
    return f"--data_dir={log}"


def test_all_kinds_of_bad_rows_are_named_at_once(cli: Cli, log: Path) -> None:
    rows = logs.WATCHES.splitlines()
    rows[3] = rows[3].rpartition(",")[0] + ",soon"
    rows[5] = "," + rows[5].partition(",")[2]
    rows[7] = rows[7].rpartition(",")[0] + ",99999999999"
    videos = logs.videos().with_columns(pl.lit(-1.0).alias("duration_seconds"))
    flag = _write(log, "\n".join(rows) + "\n", videos)
    before = sorted(log.parent.rglob("*"))
    found = cli("check", "--source=log", flag)
    assert found.status == 1
    said = [line for line in found.out.splitlines() if line.startswith("mistake ")]
    assert len(said) >= 4
    for words in ("'soon'", "row 5 of", "99999999999", "videos.duration_seconds"):
        assert any(words in line for line in said), words
    assert sorted(log.parent.rglob("*")) == before


def test_a_video_in_a_bad_row_is_no_mistake_of_its_events(cli: Cli, log: Path) -> None:
    bad = pl.int_range(pl.len()) == 1
    videos = logs.videos().with_columns(duration_seconds=pl.when(bad).then(-1.0))
    found = cli("check", "--source=log", _write(log, logs.WATCHES, videos))
    assert found.out.count("mistake 1: expected videos.duration_seconds") == 1
    assert "mistake 2" not in found.out


def test_a_sound_log_has_status_0(cli: Cli, log: Path) -> None:
    found = cli("check", "--source=log", _write(log, logs.WATCHES))
    assert found.status == 0
    assert found.out.endswith("0 mistakes, 0 notes; nothing was written\n")


def test_a_log_of_a_handful_of_users_is_noted(cli: Cli, log: Path) -> None:
    flag = _write(log, re.sub(r"(?m)^u\d+", "ipad", logs.WATCHES))
    found = cli("check", "--source=log", flag)
    assert "note: the log has only 1 user: check that watches.user_id is" in found.out


def test_bad_rows_that_are_to_be_dropped_are_no_mistakes(cli: Cli, log: Path) -> None:
    flag = _write(log, logs.WATCHES + "u1,v1,soon\n")
    found = cli("check", "--source=log", flag, "--bad_rows=drop")
    assert found.status == 0
    assert "dropped: watches.time is not a time: 1 rows" in found.out


def test_a_mistake_in_every_row_is_one_mistake(cli: Cli, log: Path) -> None:
    header, *rows = logs.WATCHES.splitlines()
    late = [row.rpartition(",")[0] + ",soon" for row in rows]
    flag = _write(log, "\n".join([header, *late]))
    found = cli("check", "--source=log", flag)
    assert "'soon' in row 1" in found.out
    assert "(all rows are bad): mend it\n" in found.out
    assert "--bad_rows" not in found.out
    assert found.out.endswith("1 mistake, 0 notes; nothing was written\n")
    found = cli("check", "--source=log", flag, "--bad_rows=drop")
    assert "mistake 1: expected rows in watches, found none" in found.out
    # No row is there at all: that is a mistake of its own.
    videos = logs.videos().with_columns(pl.lit(-1.0).alias("duration_seconds"))
    found = cli("check", "--source=log", _write(log, f"{header}\n", videos))
    assert "mistake 2: expected rows in watches, found none" in found.out


def test_a_log_is_read_and_checked_once(
    cli: Cli, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def find(table: str, *rest: object) -> list[faults.Fault]:
        checked.append(table)
        return found_faults(table, *rest)  # type: ignore[arg-type]

    found_faults = faults.find
    monkeypatch.setattr(faults, "find", find)
    cli("check", "--source=log", _write(log, logs.WATCHES, logs.videos()))
    assert checked == ["videos", "watches"]


def test_a_missing_table_is_one_mistake(cli: Cli, log: Path) -> None:
    found = cli("check", "--source=log", f"--data_dir={log}")
    assert found.status == 1
    assert "mistake 1: expected watches.parquet" in found.out
