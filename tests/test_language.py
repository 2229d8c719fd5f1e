"""The package is written in the words of the field: guards of its docstrings."""

import ast
import collections
import pathlib
import re
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_ARGUMENT = re.compile(r"^ +\*{0,2}\w+(?: \([^)]*\))?: Of ", re.M)
_PARTICIPLE = re.compile(r"_?(Made|Kept|Shown|Chosen|Drawn|Found|[A-Z][a-z]+ed)")
_FIRST_LINE = re.compile(r"(What|Returns what|Yields what)\b")


def files(root: pathlib.Path) -> list[pathlib.Path]:
    """Returns the Python files of the package below a root."""
    return sorted((root / "ytdnn").rglob("*.py"))


def nodes(root: pathlib.Path) -> Iterator[tuple[str, ast.AST]]:
    """Yields every node of the package with its place."""
    for path in files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}", node


def docstrings(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yields every docstring with its place."""
    for place, node in nodes(root):
        if isinstance(node, ast.Module | ast.ClassDef | _FUNCTIONS):
            text = ast.get_docstring(node)
            if text:
                yield place, text


def first_lines_with_what(root: pathlib.Path) -> list[str]:
    """Returns the places of docstrings that begin "What" or "Returns what"."""
    return [place for place, text in docstrings(root) if _FIRST_LINE.match(text)]


def arguments_with_of(root: pathlib.Path) -> list[str]:
    """Returns the places of docstrings in which an argument's text begins "Of"."""
    return [place for place, text in docstrings(root) if _ARGUMENT.search(text)]


def functions_named_of(root: pathlib.Path) -> list[str]:
    """Returns the places of functions named `of`."""
    return [
        place
        for place, node in nodes(root)
        if isinstance(node, _FUNCTIONS) and node.name == "of"
    ]


def shared_class_names(root: pathlib.Path) -> list[str]:
    """Returns the public classes defined in two files or more."""
    names = collections.Counter(
        node.name
        for path in files(root)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return [name for name, number in names.items() if number > 1]


def results_named_found(root: pathlib.Path) -> list[str]:
    """Returns the places of variables and arguments named `found`."""
    return [
        place
        for place, node in nodes(root)
        if (isinstance(node, ast.Name) and node.id == "found")
        or (isinstance(node, ast.arg) and node.arg == "found")
    ]


def functions_starting_with_of(root: pathlib.Path) -> list[str]:
    """Returns the places of functions that begin with `of_`."""
    return [
        place
        for place, node in nodes(root)
        if isinstance(node, _FUNCTIONS) and node.name.lstrip("_").startswith("of_")
    ]


def renamed_modules(root: pathlib.Path) -> list[str]:
    """Returns the places of modules imported as `…_room`."""
    return [
        place
        for place, node in nodes(root)
        if isinstance(node, ast.alias) and (node.asname or "").endswith("_room")
    ]


def participle_classes(root: pathlib.Path) -> list[str]:
    """Returns the places of classes named by a participle only, such as `Kept`."""
    return [
        place
        for place, node in nodes(root)
        if isinstance(node, ast.ClassDef) and _PARTICIPLE.fullmatch(node.name)
    ]


# The most of each; the numbers only go down.
BOUNDS = {
    results_named_found: 4,
    functions_starting_with_of: 0,
    renamed_modules: 0,
    participle_classes: 4,
}


@pytest.mark.parametrize("count", BOUNDS)
def test_foreign_names_become_fewer(count: object) -> None:
    assert len(count(ROOT)) <= BOUNDS[count]


GUARDS = (
    first_lines_with_what,
    arguments_with_of,
    functions_named_of,
    shared_class_names,
)


@pytest.mark.parametrize("guard", GUARDS)
def test_the_package_is_plain(guard: object) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize("guard", GUARDS)
def test_the_guards_find_what_they_forbid(
    guard: object, tmp_path: pathlib.Path
) -> None:
    source = '"""What it is."""\n\nclass Shared:\n    """A class."""\n\n'
    source += '    def of(self, rows):\n        """Is.\n\n        Args:\n'
    source += '          rows: Of the table.\n        """\n'
    (tmp_path / "ytdnn").mkdir()
    for name in ("one", "two"):
        (tmp_path / "ytdnn" / f"{name}.py").write_text(source)
    assert len(guard(tmp_path)) == (1 if guard is shared_class_names else 2)
