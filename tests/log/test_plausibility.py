"""Notes on logs that are legal and look like a mistake."""

import numpy as np
import polars as pl
import pytest

from ytdnn.log import log_warnings, plausibility


@pytest.mark.parametrize(
    ("times", "word"),
    [
        ([19_844, 20_000], "days since 1970"),
        ([45_413, 45_500], "days of a spreadsheet"),
        ([476_000, 480_000], "hours"),
        ([28_500_000, 28_600_000], "minutes"),
        ([20_240_101, 20_241_231], "dates written as numbers"),
        ([20_240_101, 20_249_999], "minutes"),  # no date, and minutes of 2008
        ([5, 90], ""),
        ([19_844, 45_413], ""),
    ],
)
def test_the_unit_is_one_that_all_times_fit(times: list[int], word: str) -> None:
    found = plausibility.unit_of(times)
    assert found.startswith(word)
    assert bool(found) == bool(word)


def _of(times: list[int]) -> list[str]:
    def counts(width: int, buckets: object) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(np.array(times) // width, return_counts=True)

    return log_warnings.of_times(counts, None)


def test_a_log_of_days_in_this_century_has_no_note() -> None:
    assert _of([1_700_000_000 + 3_600 * hour for hour in range(100)]) == []


def test_a_log_within_a_day_is_noted() -> None:
    (note,) = _of([1_700_000_000 + 60 * minute for minute in range(100)])
    assert "within 1.6 hours" in note


def test_ids_with_an_apostrophe_are_ordinary() -> None:
    frame = pl.DataFrame({"video_id": ["d'accord", "'", "naan", "7"]})
    assert not list(plausibility._odd_ids(frame, "video_id"))


def test_the_holder_of_most_events_is_named_where_there_are_others() -> None:
    ids = pl.Series(["a", "b", "c", "d", "e"])
    counts = np.array([1, 60, 2, 3, 4])
    (note,) = plausibility._dominant(counts, ids, "user")
    assert note.startswith("note: user 'b' has 86% of all watches")
    assert not list(plausibility._dominant(counts[:2], ids[:2], "user"))
    assert not list(plausibility._dominant(np.full(5, 20), ids, "user"))
