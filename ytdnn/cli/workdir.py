"""The directory of a run: its lock and its `config.json`."""

import contextlib
import fcntl
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Iterator
from typing import Any

import ytdnn
from ytdnn import artifacts, configs, errors
from ytdnn.cli import config_file

CONFIG_FILE = "config.json"
_LOCK_FILE = ".lock"
_PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "scann",
    "numpy",
    "polars",
)


@contextlib.contextmanager
def lock(directory: pathlib.Path) -> Iterator[None]:
    """Holds a run's directory, which is made if missing, for one process.

    The system frees the lock of a killed process.

    Raises:
      errors.UserError: Another process holds it, or it is no directory.
    """
    if directory.exists() and not directory.is_dir():
        raise errors.UserError(
            f"expected a directory for --workdir, found a file: {directory}"
        )
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / _LOCK_FILE, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise errors.UserError(
                f"another ytdnn (process {file.read().strip() or 'unknown'}) is at "
                f"work in {directory}: wait for it, or give another --workdir"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def write_config(directory: pathlib.Path, config: configs.Config) -> None:
    """Writes the resolved config, package versions and git commit of a run."""
    value = {
        "config": configs.to_dict(config),
        "versions": _versions(),
        "git_commit": _git_commit(),
    }
    artifacts.write_json(directory / CONFIG_FILE, value)


def read_config(directory: pathlib.Path) -> configs.Config | None:
    """Returns the config a run was made with, None if there is none.

    Raises:
      errors.UserError: The file is damaged or of another version.
    """
    path = directory / CONFIG_FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())["config"]
    except (ValueError, KeyError, TypeError):
        raise errors.UserError(
            f"expected JSON with `config` in {path}, found a damaged file: give "
            f"--config=FILE.py, and it is written again"
        ) from None
    return config_file.validated(values, str(path))


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "ytdnn": ytdnn.__version__}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _git_commit() -> str | None:
    """Returns the commit of the checkout ytdnn runs from, None if it is none."""
    root = pathlib.Path(ytdnn.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-changed" if commit and changed else commit


def _git(root: pathlib.Path, *arguments: str) -> str | None:
    command: list[Any] = ["git", "-C", root, *arguments]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None
