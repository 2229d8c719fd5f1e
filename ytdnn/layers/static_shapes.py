"""Whether shapes must be static when a step is compiled, as XLA needs them.

Elsewhere a step with fewer rows costs less.
"""

import contextlib
import contextvars
from collections.abc import Iterator

_REQUIRED = contextvars.ContextVar("static_shapes_required", default=False)


def are_required() -> bool:
    """Returns whether the graph being traced must have the same shapes in each step."""
    return _REQUIRED.get()


@contextlib.contextmanager
def required() -> Iterator[None]:
    """Requires static shapes of the graph that is traced inside."""
    token = _REQUIRED.set(True)
    try:
        yield
    finally:
        _REQUIRED.reset(token)
