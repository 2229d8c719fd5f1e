"""Mistakes of notebooks are one `UserError`."""

import pathlib
from typing import Any

import polars as pl
import pytest

import ytdnn
from tests.evaluation import example
from ytdnn.base import errors
from ytdnn.evaluation import report_files


@pytest.mark.parametrize(
    "tables",
    [None, pl.DataFrame({"user_id": [1]}), [], {"watches": [1, 2]}, {"watches": None}],
)
def test_tables_that_are_none_are_refused(tables: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ytdnn.UserError, match=r"expected .*received"):
        ytdnn.prepare(tmp_path, tables=tables)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("model", "metric", "words"),
    [
        ("candidates", "recal@10", r"metric of candidates.*did you mean recall@10\?"),
        ("candidate", "recall@10", r"expected a model.*did you mean candidates\?"),
    ],
)
def test_a_number_the_report_lacks_is_refused(
    model: str, metric: str, words: str
) -> None:
    report = example.typed()
    found = report_files.Evaluated(pathlib.Path("e"), report, pl.DataFrame())
    with pytest.raises(errors.UserError, match=words):
        found.value(model, metric)
