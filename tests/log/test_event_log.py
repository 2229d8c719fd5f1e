import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytdnn.base import errors, schema
from ytdnn.log import event_log


def _rows() -> pl.LazyFrame:
    columns = {"user_id": [7, 8], "video_id": ["a", "b"], "time": [1, 2]}
    return pl.LazyFrame(columns).with_row_index(event_log.ROW)


def test_place_counts_data_rows_from_one():
    assert event_log.Origin(_rows(), "w.csv").place(0) == "row 1 of w.csv"


def test_place_names_the_part_and_the_row_within_it():
    parts = ((0, "a.parquet"), (3, "b.parquet"), (5, "c.parquet"))
    origin = event_log.Origin(_rows(), "watches", parts=parts)
    assert origin.place(2) == "row 3 of a.parquet"
    assert origin.place(3) == "row 1 of b.parquet"
    assert origin.place(9) == "row 5 of c.parquet"


def test_from_origins_hides_row_numbers_and_raw_values_and_keeps_order():
    rows = _rows().with_columns(pl.lit("x").alias(event_log.raw("time")))
    log = event_log.from_origins({"watches": event_log.Origin(rows, "w")}, {"a": 1})
    table = log.tables[schema.WATCHES].collect()
    assert table.columns == ["user_id", "video_id", "time"]
    assert table["video_id"].to_list() == ["a", "b"]
    assert log.facts == {"a": 1}


def test_log_without_origins_numbers_its_own_rows():
    log = event_log.EventLog({"watches": _rows().drop(event_log.ROW)})
    numbered = log.origin("watches").rows.collect()
    assert numbered[event_log.ROW].to_list() == [0, 1]


def test_readable_turns_a_polars_failure_into_one_line():
    with (
        pytest.raises(errors.UserError, match=r"readable table in w\.csv"),
        event_log.readable("w.csv"),
    ):
        _rows().select("nothing").collect()


@given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
def test_brief_is_one_short_printable_line(text, length):
    line = event_log.brief(text, length)
    assert len(line) <= length
    assert all(char.isprintable() for char in line)


def test_brief_of_a_silent_exception_is_its_name():
    assert event_log.brief(TimeoutError()) == "TimeoutError"
    assert event_log.brief("") == ""
