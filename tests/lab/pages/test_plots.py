import doctest
import math
import re
import types
from xml.etree import ElementTree

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from ytdnn.lab.pages import page, plots, scales, svg

SVG = "{http://www.w3.org/2000/svg}"
Numbers = strategies.one_of(
    strategies.none(), strategies.floats(), strategies.integers(-(10**12), 10**12)
)


def parse(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def all_of(picture: str, name: str) -> list[ElementTree.Element]:
    return list(parse(picture).iter(SVG + name))


def words_of(picture: str) -> list[str]:
    return [element.text or "" for element in all_of(picture, "text")]


def places(picture: str, name: str) -> list[list[tuple[float, float]]]:
    """Returns the corners of each polyline or polygon."""
    return [
        [
            (float(x), float(y))
            for x, y in (pair.split(",") for pair in element.attrib["points"].split())
        ]
        for element in all_of(picture, name)
    ]


@pytest.mark.parametrize("module", [scales, svg, plots, page], ids=str)
def test_examples_in_docstrings_run(module: types.ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_points_lie_where_their_values_say() -> None:
    one = plots.Series([0, 5, 10], [0.0, 1.0, 0.5])
    picture = plots.lines("t", {"a": one}, "x", "y")
    [[first, middle, last]] = places(picture, "polyline")
    # x: equal steps; y: down on the screen is less, and 0.5 is half way.
    assert middle[0] - first[0] == pytest.approx(last[0] - middle[0], abs=0.1)
    assert first[1] > last[1] > middle[1]
    assert first[1] - last[1] == pytest.approx(last[1] - middle[1], abs=0.2)


def test_equal_ratios_are_equal_distances_on_a_log_axis() -> None:
    one = plots.Series([1, 10, 100], [1, 10, 100])
    picture = plots.lines("t", {"a": one}, "x", "y", log_x=True, log_y=True)
    [[(x0, y0), (x1, y1), (x2, y2)]] = places(picture, "polyline")
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)


def test_a_gap_breaks_the_line() -> None:
    one = plots.Series([1, 2, 3, 4, 5], [1.0, 2.0, None, math.nan, 3.0])
    picture = plots.lines("t", {"a": one}, "x", "y")
    assert [len(line) for line in places(picture, "polyline")] == [2]
    assert len(all_of(picture, "circle")) == 3  # the lonely last one is a dot


def test_intervals_are_a_band_around_a_line_and_whiskers_at_points() -> None:
    values = {"x": [1, 2], "y": [2.0, 3.0], "low": [1.0, 2.0], "high": [3.0, 4.0]}
    band = plots.lines("t", {"a": plots.Series(**values)}, "x", "y")
    [corners] = places(band, "polygon")
    [line] = places(band, "polyline")
    assert corners[0][1] < line[0][1] < corners[-1][1]  # high above, low below
    points = plots.Series(**values, style="points")
    assert not places(plots.lines("t", {"a": points}, "x", "y"), "polyline")
    whiskers = [
        element
        for element in all_of(plots.lines("t", {"a": points}, "x", "y"), "line")
        if "series" in element.attrib["stroke"]
    ]
    assert len(whiskers) == 2


def test_a_staircase_holds_its_value_until_the_next() -> None:
    one = plots.Series([0, 1, 2], [0.0, 1.0, 1.0], style="steps")
    [corners] = places(plots.lines("t", {"a": one}, "x", "y"), "polyline")
    assert len(corners) == 5
    assert corners[1][1] == corners[0][1]
    assert corners[1][0] == corners[2][0]


def test_bars_begin_at_zero_and_are_as_long_as_their_values() -> None:
    picture = plots.bars("t", ["a", "b", "c"], {"s": [1.0, 3.0, -1.0]})
    one, three, negative = all_of(picture, "rect")
    heights = [float(bar.attrib["height"]) for bar in (one, three, negative)]
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.3)
    assert heights[2] == pytest.approx(heights[0], abs=0.2)
    zero = float(negative.attrib["y"])  # hangs from the zero line
    assert float(one.attrib["y"]) + heights[0] == pytest.approx(zero, abs=0.2)


def test_intervals_tell_their_numbers_when_pointed_at() -> None:
    picture = plots.intervals(
        "t", ["few", "many"], {"ours": [(0.25, 0.2, 0.3), (None, None, None)]}, "x"
    )
    tips = [element.text for element in all_of(picture, "title")]
    assert tips == ["ours, few: 0.25 [0.2, 0.3]"]
    assert {"few", "many"} <= set(words_of(picture))


