"""Paths as users write them: `~` and `~name` are home directories, as in a shell.

Bash leaves the `~` of `--workdir=~/runs/mine` as it is.
"""

import os
import pathlib


def expanded(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns a path whose leading `~` is the home directory it stands for.

    One of a user that the system does not know stays as it is.
    """
    return pathlib.Path(text(os.fspath(path)))


def text(path: str) -> str:
    """Returns the text of a path or URL, a leading `~` replaced; see `expanded`."""
    return os.path.expanduser(path)
