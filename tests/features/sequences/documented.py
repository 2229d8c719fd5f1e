"""The encoder that docs/encoders.md shows."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import registries, registry

FILE = extras.EXAMPLES / "gru.py"
with extras.registered():
    registry.extend(str(FILE))
    _PART = registries.ENCODERS["gru"]


def gru(**settings: Any) -> configs.EncoderExtension:
    """Returns settings of the encoder; a test that makes one needs `registered`."""
    cls: Any = _PART.config
    return cls(**settings)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """Registers the encoder for the tests of the module that imports this."""
    with extras.registered():
        registries.ENCODERS.register("gru", _PART.config)(_PART.make)
        yield
