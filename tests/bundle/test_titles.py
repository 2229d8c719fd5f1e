"""Titles by id answer as a dict does."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

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
    videos = pl.DataFrame(
        [pl.Series("video_id", ids, dtype), pl.Series("title", names, pl.String)]
    )
    with tempfile.TemporaryDirectory() as made:
        directory = pathlib.Path(made)
        titles.write(directory, videos)
        _check(titles.read(directory), expected, other)
        shutil.rmtree(directory / "titles")  # as in bundles of ytdnn 0.2
        _check(titles.read(directory), expected, other)


def _check(found: titles.Titles, expected: dict, other: str | int) -> None:
    assert list(found.items()) == list(expected.items())
    assert len(found) == len(expected)
    assert found.get(other) == expected.get(other)
    assert (other in found) == (other in expected)
    assert all(found[one] == expected[one] for one in expected)
    assert list(found) == list(expected)


def test_ids_of_one_bucket_are_told_apart() -> None:
    ids = pl.Series(range(1_000))
    found = titles.Titles(titles.pack(ids, ids.cast(pl.String)))
    assert [found[n] for n in range(1_000)] == [str(n) for n in range(1_000)]
    with pytest.raises(KeyError):
        found["7"]
    assert 2**70 not in found
    assert 7.5 not in found
    assert titles.Titles(titles.pack(pl.Series([3]), None))[3] is None


def test_another_process_finds_them_in_the_same_files(tmp_path: pathlib.Path) -> None:
    """Python's own hash of a text differs between processes."""
    ids = [f"id {n}" for n in range(100)]
    titles.write(tmp_path, pl.DataFrame({"video_id": ids, "title": ids}))
    code = (
        "import pathlib, sys; from ytdnn.bundle import titles; "
        "found = titles.read(pathlib.Path(sys.argv[1])); "
        "print(all(found[f'id {n}'] == f'id {n}' for n in range(100)))"
    )
    run = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.check_output(run, text=True).split() == ["True"]
