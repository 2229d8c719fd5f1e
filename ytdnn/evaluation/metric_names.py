"""Properties of metrics by their names.

Metrics of lists are registered with their functions (`ytdnn.registries.METRICS`).
"""

from collections.abc import Collection
from typing import Any

from ytdnn import registries

# Of a ratio of sums over users, in the table of users.
SIDES = NUMERATOR, DENOMINATOR = "numerator", "denominator"
# How varied lists are; coverage by the column of `videos`.
SIMILARITY = "intra_list_similarity"
NOVELTY = "novelty"
GINI = "gini"
COVERAGES = {
    "channel_coverage": "channel_id",
    "topic_coverage": "topic",
    "language_coverage": "language",
}
# A better model has less of these metrics of impressions, and more of all others.
_LESS_IS_BETTER = frozenset(
    {
        "log_loss",
        "click_log_loss",
        "weighted_per_user_loss",
        "mae_seconds",
        "loss",
        "true_clickbait",
        SIMILARITY,
        GINI,
    }
)
# The truth itself is not best by these: 1 is the best ratio, and the least absolute
# error is that of the median, 0 where most impressions are not clicked. Nor is it best
# by how varied lists are.
_NOT_GRADED = frozenset(
    {
        "calibration_ratio",
        "mae_seconds",
        SIMILARITY,
        NOVELTY,
        GINI,
        *COVERAGES,
    }
)

# What a ranker of watch time is judged by, the best yardstick first: of the page by a
# world's truth, of the hits on any log with watch time.
TRUE_WATCH_SECONDS = "true_watch_seconds"
TRUE_CLICKS = "true_clicks"
TRUE_CLICKBAIT = "true_clickbait"
HIT_WATCH_SECONDS = "hit_watch_seconds"
TRUE_PAGE = (TRUE_WATCH_SECONDS, TRUE_CLICKS, TRUE_CLICKBAIT)
PAGE_VALUES = (TRUE_WATCH_SECONDS, HIT_WATCH_SECONDS)
# What a comparison of two systems is decided by, the best yardstick first.
JUDGING = (*PAGE_VALUES, "hit_rate", "recall", "ndcg", "auc")


def _registered(metric: str) -> Any:
    """Returns the record of a metric, `NAME` or `NAME@k`; None without one."""
    name = metric.partition("@")[0]
    return registries.METRICS.get(name) or registries.IMPRESSION_METRICS.get(name)


def less_is_better(metric: str) -> bool:
    """Whether a lower value of a metric, `NAME` or `NAME@k`, is better."""
    part = _registered(metric)
    return part.less_is_better if part else metric.partition("@")[0] in _LESS_IS_BETTER


def is_graded(metric: str) -> bool:
    """Whether a metric, `NAME` or `NAME@k`, grades models, the truth best of all."""
    part = _registered(metric)
    return part.is_graded if part else metric.partition("@")[0] not in _NOT_GRADED


def title(name: str) -> str:
    """Returns the display name that a metric is registered with, empty without one."""
    part = _registered(name)
    return part.title if part else ""


def text(name: str) -> str:
    """Returns the definition that a metric is registered with, empty without one."""
    part = _registered(name)
    return part.text if part else ""


def default_texts() -> dict[str, str]:
    """Returns the definitions of the registered metrics that are always measured."""
    parts = (registries.METRICS[name] for name in registries.METRICS.own())
    return {part.name: part.text for part in parts if part.is_default}


def judging_pages(known: Collection[str], k: int) -> list[str]:
    """Returns the metric to show first of a system's lists: the best one available.

    Hit rate is no measure of a second stage (DESIGN §9), so it is shown only without
    watch time.

    Args:
      known: Names of the measured metrics, `MODEL/METRIC@K`.
      k: Length of the list.

    >>> judging_pages(["system/hit_rate@10", "system/true_watch_seconds@10"], k=10)
    ['system/true_watch_seconds@10']
    """
    for stem in (*PAGE_VALUES, "hit_rate"):
        name = f"system/{stem}@{k}"
        if name in known:
            return [name]
    return []
