"""Paths from users: `~` and `~name` are home directories, as in a shell.

Bash does not expand the `~` of `--workdir=~/runs/mine`.
"""

import os
import pathlib
import stat

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def expanded(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns a path with a leading `~` replaced by the home directory.

    The `~name` of an unknown user is not changed.
    """
    return pathlib.Path(text(os.fspath(path)))


def text(path: str) -> str:
    """Returns the text of a path or URL, a leading `~` replaced; see `expanded`."""
    return os.path.expanduser(path)


def kind(path: pathlib.Path) -> str:
    """Returns the kind of file at a path in words; does not open pipes."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link to nothing" if path.is_symlink() else "nothing there"
    return _KINDS.get(stat.S_IFMT(mode), "no file")
