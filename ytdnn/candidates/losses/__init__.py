"""Retrieval losses with one interface (PAPER §3.1), chosen by the config.

A loss registers a factory (settings, `base_loss.Learner`) → `base_loss.Loss`, or a
`tf.keras.losses.Loss` with settings `num_negatives` and `proposal_exponent`.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.candidates.losses import base_loss

Columns = base_loss.Columns


def make_head(config: configs.CandidatesConfig, num_videos: int) -> base_loss.TableHead:
    """Returns the head that makes videos' vectors with the configured loss."""
    make = registries.LOSSES[config.loss.kind].head
    found: base_loss.TableHead = (
        base_loss.VideoRows() if make is None else make(config.loss, num_videos)
    )
    return found


def make(
    config: configs.CandidatesConfig,
    model: base_loss.ScoredModel,
    label_counts: np.ndarray,
    teachers: Sequence[base_loss.ScoredModel] = (),
) -> base_loss.Loss:
    """Returns the configured loss.

    Args:
      config: Which loss, and its settings.
      model: The model trained, with the head of that loss.
      label_counts: `[num_videos]` labels an epoch draws of each video.
      teachers: Trained networks that full softmax learns from with `distillation`.
    """
    learner = base_loss.Learner(
        model, label_counts, config.precision, teachers, config.distillation
    )
    kind = config.loss.kind
    found: base_loss.Loss = registries.LOSSES[kind].make(config.loss, learner)
    if isinstance(found, tf.keras.losses.Loss):
        from ytdnn.candidates.losses import pairwise

        return pairwise.from_keras(found, config.loss, learner, f"loss {kind}")
    return found
