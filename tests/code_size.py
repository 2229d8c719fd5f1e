"""Counts the code by room, the tests, the experiments and the words of the documents.

    python -m tests.code_size                    # this tree
    python -m tests.code_size --base=v0.2        # this tree beside a revision

A line counts where it holds a token that is neither comment nor docstring.
"""

import argparse
import ast
import collections
import dataclasses
import io
import pathlib
import re
import subprocess
import tarfile
import tempfile
import tokenize
from collections.abc import Sequence

from tests import rooms

ENTRY = "training/candidates.py"
_HOME = pathlib.Path(__file__).parents[1]
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_WEB = {".html", ".css", ".js"}
_WRITTEN_BY_CODE = ("results.md", "side_by_side.md")
_MADE = re.compile(r"<!-- Made by:.*?<!-- End of what is made\. -->", re.S)
_PAGES = ("README.md", "BUILD.md", "CONTRIBUTING.md", "experiments/README.md")


def code_lines(text: str) -> int:
    """Returns the number of lines with a token that is no comment and no docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and ast.get_docstring(node) is not None:
                lines -= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(lines)


def _filled_lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def by_room(root: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Returns files and code lines of each room, of the core and of all.

    Every line of HTML, CSS and JavaScript counts that is not blank.

    Args:
      root: The package's folder.
    """
    files, lines = collections.Counter[str](), collections.Counter[str]()
    web = (each for each in root.rglob("*") if each.suffix in _WEB)
    pages = [each.relative_to(root).as_posix() for each in web]
    for path in (*rooms.paths(root), *pages):
        text = (root / path).read_text(encoding="utf-8")
        number = code_lines(text) if path.endswith(".py") else _filled_lines(text)
        room = rooms.room_of(path)
        beside = room in (rooms.LAB, rooms.OPS)
        for name in (room, "all", *([] if beside else ["core"])):
            files[name] += 1
            lines[name] += number
    order = (*rooms.CORE, "models", "core", rooms.LAB, rooms.OPS, "all")
    return {name: (files[name], lines[name]) for name in order if files[name]}


def num_lines(*folders: str) -> int:
    """Returns the lines of code of all Python files below folders of the repository."""
    paths = (path for each in folders for path in (_HOME / each).rglob("*.py"))
    return sum(code_lines(path.read_text(encoding="utf-8")) for path in paths)


def num_settings(shared_once: bool = False) -> int:
    """Returns the number of settings, those of every kind of a choice included.

    Args:
      shared_once: Whether a class of settings that two sections have, such as that of
        the training, counts once.
    """
    from ytdnn import configs
    from ytdnn.base.configs import setting_types
    from ytdnn.run.cli import settings_catalogue

    settings_catalogue.load_kinds()
    if not shared_once:
        return len(settings_catalogue.listed())
    classes = {cls for _, cls in setting_types.classes(configs.Config)}
    fields = [field for cls in classes for field in dataclasses.fields(cls)]
    return sum(
        field.name != configs.KIND and not dataclasses.is_dataclass(field.type)
        for field in fields
    )


def num_test_lines() -> int:
    """Returns the lines of code of the tests."""
    return num_lines("tests")


def num_experiment_lines() -> int:
    """Returns those of the experiments, the benchmarks and docs/."""
    return num_lines("experiments", "docs")


def words_of_pages() -> dict[str, int]:
    """Returns the number of hand-written words of each page, as `wc -w` counts.

    Left out are pages that `experiments.write_results` writes, tables that commands
    write ("Made by:"), and CHANGELOG.md.
    """
    pages = [*(_HOME / "docs").rglob("*.md"), *(_HOME / name for name in _PAGES)]
    return {
        path.relative_to(_HOME).as_posix(): len(
            _MADE.sub("", path.read_text(encoding="utf-8")).split()
        )
        for path in sorted(pages)
        if path.name not in _WRITTEN_BY_CODE
    }


def num_words() -> int:
    """Returns the number of hand-written words of all pages: see `words_of_pages`."""
    return sum(words_of_pages().values())


def unpacked(revision: str, home: pathlib.Path) -> pathlib.Path:
    """Writes the package of a revision into a folder, and returns the package's."""
    command = ["git", "archive", revision, "ytdnn"]
    packed = subprocess.run(
        command, cwd=rooms.ROOT.parent, stdout=subprocess.PIPE, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(home, filter="data")
    return home / "ytdnn"


def table(roots: Sequence[pathlib.Path]) -> str:
    """Returns the table of several trees, one beside the other."""
    counts = [by_room(root) for root in roots]
    lines = ["room        " + "   files  code lines" * len(roots)]
    for name in dict.fromkeys(name for each in counts for name in each):
        sizes = (each.get(name, (0, 0)) for each in counts)
        cells = (f"{files:8,}{lines:12,}" for files, lines in sizes)
        lines.append(f"{name:12}" + "".join(cells))
    if len(roots) == 1:
        lines += ["", f"settings    {num_settings():20,}"]
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", default="", help="revision to show first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        roots = [rooms.ROOT]
        if options.base:
            roots.insert(0, unpacked(options.base, pathlib.Path(home)))
        print(table(roots))
    print(f"\ntests       {num_test_lines():20,}")
    print(f"experiments {num_experiment_lines():20,}")
    print(f"modules     {len(rooms.imported_with(ENTRY)):20,}   of a training")
    print(f"words       {num_words():20,}   of the documents, by hand")


if __name__ == "__main__":
    main()
