"""The import rule of DESIGN §2: imports run downwards, never within a layer."""

import ast
import functools
import pathlib
from collections.abc import Collection

import pytest

import ytdnn
from tests import rooms
from ytdnn import registries, registry

ROOT = pathlib.Path(ytdnn.__file__).parent
LAYERS = (
    {
        "__init__",
        "schema",
        "configs",
        "docstrings",
        "errors",
        "registry",
        "registries",
        "own_files",
        "user_paths",
        "checksums",
        "artifacts",
        "versions",
        "environment",
        "progress",
    },
    {"world", "layers", "metrics", "ragged"},
    {"data"},
    {"features", "encoders"},
    {"candidates", "index"},
    {"retrieval"},
    {"ranking"},
    {"training", "serving"},
    {"evaluation", "live"},
    {"pages", "server", "tracking", "client"},
    {"pipeline"},
    {"cli", "__main__"},
)
LAYER_OF = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}
# Within layer 0, between a program and its command line, and from the package's face,
# which imports what it shows when that is first used.
NEIGHBOURS = {
    ("__init__", "configs"),
    ("__init__", "errors"),
    ("__init__", "pipeline"),
    ("configs", "schema"),
    ("configs", "errors"),
    ("configs", "registry"),
    ("configs", "registries"),
    ("configs", "own_files"),
    ("registry", "__init__"),
    ("registry", "errors"),
    ("registries", "registry"),
    ("registries", "own_files"),
    ("own_files", "errors"),
    ("own_files", "user_paths"),
    ("user_paths", "errors"),
    ("artifacts", "checksums"),
    ("artifacts", "configs"),
    ("artifacts", "errors"),
    ("artifacts", "__init__"),
    ("versions", "artifacts"),
    ("versions", "checksums"),
    ("versions", "errors"),
    ("environment", "__init__"),
    ("metrics", "ragged"),
    ("__main__", "cli"),
}
ONLY_IN = {
    "scann": {"index"},
    "tensorflow_recommenders": {"candidates", "training"},
    "fastapi": {"server"},
    "prometheus_client": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "opentelemetry": {"server"},
    "httpx2": {"client"},
    "fsspec": {"data"},
    "pyspark": {"data"},
    "pyarrow": {"data"},
    "absl": {"cli"},
    "ml_collections": {"cli"},
}
# Rooms that must load without TensorFlow, so that they start at once.
WITHOUT_TENSORFLOW = {
    "schema",
    "configs",
    "docstrings",
    "errors",
    "registry",
    "registries",
    "user_paths",
    "own_files",
    "checksums",
    "artifacts",
    "versions",
    "environment",
    "world",
    "metrics",
    "ragged",
    "pipeline",
    "cli",
}
MODULES = sorted(ROOT.rglob("*.py"))


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imports(path: pathlib.Path) -> list[tuple[str, str | None]]:
    """Returns (module, name or None) of each import, also those inside functions."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def imported_rooms(path: pathlib.Path) -> set[str]:
    rooms = set()
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] != "ytdnn":
            continue
        part = parts[1] if len(parts) > 1 else name
        is_module = part is not None and (
            (ROOT / f"{part}.py").exists() or (ROOT / part).is_dir()
        )
        rooms.add(part if is_module and part is not None else "__init__")
    return rooms


def may_import(room: str, other: str) -> bool:
    return (
        room == other or (room, other) in NEIGHBOURS or LAYER_OF[other] < LAYER_OF[room]
    )


def ids(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_room_stands_in_the_table() -> None:
    rooms = {room_of(path) for path in MODULES}
    assert rooms <= set(LAYER_OF)


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_imports_run_downwards(path: pathlib.Path) -> None:
    room = room_of(path)
    wrong = {other for other in imported_rooms(path) if not may_import(room, other)}
    assert not wrong, f"{path}: {room} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_libraries_stay_in_their_rooms(path: pathlib.Path) -> None:
    room = room_of(path)
    libraries = {module.split(".")[0] for module, _ in imports(path)}
    for library, allowed in ONLY_IN.items():
        assert library not in libraries or room in allowed, f"{path}: {library}"
    if room in WITHOUT_TENSORFLOW:
        assert not libraries & {"tensorflow", "tf_keras", "keras"}, path


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_modules_are_imported_rather_than_names(path: pathlib.Path) -> None:
    for module, name in imports(path):
        if module.split(".")[0] != "ytdnn" or name is None:
            continue
        if path.name == "__init__.py" and module.split(".")[1:2] == [room_of(path)]:
            continue  # a room's face may show its own names
        if path == ROOT / "__init__.py":
            continue  # the package's those of its rooms
        target = ROOT.joinpath(*module.split(".")[1:], name)
        is_module = target.is_dir() or target.with_suffix(".py").exists()
        is_version = (module, name) == ("ytdnn", "__version__")
        assert is_module or is_version, f"{path}: from {module} import {name}"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_modules_say_what_they_are_for(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"


@pytest.mark.parametrize(
    ("room", "other", "allowed"),
    [
        ("data", "metrics", True),
        ("metrics", "data", False),
        ("candidates", "ranking", False),
        ("ranking", "retrieval", True),
        ("retrieval", "ranking", False),
        ("training", "serving", False),
        ("schema", "configs", False),
        ("configs", "schema", True),
        ("cli", "pipeline", True),
        ("pipeline", "evaluation", True),
        ("pipeline", "cli", False),
        ("cli", "evaluation", True),
        ("pages", "evaluation", True),
        ("evaluation", "pages", False),
        ("pages", "live", True),
        ("live", "evaluation", False),
    ],
)
def test_the_rule_itself(room: str, other: str, allowed: bool) -> None:
    assert may_import(room, other) is allowed


def importers(of: Collection[str], others: Collection[str]) -> dict[str, set[str]]:
    """Returns the files of other rooms that files of rooms import, each with these."""
    found: dict[str, set[str]] = {}
    for path in rooms.paths():
        if rooms.room_of(path) in of:
            for other in rooms.imports(path):
                if rooms.room_of(other) in others:
                    found.setdefault(other, set()).add(path)
    return found


def test_the_core_imports_neither_the_laboratory_nor_operations() -> None:
    assert importers(rooms.CORE, {rooms.LAB, rooms.OPS}) == {}


def test_the_laboratory_and_operations_do_not_import_each_other() -> None:
    lab, ops = {rooms.LAB}, {rooms.OPS}
    assert importers(lab, ops) | importers(ops, lab) == {}


def test_entry_points_name_every_part_of_the_laboratory_and_of_operations() -> None:
    groups = {name.upper(): each.group for name, each in registries.every().items()}
    decorated: dict[str, dict[str, str]] = {}
    for path in rooms.paths():
        if rooms.room_of(path) not in rooms.CORE:
            for name, part in registry._DECORATOR.findall((ROOT / path).read_text()):
                module = f"ytdnn.{path.removesuffix('.py').replace('/', '.')}"
                decorated.setdefault(groups[name], {})[part] = module
    assert registry._declared() == decorated


def test_an_import_inside_a_function_is_seen(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from ytdnn.training import loop\n")
    assert imported_rooms(path) == {"training"}
