"""Notes on logs that are legal and look like a mistake."""

import polars as pl
import pytest

from ytdnn.log import log_warnings

HOURS = [1_700_000_000 + 3_600 * hour for hour in range(100)]


def _of(times: list[int], seconds: float = 30.0) -> list[str]:
    watches = pl.LazyFrame({"time": times, "watch_seconds": [seconds] * len(times)})
    return log_warnings.from_watches(watches)


def test_a_log_of_days_in_this_century_has_no_note() -> None:
    assert _of(HOURS) == []


@pytest.mark.parametrize(
    ("times", "seconds", "words"),
    [
        ([1_700_000_000 + 60 * minute for minute in range(100)], 30.0, "1.6 hours"),
        ([19_000 + day for day in range(100)], 30.0, "before the year 2000"),
        ([*HOURS, 5], 30.0, "the others reach from 1970-01-01"),
        (HOURS, 31_000.0, "if they are milliseconds"),
    ],
)
def test_a_log_that_looks_wrong_is_noted(
    times: list[int], seconds: float, words: str
) -> None:
    (note,) = _of(times, seconds)
    assert words in note
