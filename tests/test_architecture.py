"""The import rule of DESIGN §2: the core imports downwards, and neither lab nor ops."""

import ast
import functools
import pathlib
from collections.abc import Collection

import pytest

import ytdnn
from tests import rooms

ROOT = pathlib.Path(ytdnn.__file__).parent
ONLY_IN = {
    "scann": {"retrieval/index"},
    "tensorflow_recommenders": {"candidates", "training"},
    "fastapi": {"ops/server"},
    "prometheus_client": {"ops/server"},
    "starlette": {"ops/server"},
    "uvicorn": {"ops/server"},
    "opentelemetry": {"ops/server"},
    "redis": {"ops/state"},
    "fsspec": {"log"},
    "pyspark": {"ops/spark"},
    "pyarrow": {"ops/spark"},
    "absl": {"run/cli", "lab/cli", "ops/cli"},
    "ml_collections": {"run/cli", "lab/cli", "ops/cli"},
    "matplotlib": {"lab/pages"},
    "lightgbm": {"evaluation/boosted_trees"},
    "optuna": {"lab/studies"},
    "mlflow": {"lab/tracking"},
    "wandb": {"lab/tracking"},
}
# Places that must load without TensorFlow, so that commands start at once.
WITHOUT_TENSORFLOW = {
    "base",
    "run",
    "lab/cli",
    "lab/metrics",
    "lab/sources",
    "lab/world",
    "ops/catalogue",
    "ops/cli",
}
# Packages that take a moment to import: what imports one may wait for its use.
HEAVY = {*ONLY_IN, "implicit", "numpy", "polars", "scipy", "tensorflow", "tf_keras"}
# A refusal names a setting by its path in the config, which is made of components.
LATE = {("base/configs/setting_types.py", "base/configs/wording.py")}
MODULES = sorted(ROOT.rglob("*.py"))


def name_of(path: pathlib.Path) -> str:
    """Returns the path of a file below `ytdnn/`, without its suffix."""
    return path.relative_to(ROOT).as_posix().removesuffix(".py")


def is_in(name: str, places: Collection[str]) -> bool:
    """Whether a file is one of some files, or lies in one of some folders."""
    return any(name == place or name.startswith(f"{place}/") for place in places)


def may_import(name: str, other: str) -> bool:
    """Whether a file may import another, both without their suffix."""
    room, other_room = rooms.room_of(name), rooms.room_of(other)
    if room not in rooms.CORE:
        return True
    return other_room in rooms.CORE and rooms.CORE.index(
        other_room
    ) <= rooms.CORE.index(room)


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


def test_every_folder_is_a_room_and_no_file_lies_beside_them() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders == {*rooms.CORE, rooms.LAB, rooms.OPS}
    assert {path.stem for path in ROOT.glob("*.py")} == {"__init__", "__main__"}


@pytest.mark.parametrize("room", rooms.CORE)
def test_imports_of_the_core_run_downwards(room: str) -> None:
    assert [
        (path, other)
        for path in rooms.paths()
        if rooms.room_of(path) == room and path not in ("__main__.py", "__init__.py")
        for other in rooms.imports(path)
        if not may_import(path.removesuffix(".py"), other.removesuffix(".py"))
    ] == []


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


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_rooms(library: str) -> None:
    users = {
        name_of(path)
        for path in MODULES
        for module, _ in imports(path)
        if module.split(".")[0] == library
    }
    assert [name for name in users if not is_in(name, ONLY_IN[library])] == []


def test_some_rooms_load_without_tensorflow() -> None:
    users = [
        name_of(path)
        for path in MODULES
        if {module.split(".")[0] for module, _ in imports(path)}
        & {"tensorflow", "tf_keras", "keras"}
    ]
    assert [name for name in users if is_in(name, WITHOUT_TENSORFLOW)] == []


@functools.cache
def names_heavy(path: str) -> bool:
    """Whether a file imports a heavy package at once."""
    names: set[str] = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return not HEAVY.isdisjoint(names)


def is_heavy(path: str) -> bool:
    """Whether the import of a file imports a heavy package, itself or by others."""
    return any(map(names_heavy, rooms.imported_with(path)))


def test_functions_import_only_modules_that_take_a_moment() -> None:
    assert {
        (path, other)
        for path in rooms.paths()
        for other in rooms.imports(path) - rooms.imports(path, at_once=True)
        if not is_heavy(other)
    } == LATE


def test_modules_are_imported_rather_than_names() -> None:
    wrong = []
    for path in MODULES:
        own = ".".join(path.relative_to(ROOT.parent).parts[:-1])
        is_a_face = path.name == "__init__.py"
        for module, name in imports(path):
            if module.split(".")[0] != "ytdnn" or name is None:
                continue
            if is_a_face and module.startswith(own):
                continue  # a room's face may show its own names
            target = ROOT.joinpath(*module.split(".")[1:], name)
            is_module = target.is_dir() or target.with_suffix(".py").exists()
            is_version = (module, name) == ("ytdnn", "__version__")
            if not is_module and not is_version:
                wrong.append(f"{path}: from {module} import {name}")
    assert wrong == []


def test_modules_say_what_they_are_for() -> None:
    found = [ast.get_docstring(ast.parse(path.read_text())) for path in MODULES]
    silent = zip(MODULES, found, strict=True)
    assert [path for path, docstring in silent if not docstring] == []


@pytest.mark.parametrize(
    ("name", "other", "allowed"),
    [
        ("features/title", "log/events", True),
        ("features/title", "layers/bags", True),
        ("log/events", "features/title", False),
        ("candidates/model", "ranking/model", False),
        ("ranking/model", "retrieval/stage", True),
        ("retrieval/stage", "ranking/model", False),
        ("retrieval/index/ivf", "retrieval/rows", True),
        ("training/loop", "bundle/export", False),
        ("training/loop", "base/metrics/binary", True),
        ("training/loop", "evaluation/lists", False),
        ("log/prepared", "base/configs/data", True),
        ("base/configs/data", "log/prepared", False),
        ("run/cli/main", "evaluation/lists", True),
        ("run/cli/main", "lab/live/play", False),
        ("lab/live/play", "run/pipeline/api", True),
    ],
)
def test_the_rule_itself(name: str, other: str, allowed: bool) -> None:
    assert may_import(name, other) is allowed


def test_an_import_inside_a_function_is_seen(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from ytdnn.training import loop\n")
    assert imports(path) == [("ytdnn.training", "loop")]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
