"""Commands and flags that messages advise are ones that the command line takes."""

import ast
import functools
import pathlib
import re
import shlex

import pytest

import ytdnn
from ytdnn.base import errors
from ytdnn.run.cli import command, main

_ROOT = pathlib.Path(ytdnn.__file__).parent
_BY_NAME = {each.name: each for each in main.COMMANDS}
_ADVISED = re.compile(r"`ytdnn ([^`]+)`|next: ytdnn (.+)$|ytdnn ((?:train|run) --.+)$")


def _texts(path: pathlib.Path) -> list[str]:
    """Returns the texts of a module, what is filled in as X; docstrings left out."""
    found: list[str] = []
    source = path.read_text()
    if "ytdnn " not in source:
        return found
    tree = ast.parse(source)
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in documented or id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [getattr(p, "value", "X") for p in node.values]
            found.append("".join(p if isinstance(p, str) else "X" for p in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


@functools.cache
def _advised() -> list[str]:
    found = []
    for path in sorted(_ROOT.rglob("*.py")):
        for text in _texts(path):
            for match in _ADVISED.finditer(text):
                line = next(filter(None, match.groups())).strip()
                found.append(line.rstrip(")"))
    return sorted(set(found))


def _parse(line: str) -> None:
    """Reads a command line as the program does."""
    words = shlex.split(line.replace("…", "X"))
    two = " ".join(words[:2])
    name = two if two in _BY_NAME else words[0]
    if name == "X":
        return  # any command
    asked, rest = _BY_NAME[name], words[len(name.split()) :]
    if "--" in rest:
        rest = rest[: rest.index("--")]
    if not any(word.startswith("-") for word in rest) or "--help" in rest:
        return
    rest = [word for word in rest if "--config.X" not in word]
    try:
        command.parse(name, asked.flags, rest, asked.operands)
    except errors.UserError as error:
        # A part of a command is advised where its flags are the point.
        if "received none" not in str(error):
            raise


@pytest.mark.parametrize("line", _advised())
def test_an_advised_command_is_one(line: str) -> None:
    _parse(line)


def test_there_are_such_commands() -> None:
    assert len(_advised()) > 20
