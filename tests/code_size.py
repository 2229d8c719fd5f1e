r"""Counts code by room, and the modules that training the candidates needs.

    python -m tests.code_size                    # this tree
    python -m tests.code_size --base=v0.2        # this tree beside a revision
    python -m tests.code_size --train            # modules after a training, too

A line counts where it holds a token that is neither comment nor docstring. Modules are
those of ytdnn that a fresh process has imported (`sys.modules`).
"""

import argparse
import ast
import collections
import dataclasses
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections.abc import Sequence

from tests import rooms

ENTRY = "training/candidates.py"
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_COUNT = """
import sys
print(sum(name.partition(".")[0] == "ytdnn" for name in sys.modules))
"""
_TRAIN = """
import dataclasses, pathlib, sys
from ytdnn import configs
from ytdnn.log import prepared
from ytdnn.training import candidates
home = pathlib.Path(sys.argv[1])
config = configs.quickstart()
few = dataclasses.replace(config.candidates.training, epochs=1)
own = dataclasses.replace(config.candidates, training=few)
config = dataclasses.replace(config, candidates=own)
candidates.train(config, prepared.load(home / "data"), home / "candidates")
"""


def code_lines(text: str) -> int:
    """Returns the number of lines with a token that is no comment and no docstring."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            found |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and ast.get_docstring(node) is not None:
                found -= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(found)


def by_room(root: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Returns files and code lines of each room, of the core and of all.

    Args:
      root: The package's folder.
    """
    files, lines = collections.Counter[str](), collections.Counter[str]()
    for path in rooms.paths(root):
        number = code_lines((root / path).read_text(encoding="utf-8"))
        room = rooms.room_of(path)
        beside = room in (rooms.LAB, rooms.OPS)
        for name in (room, "all", *([] if beside else ["core"])):
            files[name] += 1
            lines[name] += number
    order = (*rooms.CORE, "models", "core", rooms.LAB, rooms.OPS, "all")
    return {name: (files[name], lines[name]) for name in order if files[name]}


def num_settings(shared_once: bool = False) -> int:
    """Returns the number of settings, those of every kind of a choice included.

    Args:
      shared_once: Whether a class of settings that two sections have, such as that of
        the training, counts once.
    """
    from ytdnn import configs
    from ytdnn.base.configs import components
    from ytdnn.run.cli import settings

    settings.load_kinds()
    if not shared_once:
        return len(settings.listed())
    classes = {cls for _, cls in components.classes(configs.Config)}
    fields = [field for cls in classes for field in dataclasses.fields(cls)]
    return sum(
        field.name != configs.KIND and not dataclasses.is_dataclass(field.type)
        for field in fields
    )


def num_modules(root: pathlib.Path, program: str, *arguments: str) -> int:
    """Returns the number of modules of ytdnn that a program in a process imports.

    Args:
      root: The package's folder.
      program: Its text.
      *arguments: Its arguments.
    """
    command = [sys.executable, "-c", f"{program}\n{_COUNT}", *arguments]
    settings = os.environ | {"PYTHONPATH": str(root.parent)}
    done = subprocess.run(
        command, cwd=root.parent, env=settings, stdout=subprocess.PIPE, check=True
    )
    return int(done.stdout.split()[-1])


def num_trained(root: pathlib.Path) -> int:
    """Returns the number of modules after an epoch on a small world."""
    with tempfile.TemporaryDirectory() as home:
        prepare = (
            "import sys, pathlib\nfrom ytdnn import configs\n"
            "from ytdnn.log import prepare\n"
            "world = configs.WorldConfig(num_users=200, num_videos=200)\n"
            "where = pathlib.Path(sys.argv[1]) / 'data'\n"
            "prepare.prepare(configs.DataConfig(world=world), where)"
        )
        num_modules(root, prepare, home)
        return num_modules(root, _TRAIN, home)


def unpacked(revision: str, home: pathlib.Path) -> pathlib.Path:
    """Writes the package of a revision into a folder, and returns the package's."""
    command = ["git", "archive", revision, "ytdnn"]
    packed = subprocess.run(
        command, cwd=rooms.ROOT.parent, stdout=subprocess.PIPE, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(home, filter="data")
    return home / "ytdnn"


def table(roots: Sequence[pathlib.Path], is_trained: bool) -> str:
    """Returns the table of several trees, one beside the other."""
    counts = [by_room(root) for root in roots]
    lines = ["room        " + "   files  code lines" * len(roots)]
    for name in dict.fromkeys(name for each in counts for name in each):
        found = (each.get(name, (0, 0)) for each in counts)
        cells = (f"{files:8,}{lines:12,}" for files, lines in found)
        lines.append(f"{name:12}" + "".join(cells))
    entry = "import ytdnn.training.candidates"
    if len(roots) == 1:
        lines += ["", f"settings    {num_settings():20,}"]
    cells = (f"{num_modules(root, entry):20,}" for root in roots)
    lines += ["", "modules     " + "".join(cells) + "   imported by training"]
    if is_trained:
        cells = (f"{num_trained(root):20,}" for root in roots)
        lines.append("            " + "".join(cells) + "   after an epoch")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", default="", help="revision to show first")
    parser.add_argument("--train", action="store_true", help="train a small model")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        roots = [rooms.ROOT]
        if given.base:
            roots.insert(0, unpacked(given.base, pathlib.Path(home)))
        print(table(roots, given.train))


if __name__ == "__main__":
    main()
