"""An encoder of the user's own from a Python file (docs/encoders.md).

The file is read once, and its text is stored with the trained model, so a model that is
loaded later is the one that was trained, even if the file has changed.
"""

from typing import Any

from ytdnn import configs, own_files
from ytdnn.encoders import sequence

_FILE = own_files.OwnFile("--config.candidates.encoder.file", "docs/encoders.md")


def read(file: str) -> str:
    """Returns the text of a file.

    Raises:
      errors.UserError: There is none.
    """
    return _FILE.read(file)


def fingerprint(config: Any) -> dict[str, str]:
    """Returns the hash of the user's file, by which a trained model is recognised.

    Args:
      config: Settings of the encoder.

    Raises:
      errors.UserError: The file is missing.
    """
    if not isinstance(config, configs.OwnEncoderConfig):
        return {}
    return {"encoder": _FILE.fingerprint(config.file)}


def load(text: str, file: str) -> type[sequence.SequenceEncoder]:
    """Returns the encoder that a file declares.

    Args:
      text: Text of the file.
      file: Its name, for messages.

    Raises:
      errors.UserError: The file raises an error, or does not declare exactly one
        encoder.
    """
    base = sequence.SequenceEncoder
    found: type[sequence.SequenceEncoder] = _FILE.load(
        text, file, base, "ytdnn.encoders.sequence.SequenceEncoder"
    )
    return found
