"""An encoder of the user's own from a Python file (docs/encoders.md).

The file is read once, and its text is stored with the trained model, so a model that is
loaded later is the one that was trained, even if the file has changed.
"""

from typing import Any

from ytdnn.base import configs, own_files, registries
from ytdnn.features.sequences import sequence

_FILE = own_files.ENCODER


def load(text: str, file: str) -> type[sequence.SequenceEncoder]:
    """Returns the encoder that a file declares.

    Args:
      text: Text of the file.
      file: Name of the file, for messages.

    Raises:
      errors.UserError: The file raises an error, or does not declare exactly one
        encoder.
    """
    base = sequence.SequenceEncoder
    found: type[sequence.SequenceEncoder] = _FILE.load(
        text, file, base, "ytdnn.features.sequences.sequence.SequenceEncoder"
    )
    return found


@registries.ENCODERS.register("own", configs.OwnEncoderConfig)
def make(
    config: configs.CandidatesConfig, *args: Any, own_encoder: str, **kwargs: Any
) -> sequence.SequenceEncoder:
    """Returns the encoder; other arguments are those of `sequence.SequenceEncoder`.

    Args:
      config: Settings of candidate generation.
      *args: Sizes and content.
      own_encoder: Text of the file.
      **kwargs: Arguments of `tf.keras.layers.Layer`.
    """
    own: Any = config.encoder
    return load(own_encoder, own.file)(config, *args, **kwargs)
