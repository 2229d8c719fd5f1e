"""A retrieval loss of the user's own from a Python file (docs/losses.md).

The file declares one `tf.keras.losses.Loss`. Its `call(y_true, y_pred)` takes, for each
example, the score of the label in column 0 and those of sampled negatives after it.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn import configs, errors, own_files
from ytdnn.candidates.losses import base_loss, pairwise, proposals
from ytdnn.layers import softmax

SETTING = "--config.candidates.loss.file"
_FILE = own_files.OwnFile(SETTING, "docs/losses.md")


def fingerprint(config: Any) -> dict[str, str]:
    """Returns the hash of the user's file, by which a trained model is recognised.

    Args:
      config: Settings of the loss.

    Raises:
      errors.UserError: The file is missing.
    """
    if not isinstance(config, configs.OwnLossConfig):
        return {}
    return {"loss": _FILE.fingerprint(config.file)}


def make(
    config: configs.OwnLossConfig,
    model: base_loss.ScoredModel,
    label_counts: np.ndarray,
    precision: str,
) -> pairwise.Pairwise:
    """Returns the loss that the file of a config declares.

    Args:
      config: The file, and how negatives are sampled.
      model: The model trained.
      label_counts: `[num_videos]` labels an epoch draws of each video.
      precision: Dtype of the products.

    Raises:
      errors.UserError: The file is missing, raises an error, or does not declare one
        loss.
    """
    text = _FILE.read(config.file)
    cls = _FILE.load(text, config.file, tf.keras.losses.Loss, "tf.keras.losses.Loss")
    chances = proposals.powers(label_counts, config.proposal_exponent)
    proposal = proposals.NegativeSampler(chances)
    scored = _scored(cls(), config.file)
    return pairwise.Pairwise(scored, model, proposal, config.num_negatives, precision)


def _scored(loss: Any, file: str) -> pairwise.Scored:
    """Returns a Keras loss as a function of the label's and the negatives' scores."""

    def losses(
        positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        negative = tf.where(counts > 0.0, negative, softmax.NEVER)
        scores = tf.concat([positive[:, tf.newaxis], negative], axis=1)
        labels = tf.concat(
            [tf.ones_like(scores[:, :1]), tf.zeros_like(scores[:, 1:])], axis=1
        )
        found = tf.convert_to_tensor(loss.call(labels, scores))
        if not found.shape.is_compatible_with(positive.shape):
            raise errors.UserError(
                f"expected a loss of shape [batch] from {type(loss).__name__}.call in "
                f"{SETTING}={file}, received shape {found.shape}: return one value for "
                f"each row, without a mean over the batch"
            )
        return tf.cast(found, tf.float32)

    return losses
