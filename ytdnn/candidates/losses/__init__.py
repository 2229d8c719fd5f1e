"""Retrieval losses behind one interface (PAPER §3.1), chosen by the config."""

import typing

import numpy as np

from ytdnn import configs
from ytdnn.candidates.losses import full, hierarchical, interface, sampled


def make(
    config: configs.Candidates,
    model: interface.Model,
    label_counts: np.ndarray,
) -> interface.Loss:
    """Returns the configured loss.

    Args:
      config: Which loss, and its sampling.
      model: The model trained.
      label_counts: `[num_videos]` labels an epoch draws of each video.
    """
    if config.loss == "full_softmax":
        return full.FullSoftmax(config, model)
    if config.loss == "hierarchical_softmax":
        return hierarchical.HierarchicalSoftmax(typing.cast(interface.Tree, model))
    return sampled.SampledSoftmax(config, model, label_counts)
