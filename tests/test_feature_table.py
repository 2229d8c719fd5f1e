"""docs/features.md says of every feature what its declaration says."""

import pathlib

import pytest

from tests import extras
from ytdnn.base import errors
from ytdnn.features import base_feature, feature_choice

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE = DOCS / "features.md"
feature_table = extras.module(DOCS / "feature_table.py")


def row_of(name: str) -> list[str]:
    (line,) = (
        line
        for line in feature_table.markdown().splitlines()
        if line.startswith(f"| `{name}` |")
    )
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_is_current() -> None:
    text = PAGE.read_text()
    assert feature_table.renewed(text) == text


def test_every_feature_has_a_row() -> None:
    rows = feature_table.markdown().splitlines()[2:]
    every = feature_choice.declared()
    names = [f.name for f in every if type(f).__module__.startswith("ytdnn.")]
    assert [row.split("`")[1] for row in rows] == names


def test_a_row_says_what_is_declared() -> None:
    assert row_of("country")[1:7] == [
        "**candidates**, **ranking**",
        "user",
        "`users.country`",
        "read at request time",
        "embedding",
        "`country` (empty)",
    ]
    assert row_of("country")[7] == "The user's country."
    assert row_of("user_language")[1] == "candidates, **ranking**"
    assert row_of("example_age")[4] == "training-only; 0 when serving"
    assert row_of("video_click_rate")[4:7] == ["counter", "quantiles", "–"]
    assert "`impression_video_ids` (none)" in row_of("num_earlier_impressions")[6]


def test_citations_are_left_out() -> None:
    assert "§" not in feature_table.markdown()


def test_the_kinds_of_the_page_are_those_of_the_interface() -> None:
    text = PAGE.read_text()
    for kind in base_feature.Feature.__subclasses__():
        if kind.__module__ == base_feature.__name__:
            assert f"| `{kind.__name__}` |" in text


def test_a_page_is_renewed_in_its_place(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{feature_table.BEGIN}\nold\n{feature_table.END}\nbelow\n")
    feature_table.main([str(page)])
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert feature_table.markdown() in text
    assert "old" not in text


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(errors.UserError, match="expected a page with the lines"):
        feature_table.renewed("nothing here")
