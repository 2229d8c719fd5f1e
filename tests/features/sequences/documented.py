"""The encoder that docs/encoders.md shows."""

import pathlib

_FILE = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "gru.py"


def gru() -> str:
    """Returns the file of the page."""
    return _FILE.read_text()
