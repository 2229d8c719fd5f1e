"""The log of what was served, where the disk takes nothing."""

import pathlib
import resource

import polars as pl

from ytdnn.ops.server import served_log


def test_nothing_half_written_is_left_and_no_row_is_lost(
    tmp_path: pathlib.Path,
) -> None:
    log = served_log.ServedLog(tmp_path / "log", pl.String())
    kind = next(iter(log._rows))
    log._rows[kind].append(dict.fromkeys(log._columns[kind]))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in log.problem
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    log.flush()
    assert not log.problem
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [
        ".parquet"
    ]
