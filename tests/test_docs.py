"""docs/: sections that docstrings cite exist; the layout is that of the rule."""

import pathlib
import re

import pytest

from tests import rooms

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {"PAPER": DOCS / "paper.md", "DESIGN": DOCS / "design.md"}
# "PAPER §3.3, §4.1" cites two sections of one page.
CITATION = re.compile(r"\b(PAPER|DESIGN)\b((?:,?\s+§\d+(?:\.\d+)?[a-z]?)*)")
SECTION = re.compile(r"§(\d+(?:\.\d+)?[a-z]?)")
WRITTEN = [
    *(ROOT / name for name in ("README.md", "BUILD.md", "CONTRIBUTING.md")),
    ROOT / "experiments" / "README.md",
    *sorted(DOCS.glob("*.md")),
]
SOURCES = [
    path
    for room in ("ytdnn", "experiments")
    for path in sorted((ROOT / room).rglob("*.py"))
]


def sections(page: str) -> set[str]:
    headings = re.findall(r"^#+ (§\S+)", PAGES[page].read_text(), re.M)
    return {heading.removeprefix("§") for heading in headings}


def citations(text: str) -> list[tuple[str, list[str]]]:
    return [(page, SECTION.findall(cited)) for page, cited in CITATION.findall(text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_cited_section_exists(page: str) -> None:
    known = sections(page)
    for path in SOURCES:
        text = re.sub(r"\n\s*#? *", " ", path.read_text())
        for cited in (c for name, c in citations(text) if name == page):
            assert cited, f"{path}: {page} is cited without a section"
            assert set(cited) <= known, f"{path}: {page} {cited}"


def test_there_are_citations() -> None:
    cited = [c for path in SOURCES for c in citations(path.read_text())]
    assert sum(len(sections) for _, sections in cited) > 60
    assert citations("PAPER §3.3, §4.1; DESIGN §4b") == [
        ("PAPER", ["3.3", "4.1"]),
        ("DESIGN", ["4b"]),
    ]


def test_the_rows_of_the_design_are_those_of_the_rule() -> None:
    text = (DOCS / "design.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `([\w/]+)` \|", text, re.M)
    stated = {int(number): room for number, room in rows}
    assert stated == dict(enumerate(rooms.CORE, 1))


def test_the_picture_of_the_layout_is_the_tree_of_folders() -> None:
    (tree,) = re.findall(
        r"^ytdnn/\n((?:  .*\n)+)", (ROOT / "README.md").read_text(), re.M
    )
    shown = {line.split()[0]: line for line in tree.splitlines()}
    folders = {p.parent.name for p in (ROOT / "ytdnn").glob("*/__init__.py")}
    assert set(shown) == {f"{name}/" for name in folders}
    for name, line in shown.items():
        for inner in re.findall(r"(\w+)/", line.partition("/")[2]):
            assert (ROOT / "ytdnn" / name / inner).is_dir(), f"{name}{inner}"


def test_files_that_the_pages_name_exist() -> None:
    for page in WRITTEN:
        text = page.read_text()
        for name in re.findall(r"`((?:ytdnn|tests|experiments|docs)/[\w./]+)`", text):
            assert (ROOT / name).exists(), f"{page.name} names {name}"
        for link in re.findall(r"\]\(([^)#:\s]+)\)", text):
            is_made = link in ("reference/commands.md", "reference/settings.md")
            assert is_made or (page.parent / link).exists(), f"{page.name} links {link}"


def test_files_that_are_named_by_their_room_exist() -> None:
    """As `lab/world/policy.py` in pages and docstrings, below `ytdnn/`."""
    assert [
        (path.name, name)
        for path in [*WRITTEN, *sorted((ROOT / "ytdnn").rglob("*.py"))]
        for name in re.findall(r"`([a-z_]+(?:/\w+)+\.py)`", path.read_text())
        if not (ROOT / name).exists() and not (ROOT / "ytdnn" / name).exists()
    ] == []
