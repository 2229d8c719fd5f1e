"""Notes on logs that are legal and look like a mistake."""

import polars as pl
import pytest

from ytdnn.log import log_warnings

HOURS = [1_700_000_000 + 3_600 * hour for hour in range(100)]


def _of(times: list[int]) -> list[str]:
    return log_warnings.from_watches(pl.LazyFrame({"time": times}))


def test_a_log_of_days_in_this_century_has_no_note() -> None:
    assert _of(HOURS) == []


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1_700_000_000 + 60 * minute for minute in range(100)], "1.6 hours"),
        ([19_000 + day for day in range(100)], "before the year 2000"),
    ],
)
def test_a_log_that_looks_wrong_is_noted(times: list[int], words: str) -> None:
    (note,) = _of(times)
    assert words in note


def test_ids_that_look_wrong_are_named() -> None:
    ids = ["u1", "NULL", " u2", "'u3'", "nan", "null island"]
    (note,) = log_warnings.odd_ids(pl.Series("user_id", ids))
    assert note.startswith(
        "note: 4 user_ids look wrong, such as 'NULL', ' u2', \"'u3'\", and are read"
    )
    hidden = ["\u200bu1", "u\u200b2", "\xa0u3", "u4\ufeff", "na\u200dme"]
    (note,) = log_warnings.odd_ids(pl.Series("user_id", hidden))
    assert note.startswith(r"note: 4 user_ids look wrong, such as '\u200bu1'")
    assert log_warnings.odd_ids(pl.Series("user_id", ["u1", "null island"])) == []
    assert log_warnings.odd_ids(pl.Series("user_id", [1, 2])) == []
