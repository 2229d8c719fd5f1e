"""The package is written in the words of the field; `tests/language.py` counts them."""

import ast
import pathlib

import pytest

from tests import language


def places(found: list[language.Text]) -> list[str]:
    return [f"{text.path}:{text.line} {text.text.splitlines()[0]}" for text in found]


def test_first_lines_name_their_subject() -> None:
    assert places(language.first_lines_with_what(language.ROOT)) == []


def test_arguments_name_their_subject() -> None:
    assert places(language.arguments_with_of(language.ROOT)) == []


def test_functions_say_their_verb() -> None:
    assert places(language.functions_named_of(language.ROOT)) == []


def test_a_public_class_name_stands_in_one_file() -> None:
    assert language.shared_class_names(language.ROOT) == {}


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    source = '''
"""What it is."""

class Shared:
    """A class."""

    def of(self, rows):
        """Returns what is in them.

        Args:
          rows: Of the table.
        """
        raise ValueError(f"expected rows, received {rows}")
'''
    for name in ("one", "two"):
        (tmp_path / "ytdnn").mkdir(exist_ok=True)
        (tmp_path / "ytdnn" / f"{name}.py").write_text(source)
    return tmp_path


def test_the_guards_find_what_they_forbid(tree: pathlib.Path) -> None:
    assert len(language.first_lines_with_what(tree)) == 4
    found = language.arguments_with_of(tree)
    assert [text.text for text in found] == ["rows: Of the table."] * 2
    assert {text.line for text in found} == {11}
    assert len(language.functions_named_of(tree)) == 2
    expected = {"Shared": ["ytdnn/one.py", "ytdnn/two.py"]}
    assert language.shared_class_names(tree) == expected
    assert ast.literal_eval(language.counts(tree)["functions named `of`"]) == 2


def test_errors_are_listed_with_their_owner(tree: pathlib.Path) -> None:
    (error, _) = language.errors(tree)
    assert error.owner == "Shared.of #1"
    assert "expected rows" in error.text
