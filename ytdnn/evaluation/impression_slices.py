"""Metrics of parts of the logged impressions.

A part is measured by itself: pairs are of two impressions of the part.
"""

from collections.abc import Mapping

import numpy as np

from ytdnn.base import configs
from ytdnn.base.metrics import binary, bootstrap, metric_names
from ytdnn.evaluation import (
    impression_metrics,
    ranker,
    report_model,
    report_parts,
)
from ytdnn.log import catalogues
from ytdnn.ranking import predictions

ID_EMBEDDING = "id_embedding"
WITH, WITHOUT = "with an id embedding", "without an id embedding"
METRICS = (metric_names.AUC, metric_names.PER_USER_LOSS)


def measure(
    catalogue: catalogues.Catalogue,
    impressions: ranker.SplitImpressions,
    predicted: Mapping[str, predictions.Predictions],
    config: configs.EvaluationConfig,
) -> dict[str, tuple[report_model.ImpressionSliceRow, ...]]:
    """Returns each slice of the impressions with two parts or more.

    The slice is whether the video has an id embedding: a video that was first watched
    after the candidate model's training window has none, and is ranked by its other
    features.

    Args:
      catalogue: The catalogue of the prepared set.
      impressions: Impressions of the split.
      predicted: Predictions of each model.
      config: Settings of resamples and their seed.
    """
    is_known = impressions.videos <= catalogue.vocabulary_size
    parts = {WITH: is_known, WITHOUT: ~is_known}
    rows = tuple(
        _row(value, impressions, keep, predicted, config)
        for value, keep in parts.items()
        if keep.any()
    )
    return {ID_EMBEDDING: rows} if len(rows) > 1 else {}


def _row(
    value: str,
    impressions: ranker.SplitImpressions,
    keep: np.ndarray,
    predicted: Mapping[str, predictions.Predictions],
    config: configs.EvaluationConfig,
) -> report_model.ImpressionSliceRow:
    own = impressions.select(keep)
    return report_model.ImpressionSliceRow(
        value=value,
        impressions=len(own.rows),
        clicks=int(own.clicked.sum()),
        users=own.num_users,
        models={
            name: _metrics(own, found.order[keep], config)
            for name, found in predicted.items()
        },
    )


def _metrics(
    impressions: ranker.SplitImpressions,
    scores: np.ndarray,
    config: configs.EvaluationConfig,
) -> dict[str, report_parts.WithInterval]:
    """Returns value, low, high of `METRICS`."""
    wrong, watched = impression_metrics.user_loss_parts(impressions, scores)
    loss = metric_names.PER_USER_LOSS
    intervals = bootstrap.ratio_intervals(
        {loss: (wrong, watched)}, config.num_resamples, seed=config.seed
    )
    area = binary.auc(impressions.clicked, scores)
    bounds = impression_metrics.auc_interval(impressions, scores, config)
    return {
        metric_names.AUC: (area, *bounds),
        loss: (bootstrap.ratio(wrong.sum(), watched.sum()), *intervals[loss]),
    }
