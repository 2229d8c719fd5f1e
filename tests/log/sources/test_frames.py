"""Frames of pandas become Polars' without pyarrow, and go back."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ytdnn.base import errors
from ytdnn.log.sources import frames

COLUMNS = {
    "integers": (np.array([1, 2, 3]), pl.Int64(), [1, 2, 3]),
    "nullable": (pd.array([2**60 + 1, None, 3]), pl.Int64(), [2**60 + 1, None, 3]),
    "booleans": ([True, False, True], pl.Boolean(), [True, False, True]),
    "nullable_booleans": (
        pd.array([True, None, False]),
        pl.Boolean(),
        [True, None, False],
    ),
    "text": (["a", None, "b"], pl.String(), ["a", None, "b"]),
    "categories": (pd.Categorical(["x", None, "y"]), pl.String(), ["x", None, "y"]),
    "lists": ([[1], [], np.array([2, 3])], pl.List(pl.Int64), [[1], [], [2, 3]]),
    "sets": ([{1}, None, {2}], pl.String(), ["{1}", None, "{2}"]),
    "mixed": ([1, "a", None], pl.String(), ["1", "a", None]),
    "nothing": ([None, None, None], pl.Null(), [None, None, None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_pandas_keeps_its_values(name: str) -> None:
    values, dtype, expected = COLUMNS[name]
    frame = pd.DataFrame({name: values}, index=[7, 7, 1])
    column = frames.to_polars(frame, "here").collect()[name]
    assert column.dtype == dtype
    assert column.to_list() == expected


def test_times_with_a_zone_are_in_utc() -> None:
    times = pd.Series(pd.to_datetime(["2020-01-01 00:00", None]))
    zoned = times.dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"plain": times, "zoned": zoned})
    found = frames.to_polars(frame, "here").collect()
    assert found["plain"].to_list() == [datetime.datetime(2020, 1, 1), None]
    assert found["zoned"].to_list() == [datetime.datetime(2019, 12, 31, 23), None]


def test_what_speaks_arrow_is_read() -> None:
    class Arrow:
        def __init__(self, frame: pl.DataFrame) -> None:
            self._frame = frame
            self.columns = frame.columns

        def __arrow_c_stream__(self, schema: object = None) -> object:
            return self._frame.__arrow_c_stream__(schema)

    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    assert frames.to_polars(Arrow(frame), "here").collect().equals(frame)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(
        errors.UserError, match="expected a frame of Polars or pandas in"
    ):
        frames.to_polars([1, 2], "here")
    assert not frames.is_frame({"a": [1]})
    assert not frames.is_frame("u1")
    assert not frames.is_frame(pl.Series(["u1"]))
    assert not frames.is_frame(pd.Series(["u1"]))


def test_a_frame_goes_back_to_pandas() -> None:
    frame = pl.DataFrame(
        {"rank": [1, 2], "id": [5, None], "title": ["x", None], "score": [0.5, 1.5]}
    )
    found = frames.to_pandas(frame)
    assert isinstance(found, pd.DataFrame)
    assert found["rank"].tolist() == [1, 2]
    assert found["id"].dtype == "Int64"
    assert found["id"].isna().tolist() == [False, True]
    assert found["title"].isna().tolist() == [False, True]
    assert found["score"].tolist() == [0.5, 1.5]
