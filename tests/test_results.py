"""README.md shows numbers of the results files alone, and docs/results.md is theirs."""

import pathlib
import re

import pytest

from experiments import write_results

ROOT = pathlib.Path(__file__).parents[1]
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def test_each_page_is_what_the_command_writes() -> None:
    pages = write_results.pages()
    assert len(pages) > 1
    for path, text in pages.items():
        assert path.read_text() == text, "run python -m experiments.write_results"


def test_every_result_says_where_it_comes_from() -> None:
    for name, result in write_results.read():
        assert result["measured"], name
        for origin in result["measured"]:
            assert re.fullmatch(r"[0-9a-f]{7,40}", origin["commit"]), (name, origin)
            assert origin["date"].startswith("20"), (name, origin)
            assert origin["command"].startswith(("ytdnn ", "python -m ")), (
                name,
                origin,
            )
        for table in result["tables"]:
            widths = {len(row) for row in table["rows"]}
            assert widths == {len(table["columns"])}, (name, table["caption"])


def test_every_number_of_the_readme_is_a_result() -> None:
    measured = {
        number
        for _, result in write_results.read()
        for table in result["tables"]
        for row in table["rows"]
        for cell in row
        for number in numbers(cell)
    }
    section = (ROOT / "README.md").read_text().split("## Results")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 4
    for row in rows:
        shown = [n for cell in row.split("|")[2:] for n in numbers(cell)]
        assert shown, row
        rounded = measured | {
            f"{float(n.replace(',', '')):.3f}" for n in measured if "." in n
        }
        assert set(shown) <= rounded, (row, set(shown) - rounded)


def test_the_readme_can_be_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=str)
def test_pages_are_on_the_site(path: pathlib.Path) -> None:
    assert re.search(rf"\b{path.name}\b", (ROOT / "mkdocs.yml").read_text())
