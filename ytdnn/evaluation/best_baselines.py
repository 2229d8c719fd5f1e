"""The ranker beside the best baseline of clicks, and of watch seconds.

A click probability is judged by AUC, within each user and over all, and log loss;
expected seconds by the share of the watch time in the first places of each user's list,
nDCG, XAUC and per-user loss. The best baseline is that of the evaluated window itself,
which favours it. Differences are paired by user.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    impression_metrics,
    ranker,
    report_model,
    report_parts,
    shown_baselines,
)
from ytdnn.ranking import predictions

CLICKS, SECONDS = "clicks", "seconds"
# Metrics of each kind of prediction; the first chooses the best baseline.
METRICS = {
    CLICKS: (metric_names.GROUPED_AUC, metric_names.AUC, metric_names.CLICK_LOG_LOSS),
    SECONDS: (
        metric_names.FIRST_HALF,
        metric_names.FIRST_QUARTER,
        metric_names.LIST_NDCG,
        metric_names.XAUC,
        metric_names.PER_USER_LOSS,
    ),
}
_OF_KIND = {
    CLICKS: (ranker.POPULARITY, *shown_baselines.CLICKS),
    SECONDS: (ranker.POPULARITY, *shown_baselines.SECONDS),
}
Floats = npt.NDArray[np.float64]


def compare(
    impressions: ranker.SplitImpressions,
    predicted: Mapping[str, predictions.Predictions],
    entries: Mapping[str, report_model.Entry],
    parts: Mapping[str, impression_metrics.Parts],
    config: configs.EvaluationConfig,
) -> dict[str, report_parts.BestBaseline]:
    """Returns the best baseline of each kind that the ranker predicts.

    Args:
      impressions: Impressions of the split.
      predicted: Predictions of each model.
      entries: Their numbers.
      parts: Their sums by user.
      config: Resamples and their seed.
    """
    found: dict[str, report_parts.BestBaseline] = {}
    own = entries.get(ranker.RANKER)
    for kind, (judge, *_) in METRICS.items():
        known = {
            name: value
            for name in _OF_KIND[kind]
            if name in entries
            and (value := entries[name].values.get(judge)) is not None
        }
        is_kind = kind == CLICKS or impressions.seconds is not None
        if own is None or own.values.get(judge) is None or not known or not is_kind:
            continue
        best = max(known, key=lambda name: known[name])
        names = (ranker.RANKER, best)
        draws = [
            _draws(kind, impressions, predicted[name], parts[name], config)
            for name in names
        ]
        ahead = {
            metric: _difference(own.values[metric], entries[best].values[metric], pair)
            for metric in METRICS[kind]
            if metric in draws[0] and metric in draws[1]
            for pair in [draws[0][metric] - draws[1][metric]]
        }
        found[kind] = report_parts.BestBaseline(name=best, judge=judge, ahead=ahead)
    return found


def _draws(
    kind: str,
    impressions: ranker.SplitImpressions,
    predicted: predictions.Predictions,
    parts: impression_metrics.Parts,
    config: configs.EvaluationConfig,
) -> dict[str, Floats]:
    """Returns the metrics of a kind on resamples of the users, `[resamples]` each."""
    pairs = impression_metrics.pair_parts(impressions, predicted)
    sums = {
        name: both for name, both in (parts | pairs).items() if name in METRICS[kind]
    }
    above, below = (
        np.stack([v[side] for v in sums.values()], axis=1) for side in (0, 1)
    )
    drawn = bootstrap.ratio_draws(above, below, config.num_resamples, config.seed)
    found = dict(zip(sums, drawn.T, strict=True))
    if metric_names.XAUC in found:  # a drawn user changes a pair at both ends
        value = bootstrap.ratios(pairs)[metric_names.XAUC]
        found[metric_names.XAUC] = 2.0 * found[metric_names.XAUC] - value
    scores = impression_metrics.click_orders(impressions, predicted)
    if kind == CLICKS and scores is not None:
        found[metric_names.AUC] = impression_metrics.auc_draws(
            impressions, scores[0], config
        )
    return found


def _difference(
    own: float | None, other: float | None, draws: Floats
) -> report_parts.WithInterval:
    low, high = bootstrap.percentiles(draws[:, np.newaxis])
    value = None if own is None or other is None else own - other
    return value, float(low[0]), float(high[0])
