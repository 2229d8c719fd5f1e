"""The table of a comparison: what surely differs is marked, and what a model sees."""

import math

from rich import console

from ytdnn.evaluation import compare
from ytdnn.evaluation.compare import Difference
from ytdnn.evaluation.terminal import compared

DIFFERENCES = [
    Difference("candidates", "hit_rate@1", 0.2, 0.5, 0.3, 0.1, 0.5),
    Difference("candidates", "ndcg@5", 0.2, 0.3, 0.1, -0.1, 0.3),
    Difference("candidates", "coverage@5", 0.4, 0.3, -0.1, math.nan, math.nan),
]


def shown(marks: list[str], width: int = 80) -> str:
    found = compare.Comparison(
        compare.headline(DIFFERENCES), DIFFERENCES, 1_200, 7, [], marks
    )
    screen = console.Console(width=width)
    with screen.capture() as capture:
        screen.print(compared.render(found))
    return capture.get()


def test_what_surely_differs_is_marked() -> None:
    text = shown([])
    lines = text.splitlines()
    assert lines[0].startswith("The second is better: hit rate")
    assert "[+0.1000, +0.5000]" in " ".join(lines[:3])
    assert "over 1,200 users" in " ".join(lines[:3])
    row = {name: line for line in lines for name in line.split()[1:2]}
    assert "+0.3000*" in row["hit_rate@1"]
    assert "+0.1000*" not in row["ndcg@5"]
    assert "–" in row["coverage@5"]
    assert "*" not in row["coverage@5"]
    assert "1,200 users in both, 7 in only one" in text
    assert "…" not in text


def test_marks_stand_below() -> None:
    words = "second sees request time"
    assert words in shown([words], 200)
    assert words not in shown([], 200)


def of(metric: str, low: float, high: float, model: str = "system") -> Difference:
    middle = (low + high) / 2
    return Difference(model, metric, 1.0, 1.0 + middle, middle, low, high)


def test_what_two_reports_come_to() -> None:
    """By the best yardstick of both, at 10; a loss is better where there is less."""
    differences = [
        of("hit_watch_seconds@10", 1.0, 3.0, "popularity"),
        of("hit_watch_seconds@10", 1.0, 3.0, "candidates"),
        of("hit_watch_seconds@50", 1.0, 3.0),
        of("hit_watch_seconds@10", -3.0, -1.0),
        of("hit_rate@10", 1.0, 3.0),
        of("auc", 0.1, 0.3, "ranker"),
    ]
    found = compare.headline(differences)
    assert found == compare.Headline(compare.WORSE, differences[3])
    without = [one for one in differences if one.model != "system"]
    found = compare.headline(without)
    assert found == compare.Headline(compare.BETTER, differences[1])
    unsure = [of("true_watch_seconds@5", -1.0, 3.0), of("auc", 0.1, 0.3, "ranker")]
    found = compare.headline(unsure)
    assert found == compare.Headline(compare.NO_DIFFERENCE, unsure[0])
    assert compare.headline(differences[:1]) is None
    nothing = of("hit_rate@10", math.nan, math.nan)
    assert compare.headline([nothing]) == compare.Headline("no difference", nothing)


def test_what_is_the_same_in_both_has_no_table() -> None:
    same = [of("hit_rate@1", 0.0, 0.0, name) for name in ("popularity", "oracle")]
    found = compare.Comparison(None, [*same, *DIFFERENCES], 9, 0, [], [])
    screen = console.Console(width=100)
    with screen.capture() as capture:
        screen.print(compared.render(found))
    text = capture.get()
    assert "popularity" not in text.partition("9 users in both")[0]
    assert "The same in both: " in text
