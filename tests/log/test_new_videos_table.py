"""Tables of new uploads: own column names and bad rows."""

import dataclasses
import pathlib
from typing import Any

import polars as pl
import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import new_videos_table
from ytdnn.log import vectors as vectors_room


@dataclasses.dataclass
class _Catalogue:
    videos: pl.DataFrame
    config: configs.DataConfig
    vectors: vectors_room.Vectors = dataclasses.field(
        default_factory=lambda: vectors_room.Vectors(pathlib.Path(), {})
    )

    @property
    def catalogue(self) -> "_Catalogue":
        """The prepared set's catalogue: itself."""
        return self


_DATA: Any = _Catalogue(
    pl.DataFrame({"video_id": ["v1"], "title": ["One"], "duration_seconds": [9.0]}),
    configs.DataConfig(columns=("videos.title=name", "watches.time=when")),
)
_ROWS = "video_id,name,length\nv8,Eight,60\nv9,Nine,-1\n"
_COLUMNS = ["videos.duration_seconds=length"]


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "new.csv"
    path.write_text(_ROWS)
    return path


def test_a_bad_row_stops_and_can_be_dropped(file: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"-1.*row 2.*leave the column out"):
        new_videos_table.read(file, _DATA, _COLUMNS)
    found = new_videos_table.read(file, _DATA, _COLUMNS, "drop")
    assert found.table.rows() == [("v8", "Eight", 60.0)]
    assert found.dropped == {"videos.duration_seconds is below 0": 1}


def test_columns_given_come_before_those_of_the_log(file: pathlib.Path) -> None:
    columns = ["videos.title=length", "videos.duration_seconds=video_id"]
    with pytest.raises(errors.UserError, match="your video_id"):
        new_videos_table.read(file, _DATA, columns)
    found = new_videos_table.read(file, _DATA, ["videos.title=length"])
    assert found.table["title"].to_list() == ["60", "-1"]


def test_a_channel_of_another_name_is_found_where_the_catalogue_has_channels() -> None:
    rows = pl.DataFrame({"video_id": ["v9"], "author": ["x"]})
    for name in ("author", "channel_id"):
        catalogue = _Catalogue(rows.rename({"author": name}), configs.DataConfig())
        found = new_videos_table.read(rows, catalogue)  # type: ignore[arg-type]
        assert found.table.to_dicts() == [{"video_id": "v9", name: "x"}]
    unread = rows.rename({"author": "topic"})
    assert new_videos_table.read(unread, catalogue).unread == ["topic"]  # type: ignore[arg-type]


def test_columns_of_another_table_are_refused(file: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"--columns=watches"):
        new_videos_table.read(file, _DATA, ["watches.time=t"])
