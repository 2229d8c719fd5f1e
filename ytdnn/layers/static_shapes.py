"""Whether shapes must be known when a step is compiled, as XLA wants them.

Elsewhere fewer rows in one step than in another cost less.
"""

import contextlib
import contextvars
from collections.abc import Iterator

_REQUIRED = contextvars.ContextVar("static_shapes_required", default=False)


def are_required() -> bool:
    """Returns whether what is traced now must have the same shapes in each step."""
    return _REQUIRED.get()


@contextlib.contextmanager
def required() -> Iterator[None]:
    """Requires them of what is traced inside."""
    token = _REQUIRED.set(True)
    try:
        yield
    finally:
        _REQUIRED.reset(token)
