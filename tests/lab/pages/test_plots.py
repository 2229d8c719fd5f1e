import doctest
import math
import re
import types
from xml.etree import ElementTree

import hypothesis
import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import strategies

from ytdnn.lab.pages import page, plots

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


def corners(path: str) -> list[list[tuple[float, float]]]:
    """Returns the places of each piece of a path."""
    found = []
    for piece in path.split("M")[1:]:
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", piece)]
        found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return [places for places in found if len(places) > 1]


def lines(picture: str) -> list[list[tuple[float, float]]]:
    """Returns the corners of each joined line of a series."""
    return [
        places
        for path in all_of(picture, "path")
        if re.search("fill: none; stroke: var", path.get("style", ""))
        for places in corners(path.attrib["d"])
    ]


def band(picture: str) -> list[tuple[float, float]]:
    """Returns the corners of the one band."""
    [group] = [g for g in all_of(picture, "g") if "ty: 0.16" in g.get("style", "")]
    [use] = group
    paths = {path.get("id"): path.attrib["d"] for path in all_of(picture, "path")}
    [places] = corners(paths[use.attrib["href"].removeprefix("#")])
    return [(x, y + float(use.attrib["y"])) for x, y in places]


def tips(picture: str, mark: str = "use") -> list[str | None]:
    """Returns the tooltip of each mark."""
    found = [element.find(f"{SVG}title") for element in all_of(picture, mark)]
    return [title.text for title in found if title is not None]


@pytest.mark.parametrize("module", [plots, page], ids=str)
def test_examples_in_docstrings_run(module: types.ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_points_lie_where_their_values_say() -> None:
    one = plots.Series([0, 5, 10], [0.0, 1.0, 0.5])
    [[first, middle, last]] = lines(plots.lines("t", {"a": one}, "x", "y"))
    # x: equal steps; y: down on the screen is less, and 0.5 is half way.
    assert middle[0] - first[0] == pytest.approx(last[0] - middle[0], abs=0.1)
    assert first[1] > last[1] > middle[1]
    assert first[1] - last[1] == pytest.approx(last[1] - middle[1], abs=0.2)


def test_a_gap_breaks_the_line() -> None:
    one = plots.Series([1, 2, 3, 4, 5], [1.0, 2.0, None, math.nan, 3.0])
    picture = plots.lines("t", {"a": one}, "x", "y")
    assert [len(line) for line in lines(picture)] == [2]
    # The lonely last one is a dot.
    assert tips(picture) == ["a, 1: 1", "a, 2: 2", "a, 5: 3"]


def test_intervals_are_a_band_around_a_line_and_whiskers_at_points() -> None:
    values = {"x": [1, 2], "y": [2.0, 3.0], "low": [1.0, 2.0], "high": [3.0, 4.0]}
    picture = plots.lines("t", {"a": plots.Series(**values)}, "x", "y")
    [line] = lines(picture)
    ups = [y for x, y in band(picture) if x == line[0][0]]
    assert min(ups) < line[0][1] < max(ups)  # high above, low below
    points = plots.Series(**values, style="points")
    whiskers = lines(plots.lines("t", {"a": points}, "x", "y"))
    assert [(low[0], high[0]) for low, high in whiskers] == [
        (whiskers[0][0][0],) * 2,
        (whiskers[1][0][0],) * 2,
    ]


def test_bars_begin_at_zero_and_are_as_long_as_their_values() -> None:
    picture = plots.bars("t", ["a", "b", "c"], {"s": [1.0, 3.0, -1.0]})
    bars = [
        corners(path.attrib["d"])[0]
        for path in all_of(picture, "path")
        if path.find(f"{SVG}title") is not None
    ]
    ends = [(min(y for _, y in bar), max(y for _, y in bar)) for bar in bars]
    one, three, negative = [low - high for high, low in ends]
    assert three == pytest.approx(3 * one, abs=0.3)
    assert negative == pytest.approx(one, abs=0.2)
    assert ends[2][0] == pytest.approx(ends[0][1], abs=0.2)  # hangs from the zero line
    assert tips(picture, "path") == ["s, a: 1", "s, b: 3", "s, c: -1"]


def test_intervals_tell_their_numbers_when_pointed_at() -> None:
    picture = plots.intervals(
        "t", ["few", "many"], {"ours": [(0.25, 0.2, 0.3), (None, None, None)]}, "x"
    )
    assert tips(picture) == ["ours, few: 0.25 [0.2, 0.3]"]
    assert {"few", "many"} <= set(words_of(picture))


def test_a_model_keeps_its_colour_and_a_reference_is_grey() -> None:
    one = plots.Series([1, 2], [1, 2])
    picture = plots.lines(
        "t", {"line": one, "ours": one}, "x", "y", colours={"line": 0, "ours": 5}
    )
    paths = [path.get("style", "") for path in all_of(picture, "path")]
    drawn = [style for style in paths if "stroke: var(" in style]
    assert ["--muted" in style for style in drawn] == [True, False] * 2  # and legend
    assert ["--series-5, #" in style for style in drawn] == [False, True] * 2


def test_a_picture_has_a_name_and_real_text() -> None:
    one = plots.Series([1, 2], [1, 2])
    picture = plots.lines("A < B & C", {"a": one, "_$b$": one}, "days", "loss")
    root = parse(picture)
    assert root.attrib["aria-label"] == "A < B & C"
    assert root.attrib["role"] == "img"
    assert {"A < B & C", "days", "loss", "a", "_$b$"} <= set(words_of(picture))


def test_characters_that_no_font_or_page_has_are_drawn() -> None:
    name = "\x00\x1b影片\n2"
    picture = plots.bars(name, [name], {name: [1.0], "b": [2.0]}, name)
    assert "\x00" not in picture
    assert tips(picture, "path")[0] == "影片\n2, 影片\n2: 1"


def test_a_cloud_of_many_points_stays_small() -> None:
    x = np.arange(10_000)
    picture = plots.lines("t", {"a": plots.Series(x, x, style="points")}, "x", "y")
    assert len(all_of(picture, "use")) > len(x)
    assert len(picture) < 100 * len(x)


def test_settings_of_matplotlib_neither_change_a_plot_nor_are_changed() -> None:
    one = {"a": plots.Series([1, 2], [1, 2])}
    first = plots.lines("t", one, "x", "y")
    own = {"font.size": 30.0, "axes.facecolor": "red", "axes.grid": True}
    with mpl.rc_context(own):
        assert plots.lines("t", one, "x", "y") == first
        assert {name: mpl.rcParams[name] for name in own} == own
        assert mpl.rcParams["svg.fonttype"] == "path"


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
@hypothesis.settings(max_examples=25, deadline=None)
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


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.0, 0.55], ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        ([0, 1.2], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ([0, 40_000], ["0", "10k", "20k", "30k", "40k"]),
        ([0, 5e6], ["0", "1M", "2M", "3M", "4M", "5M"]),
    ],
)
def test_ticks_are_round_and_written_short(
    values: list[float], labels: list[str]
) -> None:
    one = {"a": plots.Series(values, [1, 1])}
    assert words_of(plots.lines("t", one, "x", "y"))[: len(labels)] == labels


def test_ticks_without_room_have_no_number() -> None:
    one = {"a": plots.Series([0, 40], [1, 1])}
    words = words_of(plots.lines("t", one, "x", "y", x_ticks=range(40)))
    numbers = [int(word) for word in words if word.isdigit()]
    assert {0, 39} - {*numbers} <= {39}
    assert 10 < len(numbers) < 30
