"""Writes docs/results.md, and other pages, from the files of experiments/results.

    python -m experiments.write_results

A results file holds the numbers of one question with where they come from: `title`,
`protocol`, `tables` (each with `caption`, `columns`, `rows`), `measured` (what was
measured, by which command, at which commit, when, on which machine), and `notes`.
`order` is its place on the page. `tests/test_results.py` fails where the page is not
what this command writes, or where README.md shows a number that no file holds.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

RESULTS = pathlib.Path(__file__).parent / "results"
PAGE = pathlib.Path(__file__).parents[1] / "docs" / "results.md"
_HEAD = """\
# Results

Every number of the README with its protocol, command, commit and date. This page is
written by `python -m experiments.write_results` from `experiments/results/*.json`.
What each experiment claims and how it was tuned is in its docstring
([index of the experiments](../experiments/README.md)). How metrics and protocols are
defined: [evaluation](evaluation.md).
"""


def read() -> list[tuple[str, dict[str, Any]]]:
    """Returns the name and content of each results file, in the order of the page."""
    files = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    return sorted(files.items(), key=lambda item: (item[1]["order"], item[0]))


def pages() -> dict[pathlib.Path, str]:
    """Returns the text of docs/results.md and of results that have a page of their own.

    A file with `page` has one, whose first lines are its `lead`.
    """
    own = {name: result for name, result in read() if "page" in result}
    others = [_section(*found) for found in read() if found[0] not in own]
    texts = {PAGE: "\n".join([_HEAD, *others])}
    for name, result in own.items():
        title, _, rest = _section(name, result).partition("\n")
        texts[PAGE.parent / result["page"]] = f"{title[1:]}\n\n{result['lead']}\n{rest}"
    return texts


def _section(name: str, result: dict[str, Any]) -> str:
    """Returns the section of one results file as Markdown."""
    parts = [f"## {result['title']}", result["protocol"]]
    for table in result["tables"]:
        caption = [f"**{table['caption']}**"] if table["caption"] else []
        parts += [*caption, _table(table["columns"], table["rows"])]
    parts += [f"- {note}" for note in result["notes"]]
    origins = ["what", "commit", "date", "machine"]
    rows = [[origin[key] for key in origins] for origin in result["measured"]]
    parts += [f"Measured (`experiments/results/{name}.json`):", _table(origins, rows)]
    commands = [origin["command"] for origin in result["measured"]]
    parts.append("```sh\n" + "\n".join(dict.fromkeys(commands)) + "\n```")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    """Joins blocks by a blank line, and items of one list by a line break."""
    text = ""
    for before, part in zip(["", *parts], parts, strict=False):
        both_items = before.startswith("- ") and part.startswith("- ")
        text += ("" if not text else "\n" if both_items else "\n\n") + part
    return text + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Writes the pages."""
    for path, text in pages().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(PAGE.parents[1])}")


if __name__ == "__main__":
    main()
