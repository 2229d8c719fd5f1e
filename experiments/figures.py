"""Draws the paper's figures from the results of the experiments.

    python -m experiments.figures

Reads experiments/results/paper_figures.json and writes docs/figures/*.svg, which
docs/figures.md shows. Needs matplotlib (`pip install -c constraints.txt '.[docs]'`).
"""

import json
import pathlib
import re
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results" / "paper_figures.json"
PICTURES = ROOT / "docs" / "figures"
# The same file for the same numbers: no date, ids from a fixed salt.
_STABLE = {"Date": None}
_STYLE: Any = {
    "svg.hashsalt": "ytdnn",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def main() -> None:
    """Writes the pictures."""
    tables = {t["caption"]: t for t in json.loads(RESULTS.read_text())["tables"]}
    with mpl.rc_context(_STYLE):
        for caption, table in tables.items():
            name = re.sub(r"\W+", "_", caption.partition(":")[0].lower()).strip("_")
            figure = _draw(caption, table)
            figure.savefig(PICTURES / f"{name}.svg", metadata=_STABLE)
            pyplot.close(figure)
            print(f"wrote docs/figures/{name}.svg")


def _draw(caption: str, table: dict[str, Any]) -> Any:
    """Returns the picture of a table, with the axes of the paper."""
    if caption.startswith("Figure 4"):
        return _curves(table, "days since upload", "class probability, thousandths")
    if caption.startswith("Figure 5"):
        return _bars(table, "watch seconds a visit, live")
    if caption.startswith("Figure 6"):
        return _curves(table, "depth of the tower", "holdout MAP@100")
    return _curves(_transposed(table), "hidden layers", "weighted per-user loss")


def _curves(table: dict[str, Any], x: str, y: str) -> Any:
    """Returns a line for each row of a table over its columns."""
    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    ticks = table["columns"][1:]
    places = [float(t) for t in ticks] if _are_numbers(ticks) else range(len(ticks))
    for label, *values in table["rows"]:
        axes.plot(places, [float(v) for v in values], marker="o", ms=3, label=label)
    axes.set_xticks(list(places), ticks)
    axes.set(xlabel=x, ylabel=y)
    axes.legend(frameon=False)
    return figure


def _bars(table: dict[str, Any], y: str) -> Any:
    """Returns groups of bars with intervals, a group for each column of a table."""
    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    width = 0.8 / len(table["rows"])
    for number, (label, *cells) in enumerate(table["rows"]):
        values, errors = zip(*(map(float, c.split(" ± ")) for c in cells), strict=True)
        places = [i + number * width for i in range(len(cells))]
        axes.bar(places, values, width, yerr=errors, capsize=3, label=label)
    ticks = [i + width * (len(table["rows"]) - 1) / 2 for i in range(len(cells))]
    axes.set_xticks(ticks, table["columns"][1:])
    axes.set_ylabel(y)
    axes.legend(frameon=False)
    return figure


def _transposed(table: dict[str, Any]) -> dict[str, Any]:
    """Returns a table with rows and columns exchanged."""
    lines = list(zip(table["columns"], *table["rows"], strict=True))
    return {"columns": lines[0], "rows": lines[1:]}


def _are_numbers(texts: list[str]) -> bool:
    return all(re.fullmatch(r"-?\d+(\.\d+)?", text) for text in texts)


if __name__ == "__main__":
    main()
