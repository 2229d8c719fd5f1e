"""What is told who is refused."""

from collections.abc import Callable

import pytest

from ytdnn.base import errors


def line(call: Callable[..., object], /, *args: object, **kwargs: object) -> str:
    """Returns the one line with which a call refuses its arguments."""
    with pytest.raises(errors.UserError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)
