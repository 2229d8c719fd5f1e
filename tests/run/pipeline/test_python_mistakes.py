"""Mistakes of notebooks are one `UserError`."""

import pathlib
from typing import Any

import polars as pl
import pytest

import ytdnn


@pytest.mark.parametrize(
    "tables",
    [None, pl.DataFrame({"user_id": [1]}), [], {"watches": [1, 2]}, {"watches": None}],
)
def test_tables_that_are_none_are_refused(tables: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ytdnn.UserError, match=r"expected .*received"):
        ytdnn.prepare(tmp_path, tables=tables)
    assert not (tmp_path / "data").exists()
