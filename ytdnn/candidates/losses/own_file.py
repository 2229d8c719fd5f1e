"""A retrieval loss of the user's own from a Python file (docs/losses.md).

The file declares one `tf.keras.losses.Loss`. Its `call(y_true, y_pred)` takes, for each
example, the score of the label in column 0 and those of sampled negatives after it.
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs, own_files, registries
from ytdnn.candidates import losses
from ytdnn.candidates.losses import pairwise

_FILE = own_files.LOSS


@registries.LOSSES.register("own", configs.OwnLossConfig)
def make(config: configs.OwnLossConfig, learner: losses.Learner) -> Any:
    """Returns the Keras loss that the file of a config declares.

    Raises:
      errors.UserError: The file is missing, raises an error, or does not declare one
        loss.
    """
    text = _FILE.read(config.file)
    cls = _FILE.load(text, config.file, tf.keras.losses.Loss, "tf.keras.losses.Loss")
    place = f"{_FILE.setting}={config.file}"
    return pairwise.from_keras(cls(), config, learner, place)
