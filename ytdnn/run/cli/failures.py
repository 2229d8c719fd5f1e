"""Failures of the machine, each as one line."""

import errno

_NO_MEMORY = ("MemoryError", "ResourceExhaustedError")
_NO_ROOM = ("No space left on device", "Disk quota exceeded")
_TOO_LARGE = "File too large"


def failure(error: BaseException) -> str:
    """Returns a failure of the machine as one line; empty for a bug of this program.

    Errors of libraries are turned into a line where the context (a file, a row, a
    setting) is available; this is for failures that can happen anywhere: no memory, no
    room on the disk, no permission.
    """
    from ytdnn.log import raw_log  # loads Polars, which `ytdnn --help` does without

    text = str(error)
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or any(words in text for words in _NO_ROOM):
        place = getattr(error, "filename", None)
        where = f" for {place}" if place else ""
        return (
            f"expected room on the disk{where}, found none left "
            f"({raw_log.brief(text)}): make room and give the same command again"
        )
    if getattr(error, "errno", None) == errno.EFBIG or _TOO_LARGE in text:
        return (
            "expected files as large as the run needs, found a limit on the size of "
            "files: raise it (`ulimit -f unlimited`) and give the same command again"
        )
    if any(cls.__name__.endswith(_NO_MEMORY) for cls in type(error).__mro__):
        needed = raw_log.brief(text, 160) if text else "it did not say how much"
        return (
            f"expected more memory than there is ({needed}): lower "
            f"training.batch_size, embedding_dim or the size of the log"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"could not use {error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return f"the system refused: {error.strerror}"
    return ""
