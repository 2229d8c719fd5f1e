"""Retrieval losses behind one interface (PAPER §3.1), chosen by the config."""

import typing
from collections.abc import Sequence

import numpy as np

from ytdnn import configs
from ytdnn.candidates.losses import (
    base_loss,
    full,
    heads,
    hierarchical,
    own_file,
    pairwise,
    sampled,
)

Columns = base_loss.Columns


def make_head(config: configs.CandidatesConfig, num_videos: int) -> heads.TableHead:
    """Returns the head that makes videos' vectors under the configured loss."""
    if isinstance(config.loss, configs.HierarchicalSoftmaxConfig):
        return heads.NodeRows(config.loss, num_videos)
    return heads.VideoRows()


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
    match config.loss:
        case configs.FullSoftmaxConfig():
            return full.FullSoftmax(
                config.loss, model, config.precision, teachers, config.distillation
            )
        case configs.HierarchicalSoftmaxConfig():
            return hierarchical.HierarchicalSoftmax(typing.cast(base_loss.Tree, model))
        case configs.BPRConfig() | configs.WARPConfig() | configs.GBCEConfig():
            return pairwise.make(config.loss, model, label_counts, config.precision)
        case configs.OwnLossConfig():
            return own_file.make(config.loss, model, label_counts, config.precision)
        case configs.SampledSoftmaxConfig():
            return sampled.SampledSoftmax(
                config.loss, model, label_counts, config.precision
            )
