"""Titles by id answer as a dict does."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytdnn.bundle import titles

TEXTS = st.lists(st.text(max_size=5), unique=True, max_size=30)
NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=30)


@given(st.one_of(TEXTS, NUMBERS), st.one_of(st.text(max_size=5), st.integers()))
def test_as_a_dict(ids: list, other: str | int) -> None:
    names = [None if place % 3 == 0 else f"title {place}" for place in range(len(ids))]
    expected = dict(zip(ids, names, strict=True))
    dtype = pl.String if ids and isinstance(ids[0], str) else pl.Int64
    found = titles.Titles(
        pl.Series(ids, dtype=dtype), pl.Series(names, dtype=pl.String)
    )
    assert list(found.items()) == list(expected.items())
    assert len(found) == len(expected)
    assert found.get(other) == expected.get(other)
    assert (other in found) == (other in expected)
    assert all(found[one] == expected[one] for one in ids)
    assert list(found) == ids


def test_ids_of_one_hash_are_told_apart() -> None:
    """Python gives -1 and -2 the same."""
    assert hash(-1) == hash(-2)
    found = titles.Titles(pl.Series([-2, -1, 5]), pl.Series(["two", "one", "five"]))
    assert [found[n] for n in (-1, -2, 5)] == ["one", "two", "five"]
    with pytest.raises(KeyError):
        found["-1"]
    assert titles.Titles(pl.Series([3]), None)[3] is None
