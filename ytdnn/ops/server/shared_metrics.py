"""Metrics of several processes, in a directory of memory-mapped files."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextlib.contextmanager
def directory() -> Iterator[None]:
    """Context in which prometheus_client keeps metrics in a directory.

    It reads the environment when it is imported, so it must be imported inside. A
    directory that the environment already names is used.
    """
    if VARIABLE in os.environ:
        yield
        return
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="ytdnn-metrics-")
    try:
        yield
    finally:
        shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)