def test_a_model_keeps_its_colour_and_a_reference_is_grey() -> None:
    one = plots.Series([1, 2], [1, 2])
    picture = plots.lines(
        "t", {"line": one, "ours": one}, "x", "y", colours={"line": 0, "ours": 5}
    )
    strokes = [element.attrib["stroke"] for element in all_of(picture, "polyline")]
    assert strokes == [svg.colour(0), svg.colour(5)]
    assert "--muted" in strokes[0]


def test_a_picture_has_a_name_and_real_text() -> None:
    one = plots.Series([1, 2], [1, 2])
    picture = plots.lines("A < B & C", {"a": one, "b": one}, "days", "loss")
    root = parse(picture)
    assert root.attrib["aria-label"] == "A < B & C"
    assert root.attrib["role"] == "img"
    assert {"A < B & C", "days", "loss", "a", "b"} <= set(words_of(picture))


def test_long_words_are_wrapped_into_the_picture() -> None:
    label = "a very long name of an axis that does not fit into one line of it"
    picture = plots.bars(label, ["1"], {"a": [1]}, label, label)
    lines = [words for words in words_of(picture) if words and words in label]
    assert max(svg.text_width(words) for words in lines[:-1]) <= svg.WIDTH
    assert len(lines) > 3


def test_arrays_are_drawn_as_lists_are() -> None:
    x, y = [1, 10, 100], [0.5, 0.25, 0.125]
    of_lists = plots.Series(x, y, y, y, "points")
    of_arrays = plots.Series(*map(np.array, (x, y, y, y)), "points")
    drawn = [
        plots.lines("t", {"a": one}, "x", "y", log_x=True, x_ticks=ticks)
        for one, ticks in ((of_lists, x), (of_arrays, np.array(x)))
    ]
    assert drawn[0] == drawn[1]


def test_a_cloud_of_many_points_stays_small() -> None:
    x = np.arange(10_000)
    picture = plots.lines("t", {"a": plots.Series(x, x, style="points")}, "x", "y")
    assert len(all_of(picture, "circle")) == len(x)
    assert len(picture) < 100 * len(x)


def test_lengths_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="expected as many y as x"):
        plots.Series([1, 2], [1])
    with pytest.raises(ValueError, match="both low and high"):
        plots.Series([1], [1], low=[0])
    with pytest.raises(ValueError, match="expected 2 values of ours"):
        plots.bars("t", ["a", "b"], {"ours": [1]})


@hypothesis.given(
    values=strategies.lists(strategies.tuples(Numbers, Numbers, Numbers, Numbers)),
    style=strategies.sampled_from(["line", "points", "steps"]),
    log=strategies.booleans(),
)
@hypothesis.settings(max_examples=150, deadline=None)
def test_any_numbers_make_a_picture_of_finite_places(
    values: list[tuple[float, ...]], style: str, log: bool
) -> None:
    x, y, low, high = ([row[i] for row in values] for i in range(4))
    series = {"<&>": plots.Series(x, y, low, high, style)}  # type: ignore[arg-type]
    picture = plots.lines("t", series, "x", "y", log_x=log, log_y=log)
    parse(picture)
    assert not re.search(r"nan|inf", re.sub(r"<title>.*?</title>", "", picture))
    assert picture == plots.lines("t", series, "x", "y", log_x=log, log_y=log)
    rows = {"<&>": list(zip(y, low, high, strict=True))}
    names = [str(place) for place in range(len(y))]
    parse(plots.intervals("t", names, rows, "x"))
    parse(plots.bars("t", names, {"a": y}))


@hypothesis.given(
    low=strategies.floats(-1e12, 1e12),
    width=strategies.floats(0, 1e12),
    log=strategies.booleans(),
)
@hypothesis.settings(deadline=None)
def test_an_axis_holds_its_values_and_its_ticks_ascend(
    low: float, width: float, log: bool
) -> None:
    values = [low, low + width]
    axis = scales.scale(values, 0.0, 100.0, log=log)
    assert all(a < b for a, b in zip(axis.ticks, axis.ticks[1:], strict=False))
    assert 1 <= len(axis.ticks) <= 16
    for value in values:
        if axis.holds(value):
            assert -1.0 <= axis(value) <= 101.0


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0, 1.1], ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]),
        ([0, 40_000], ["0", "10k", "20k", "30k", "40k"]),
        ([0, 5e6], ["0", "1M", "2M", "3M", "4M", "5M"]),
    ],
)
def test_ticks_are_round_and_written_short(
    values: list[float], labels: list[str]
) -> None:
    assert scales.scale(values, 0, 1).labels() == labels


def test_log_ticks_are_decades_when_there_are_many() -> None:
    assert scales.scale([1, 1e6], 0, 1, log=True).ticks[:3] == (1.0, 10.0, 100.0)
    assert scales.scale([3, 40], 0, 1, log=True).ticks == (2.0, 5.0, 10.0, 20.0, 50.0)
