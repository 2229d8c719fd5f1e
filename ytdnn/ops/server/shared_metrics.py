"""Metrics of several processes, in one directory of files that they map."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextlib.contextmanager
def directory() -> Iterator[None]:
    """Has prometheus_client keep metrics in a directory, for the block.

    It reads the environment when it is imported: that must come after. A directory that
    the environment names already is kept.
    """
    if VARIABLE in os.environ:
        yield
        return
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="ytdnn-metrics-")
    try:
        yield
    finally:
        shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)
