"""`ytdnn prepare --parts`: the second time no file of events is read."""

import pathlib

import pytest

from tests import full_log
from tests.run.cli import conftest
from ytdnn.base import progress


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    return full_log.write(tmp_path / "log", full_log.tables())


def test_kept_files_are_not_read_again(
    cli: conftest.Cli,
    log: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(progress, "say", said.append)
    flags = ["--source=log", f"--data_dir={log}", f"--parts={tmp_path / 'parts'}"]
    for name in ("one", "other"):
        cli("prepare", *flags, f"--workdir={tmp_path / name}")
    assert said == [
        f"parts: {table}: {files}"
        for files in ("1 of 1 files read, 0 kept", "0 of 1 files read, 1 kept")
        for table in ("watches", "searches", "impressions")
    ]
    one, other = (tmp_path / n / "data" / "manifest.json" for n in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_parts_that_cannot_be_kept_are_one_line(
    cli: conftest.Cli, log: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    flags = ["--source=log", f"--data_dir={log}", f"--workdir={tmp_path / 'run'}"]
    place = log / "watches.parquet"
    error = cli.error("prepare", *flags, f"--parts={place}")
    assert error == f"expected a directory in --parts, received {place} (a file)"
    error = cli.error("prepare", *flags, "--parts=p", "--engine=spark")
    assert error.startswith("expected --engine=polars with --parts, received --engine=")
    where = ["--where=watch_seconds > 1"]
    error = cli.error("prepare", *flags, *where, f"--parts={tmp_path / 'parts'}")
    assert "received --where=watch_seconds > 1: leave --parts out" in error
