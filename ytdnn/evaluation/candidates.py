"""Candidate generation measured by exact ranking of all videos for each user.

Beside it popularity: every user gets the videos with most training labels (those the
user has watched removed too).
"""

import numpy as np

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import models, protocol, summary
from ytdnn.metrics import retrieval


def evaluate_vectors(
    cases: protocol.Cases,
    user_vectors: models.Vectors,
    video_vectors: models.Vectors,
    config: configs.Evaluation,
) -> summary.PerUser:
    """Ranks all videos for each case and measures the lists.

    Args:
      cases: Whom to ask and what is right.
      user_vectors: `[cases, dim] float32`.
      video_vectors: `[num_videos, dim] float32`, a bias included if there is one.
      config: Lengths of the lists, and whether watched videos are removed.

    Returns:
      `{"recall@10": [cases] float64, …}`.
    """
    return retrieval.evaluate(
        user_vectors,
        video_vectors,
        protocol.removed(cases, config),
        cases.targets,
        config.ks,
    )


def popularity(
    data: prepared.PreparedData, cases: protocol.Cases, config: configs.Evaluation
) -> summary.PerUser:
    """Returns the metrics of ranking by training labels, as `evaluate_vectors`."""
    counts = data.videos[prepared.TRAIN_COUNT].to_numpy().astype(np.float32)
    users = np.ones([len(cases), 1], np.float32)
    return evaluate_vectors(cases, users, counts[:, np.newaxis], config)
