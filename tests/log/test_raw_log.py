import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytdnn.base import errors
from ytdnn.log import raw_log


def _rows() -> pl.LazyFrame:
    columns = {"user_id": [7, 8], "video_id": ["a", "b"], "time": [1, 2]}
    return pl.LazyFrame(columns).with_row_index(raw_log.ROW)


def test_place_counts_data_rows_from_one():
    assert raw_log.Origin(_rows(), "w.csv").place(0) == "row 1 of w.csv"


def test_place_names_the_part_and_the_row_within_it():
    parts = ((0, "a.parquet"), (3, "b.parquet"), (5, "c.parquet"))
    origin = raw_log.Origin(_rows(), "watches", parts=parts)
    assert origin.place(2) == "row 3 of a.parquet"
    assert origin.place(3) == "row 1 of b.parquet"
    assert origin.place(9) == "row 5 of c.parquet"


def test_readable_turns_a_polars_failure_into_one_line():
    with (
        pytest.raises(errors.UserError, match=r"readable table in w\.csv"),
        raw_log.readable("w.csv"),
    ):
        _rows().select("nothing").collect()


@given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
def test_brief_is_one_short_printable_line(text, length):
    line = raw_log.brief(text, length)
    assert len(line) <= length
    assert all(char.isprintable() for char in line)
