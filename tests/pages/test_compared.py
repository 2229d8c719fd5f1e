"""The table of a comparison: what surely differs is marked, and what a model sees."""

import math

from rich import console

from ytdnn.evaluation import compare
from ytdnn.pages import compared

DIFFERENCES = [
    compare.Difference("candidates", "hit_rate@1", 0.2, 0.5, 0.3, 0.1, 0.5),
    compare.Difference("candidates", "ndcg@5", 0.2, 0.3, 0.1, -0.1, 0.3),
    compare.Difference("candidates", "coverage@5", 0.4, 0.3, -0.1, math.nan, math.nan),
]


def shown(marks: list[str], width: int = 80) -> str:
    found = compare.Comparison(DIFFERENCES, 1_200, 7, [], marks)
    screen = console.Console(width=width)
    with screen.capture() as capture:
        screen.print(compared.render(found))
    return capture.get()


def test_what_surely_differs_is_marked() -> None:
    text = shown([])
    row = {name: line for line in text.splitlines() for name in line.split()[1:2]}
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
