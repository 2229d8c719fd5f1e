"""The package of docs/examples, which docs/extending.md shows, installed for a test."""

import contextlib
import importlib
import importlib.util
import pathlib
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

from ytdnn import configs
from ytdnn.base import registries, registry

EXAMPLES = pathlib.Path(__file__).parents[1] / "docs" / "examples"


def files() -> dict[str, str]:
    """Returns the text of each file of the package, by its path."""
    paths = [EXAMPLES / "pyproject.toml", *(EXAMPLES / "ytdnn_extras").glob("*.py")]
    return {path.relative_to(EXAMPLES).as_posix(): path.read_text() for path in paths}


def module(path: pathlib.Path) -> Any:
    """Runs a file, an example or another of docs, and returns its module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def write(directory: pathlib.Path) -> None:
    """Writes the package, and the metadata that an installer would write."""
    directory.mkdir(exist_ok=True)
    shown = files()
    project = tomllib.loads(shown.pop("pyproject.toml"))["project"]
    for path, text in shown.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    info = directory / f"ytdnn_extras-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\n"
        f"Version: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {at}" for name, at in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """Forgets the parts that are registered inside the block, but for ytdnn's own."""
    kept = [(each, dict(each._parts), dict(each._origins)) for each in every()]
    configs.choices.cache_clear()
    try:
        yield
    finally:
        for each, parts, origins in kept:
            own = [name for name in each.own() if name in each._parts]
            each._parts = parts | {name: each._parts[name] for name in own}
            each._origins = origins | {name: each._origins[name] for name in own}
        registry._extend.cache_clear()  # a file that is asked for again runs again
        configs.choices.cache_clear()


@contextlib.contextmanager
def installed(directory: pathlib.Path) -> Iterator[None]:
    """Installs the package for the block."""
    write(directory)
    with registered():
        sys.path.insert(0, str(directory))
        _forget()
        try:
            yield
        finally:
            sys.path.remove(str(directory))
            _forget()


def every() -> list[registry.Registry]:
    """Returns all registries."""
    return list(registries.every().values())


def _forget() -> None:
    """Drops what was read of the packages and their modules."""
    registry._installed.cache_clear()
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith("ytdnn_extras")]:
        del sys.modules[name]
