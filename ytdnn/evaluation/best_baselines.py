"""Compares the ranker with the best baseline of clicks, and of watch seconds.

A click probability is judged by AUC, within each user and over all, and log loss;
expected seconds by the share of the watch time in the first places of each user's list,
nDCG, XAUC and per-user loss. The best baseline is that of the evaluated window itself,
which favours it. Differences are paired by user.
"""

from collections.abc import Mapping

import numpy as np

from ytdnn.base import configs
from ytdnn.base.metrics import binary, metric_names
from ytdnn.evaluation import (
    boosted_trees,
    impression_metrics,
    report_parts,
    report_types,
    shown_baselines,
    shown_lists,
    shown_scorers,
)
from ytdnn.ranking import predictions

CLICKS, SECONDS = "clicks", "seconds"
_XAUC = metric_names.XAUC
# Metrics of each kind of prediction; the first chooses the best baseline.
METRICS = {
    CLICKS: (metric_names.GROUPED_AUC, metric_names.AUC, metric_names.CLICK_LOG_LOSS),
    SECONDS: (
        *(metric_names.FIRST_HALF, metric_names.FIRST_QUARTER, metric_names.LIST_NDCG),
        *(_XAUC, metric_names.PER_USER_LOSS),
    ),
}
_ALWAYS = shown_scorers.POPULARITY, boosted_trees.LIGHTGBM
_OF_KIND = {
    CLICKS: (*_ALWAYS, *shown_baselines.CLICKS),
    SECONDS: (*_ALWAYS, *shown_baselines.SECONDS),
}


def compare(
    impressions: shown_scorers.SplitImpressions,
    predicted: Mapping[str, predictions.Predictions],
    entries: Mapping[str, report_types.Entry],
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
    best_of: dict[str, report_parts.BestBaseline] = {}
    for kind in [CLICKS] if impressions.seconds is None else [CLICKS, SECONDS]:
        judge = METRICS[kind][0]
        known = {k: entry.values.get(judge) or 0.0 for k, entry in entries.items()}
        names = [name for name in _OF_KIND[kind] if known.get(name)]
        if not names or not known.get(shown_scorers.RANKER):
            continue
        best = max(names, key=lambda name: known[name])
        pair = {name: predicted[name] for name in (shown_scorers.RANKER, best)}
        sums = {
            name: parts[name] | impression_metrics.pair_parts(impressions, one)
            for name, one in pair.items()
        }
        ahead = _ahead(METRICS[kind], impressions, pair, sums, config)
        best_of[kind] = report_parts.BestBaseline(name=best, judge=judge, ahead=ahead)
    return best_of


def _ahead(
    metrics: tuple[str, ...],
    impressions: shown_scorers.SplitImpressions,
    pair: Mapping[str, predictions.Predictions],
    sums: Mapping[str, impression_metrics.Parts],
    config: configs.EvaluationConfig,
) -> dict[str, report_parts.WithInterval]:
    """Returns the first of two models less the second, by the metrics of both."""
    both = [m for m in metrics if all(m in of_users for of_users in sums.values())]
    shared = {name: {m: of_users[m] for m in both} for name, of_users in sums.items()}
    own, other = pair
    ahead = shown_lists.resampled(shared, config).ahead(own, other)
    if _XAUC in ahead:  # a drawn user changes a pair at both ends
        value, low, high = (np.nan if v is None else v for v in ahead[_XAUC])
        ahead[_XAUC] = value, 2.0 * low - value, 2.0 * high - value
    orders = [
        impression_metrics.click_orders(impressions, one) for one in pair.values()
    ]
    scores = [order[0] for order in orders if order is not None]
    if metric_names.AUC in metrics and len(scores) == 2:
        areas = [binary.auc(impressions.clicked, score) for score in scores]
        draws = [
            impression_metrics.auc_draws(impressions, score, config) for score in scores
        ]
        ends = impression_metrics.ends(draws[0] - draws[1])
        ahead[metric_names.AUC] = areas[0] - areas[1], *ends
    return ahead
