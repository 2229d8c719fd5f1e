"""The environment of a measurement: package versions, commit, machine."""

import contextlib
import ctypes
import gc
import importlib.metadata
import os
import pathlib
import platform
import subprocess
from typing import Any

import ytdnn

_PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "scann",
    "numpy",
    "polars",
)

_MEMORY = pathlib.Path("/proc/meminfo")
_LIMITS = (
    pathlib.Path("/sys/fs/cgroup/memory.max"),
    pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def versions() -> dict[str, str]:
    """Returns the versions of Python, ytdnn and the main packages."""
    installed = {"python": platform.python_version(), "ytdnn": ytdnn.__version__}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[package] = importlib.metadata.version(package)
    return installed


def machine() -> str:
    """Returns system, architecture and number of processors."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def git_commit() -> str | None:
    """Returns the git commit of ytdnn's checkout; None outside a checkout."""
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


def give_memory_back() -> None:
    """Makes TensorFlow return freed memory to the system, in a process without it yet.

    oneDNN's allocator keeps whatever it once held. Not for training: large activations
    would be new pages in each step (a product of 4,096 × 8,192: .11 → .22 core-s).
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def available_memory() -> float:
    """Returns the bytes that this process may still allocate; infinite if unknown."""
    available = float("inf")
    try:
        for line in _MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                available = float(line.split()[1]) * 1024.0
    except OSError:
        return available
    for path in _LIMITS:
        try:
            available = min(available, float(path.read_text()))
        except (OSError, ValueError):
            continue  # no limit, or "max"
    return available


def collect() -> None:
    """Frees what a finished step leaves: graphs refer to each other, and to its log."""
    gc.collect()
    release_memory()


def release_memory() -> None:
    """Returns freed memory to the system, which glibc keeps otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
