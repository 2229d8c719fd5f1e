"""The rooms of the design: which part of the library each of its files belongs to.

The core is one row of rooms, in the order in which they may import each other. The
laboratory (`lab`: the synthetic world, live tests, studies, pages) and operations
(`ops`: the HTTP service, Spark, clusters, refits) stand apart from it. A room is a
folder of `ytdnn/`; files beside the folders count to `run`.
"""

import ast
import functools
import pathlib

import ytdnn

ROOT = pathlib.Path(ytdnn.__file__).parent
CORE = (
    "base",
    "log",
    "layers",
    "features",
    "candidates",
    "retrieval",
    "ranking",
    "training",
    "bundle",
    "evaluation",
    "run",
)
LAB, OPS = "lab", "ops"


def room_of(path: str) -> str:
    """Returns the room of a file: its first folder, `run` beside the folders.

    Args:
      path: Its path below the package's folder, in this revision or an earlier one.
    """
    folder, slash, _ = path.partition("/")
    return folder if slash else "run"


def paths(root: pathlib.Path = ROOT) -> list[str]:
    """Returns the path of every Python file below a folder of the library."""
    return sorted(each.relative_to(root).as_posix() for each in root.rglob("*.py"))


@functools.cache
def imports(path: str, at_once: bool = False) -> frozenset[str]:
    """Returns the files of the library that a file imports.

    Imports for type checking alone are left out.

    Args:
      path: Its path below `ytdnn/`.
      at_once: Whether imports inside functions are left out, which are made when these
        are called.
    """
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse((ROOT / path).read_text())]
    while nodes:
        node = nodes.pop()
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if is_typing or (at_once and is_function):
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "ytdnn":
                found |= {_file([*parts[1:], alias.name]) for alias in node.names}
    return frozenset(found - {path})


def imported_with(path: str) -> set[str]:
    """Returns the files that a process has imported once it has imported a file."""
    found: set[str] = set()
    left = [path]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            folders = pathlib.PurePath(each).parents
            left += [(folder / "__init__.py").as_posix() for folder in folders]
            left += imports(each, at_once=True)
    return found


def _file(parts: list[str]) -> str:
    """Returns the file of a module, or of the module that a name belongs to."""
    for names in (parts, parts[:-1]):
        for path in ("/".join(names) + ".py", "/".join([*names, "__init__.py"])):
            if (ROOT / path).is_file():
                return path
    raise ValueError(f"expected a module of ytdnn, received {'.'.join(parts)}")
