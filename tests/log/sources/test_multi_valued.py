"""Several values of a video, in lists or in a text."""

import pathlib

import polars as pl
import pytest

from tests import small_log, tag_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import new_videos_table, raw_log, sources

KEYWORDS = [" Action|Comedy", "", None, "Drama", "Drama|Drama| ", "a", "a|b", "b"]
LISTS = [["Action", "Comedy"], None, None, ["Drama"], ["Drama"], ["a"], ["a", "b"]]


def _read(directory: pathlib.Path, *columns: str, **videos: object) -> raw_log.Origin:
    small_log.watches().write_parquet(directory / "watches.parquet")
    table = small_log.videos().with_columns(**videos)
    table.write_parquet(directory / "videos.parquet")
    config = configs.DataConfig(source="log", dir=str(directory), columns=columns)
    return sources.read(config).origin("videos")


def _column(origin: raw_log.Origin, name: str) -> list[object]:
    return origin.rows.collect()[name].to_list()


@pytest.mark.parametrize("own", ["words", "tags"])
def test_texts_are_split(tmp_path: pathlib.Path, own: str) -> None:
    origin = _read(tmp_path, f"videos.tags={own} split |", **{own: pl.Series(KEYWORDS)})
    assert _column(origin, "tags") == [*LISTS, ["b"]]
    assert "words" not in origin.rows.collect_schema()


def test_one_column_may_be_the_topic_too(tmp_path: pathlib.Path) -> None:
    keywords = pl.Series(KEYWORDS).str.replace_all("|", ", ", literal=True)
    origin = _read(tmp_path, "videos.topic=words split ,", words=keywords)
    assert _column(origin, "words") == [*LISTS, ["b"]]
    firsts = ["Action", None, None, "Drama", "Drama", "a", "a", "b"]
    assert _column(origin, "topic") == firsts
    assert origin.notes == (
        "videos.topic: lists, the first value of each is read, all as videos.words",
    )


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Categorical])
def test_lists_are_read_as_they_are(tmp_path: pathlib.Path, dtype: type) -> None:
    tags = pl.Series([["1", "2", None], ["2", "2"], [], None] * 2)
    origin = _read(tmp_path, tags=tags.cast(pl.List(dtype)))
    assert _column(origin, "tags") == [["1", "2"], ["2"], None, None] * 2
    assert origin.notes == ()


def test_lists_without_a_value_are_no_values(tmp_path: pathlib.Path) -> None:
    empty = pl.Series([[]] * 8, dtype=pl.List(pl.Null))
    origin = _read(tmp_path, tags=empty, topic=empty)
    assert _column(origin, "tags") == _column(origin, "topic") == [None] * 8


def test_of_a_long_list_the_first_values_are_read(tmp_path: pathlib.Path) -> None:
    tags = pl.Series([[f"{i}" for i in range(33)], *[["a"]] * 7])
    origin = _read(tmp_path, tags=tags)
    assert _column(origin, "tags")[0] == [f"{i}" for i in range(32)]
    (note,) = origin.notes
    assert note == (
        "videos.tags: 1 lists are longer than 32 values, the first are read"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("tags=word split |", "expected column word in .* did you mean words"),
        ("tags=numbers split |", "found a column of type Int64: leave the separator"),
        ("tags=words", "expected a column of videos"),
        ("train_count=words split |", "expected a column of videos"),
    ],
)
def test_what_cannot_be_split_is_refused(
    tmp_path: pathlib.Path, entry: str, message: str
) -> None:
    columns = {"words": pl.Series(KEYWORDS), "numbers": pl.int_range(8)}
    with pytest.raises(errors.UserError, match=message):
        _read(tmp_path, f"videos.{entry}", **columns)


def test_added_videos_are_read_as_the_catalogue_was(tmp_path: pathlib.Path) -> None:
    data = tag_log.prepared_data(tmp_path)
    assert data.videos["labels"].to_list() == data.videos["tags"].to_list()
    added = pl.DataFrame(
        {"video_id": ["n1", "n2"], "labels": ["cat|new", None], "tags": [["fun"], []]}
    )
    table = new_videos_table.read(added, data).table
    assert table["labels"].to_list() == [["cat", "new"], None]
    assert table["tags"].to_list() == [["fun"], None]
    grown = new_videos_table.added_to(data, table)
    assert grown.videos["labels"][-2].to_list() == ["cat", "new"]
