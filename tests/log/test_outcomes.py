"""Outcomes of impressions: read, checked, prepared, appended."""

import pathlib

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import prepare, prepared
from ytdnn.log.sources import memory_tables
from ytdnn.ops.refresh import append

Path = pathlib.Path

_START = 1_600_000_000
_NAN = float("nan")


def _tables(**columns: list) -> dict[str, pl.DataFrame]:
    """Returns two users' watches, and four impressions with outcomes."""
    events = {
        "user_id": ["a", "b", "a", "b"],
        "video_id": ["v", "v", "w", "w"],
        "time": [_START, _START + 1, _START + 2, _START + 3],
    }
    shown = events | {"clicked": [True, False, True, False]} | columns
    return {
        "watches": pl.DataFrame(events),
        "impressions": pl.DataFrame(shown, strict=False),
    }


def _prepare(
    directory: Path, tables: dict[str, pl.DataFrame], *names: str, **more: str
) -> prepared.PreparedData:
    config = configs.DataConfig(
        source="tables",
        protocol="leave_one_out",
        outcomes=names,
        **more,  # type: ignore[arg-type]
    )
    return prepare.prepare(config, directory, memory_tables.from_frames(tables))


def test_outcomes_are_an_array_with_names_in_the_manifest(tmp_path: Path) -> None:
    given = _tables(
        price=[None, 2.5, 0.0, 7.0],
        saved=[True, False, None, True],
        liked=[1, None, 0, 1],
        disliked=["false", "true", None, "0"],
        other=[1, 2, 3, 4],
    )
    data = _prepare(tmp_path / "data", given, "saved", "price")
    # Those of the schema in its order, then others by name; nothing of the rest.
    assert [one.name for one in data.catalogue.outcomes] == [
        "liked",
        "disliked",
        "price",
        "saved",
    ]
    assert data.catalogue.columns >= {"impressions.saved", "impressions.liked"}
    assert "impressions.other" not in data.catalogue.columns
    # Sorted by user: a's rows are the first and the third.
    expected = [[1, 0, _NAN, 1], [0, _NAN, 0, _NAN], [_NAN, 1, 2.5, 0], [1, 0, 7, 1]]
    found = data.impressions.outcomes
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected, np.float32))
    liked, disliked, price, saved = data.catalogue.outcomes
    assert (liked.kind, liked.num_known, liked.mean) == ("binary", 3, 2 / 3)
    assert (disliked.kind, disliked.num_known) == ("binary", 3)
    assert (price.kind, price.mean, price.largest) == ("amount", 9.5 / 3, 7.0)
    assert (saved.kind, saved.num_known, saved.largest) == ("binary", 3, 1.0)


def test_own_outcomes_are_read_as_words_too(tmp_path: Path) -> None:
    given = _tables(saved=["S", "N", None, "s"], price=["2.5", "0", "1", "7"])
    data = _prepare(tmp_path / "data", given, "saved", "price")
    price, saved = data.catalogue.outcomes
    assert (saved.kind, saved.num_known, saved.mean) == ("binary", 3, 2 / 3)
    assert (price.kind, price.largest) == ("amount", 7.0)


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        (
            {"liked": [1, 2, 0, 1]},
            (),
            r"impressions\.liked to be true or false .*, found 2 in row",
        ),
        (
            {"price": [1.0, -2.0, 0, 1]},
            ("price",),
            r"number of at least 0, found -2\.0",
        ),
        ({"price": ["1", "x", "0", "1"]}, ("price",), r"to be a number, found 'x'"),
        ({"price": [[1], [2], [0], [1]]}, ("price",), r"column of type List"),
        ({"price": [1, 2, 0, 1]}, ("prices",), r"prices.*did you mean price\?"),
    ],
)
def test_faults_are_one_line(
    tmp_path: Path, columns: dict[str, list], names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(errors.UserError, match=message) as raised:
        _prepare(tmp_path / "data", _tables(**columns), *names)
    assert "\n" not in str(raised.value)


def test_bad_rows_of_outcomes_are_dropped_and_counted(tmp_path: Path) -> None:
    given = _tables(price=[1.0, -2.0, 0.0, 1e31])
    data = _prepare(tmp_path / "data", given, "price", bad_rows="drop")
    assert len(data.impressions) == 2
    assert data.manifest.facts["bad_rows"] == {
        "impressions.price is below 0": 1,
        "impressions.price is above 1e+30": 1,
    }


@pytest.mark.parametrize("name", ["clicked", "user", "scores", "two words", ""])
def test_names_of_another_meaning_are_refused(name: str) -> None:
    with pytest.raises(errors.SettingError, match="outcomes"):
        configs.DataConfig(outcomes=(name,))


def test_outcomes_without_clicks_are_noted(tmp_path: Path) -> None:
    given = _tables(
        liked=[1, 1, 1, 0],  # most where it was clicked
        disliked=[0, 1, 0, 1],
        price=[0.0, 2.0, None, 3.0],
    )
    warnings = _prepare(tmp_path / "data", given, "price").manifest.facts["warnings"]
    assert [line for line in warnings if "not clicked" in line] == [
        "note: 2 of 2 impressions with price were not clicked: check that "
        "impressions.price is of this impression, not of the video"
    ]


def test_outcomes_of_new_events_lie_behind_the_old(tmp_path: Path) -> None:
    config = configs.DataConfig(
        source="tables", outcomes=("price",), test_fraction=0.3, ranking_fraction=0.3
    )
    first = memory_tables.from_frames(_tables(price=[1.0, 0.0, 1.0, None]))
    old = prepare.prepare(config, tmp_path / "old", first)
    assert old.catalogue.outcomes[0].kind == "binary"
    later = _tables(price=[5.0, 6.0, 7.0, 8.0])
    later = {k: v.with_columns(pl.col("time") + 10) for k, v in later.items()}
    log = memory_tables.read(config, memory_tables.from_frames(later))
    both = append.append(old, log, tmp_path / "both", {})
    found = np.asarray(both.impressions.outcomes)[:, 0].tolist()
    assert found[:5] == [1.0, 1.0, 5.0, 7.0, 0.0]
    assert np.isnan(found[5])
    assert (both.catalogue.outcomes[0].kind, both.catalogue.outcomes[0].num_known) == (
        "amount",
        7,
    )
