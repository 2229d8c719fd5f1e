"""A limit of open files for tests, as `ulimit -n` sets it."""

import contextlib
import os
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def at_most(number: int) -> Iterator[None]:
    """Lets the process open so many files beside those that are open already."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(map(int, os.listdir("/proc/self/fd"))) + 1 + number
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, before[0]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
