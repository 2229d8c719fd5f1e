"""The gain of the ranker over the first stage, and the gap of slates to their bounds.

Both are paired: they are computed from each user's own differences, and intervals come
from resampling users.
"""

from collections.abc import Mapping

from ytdnn.base import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import lists, report_model, report_parts, summary

PerUsers = Mapping[str, summary.PerUser]
# From the first to the second; each is told of the systems that lie between.
_GAPS = (
    (lists.CANDIDATES, lists.CANDIDATES_BY_TRUTH),
    (lists.POPULARITY, lists.ORACLE_BY_WATCH_TIME),
)


def of_ranker(
    per_user: PerUsers, config: configs.EvaluationConfig
) -> dict[str, report_parts.WithInterval]:
    """Returns both stages minus the candidates, by `METRIC@k`; empty without a ranker.

    Args:
      per_user: Values of each model.
      config: Resamples and their seed.
    """
    if lists.SYSTEM not in per_user or lists.CANDIDATES not in per_user:
        return {}
    first, both = per_user[lists.CANDIDATES], per_user[lists.SYSTEM]
    differences = {
        name: both[name] - first[name]
        for name in both
        if name in first and "/" not in name
    }
    entry = summary.of_users(differences, config)
    return {name: (entry.values[name], *entry.intervals[name]) for name in differences}


def page_gaps(
    per_user: PerUsers, config: configs.EvaluationConfig
) -> tuple[report_model.Gap, ...]:
    """Returns the share of each gap in true watch seconds that systems close.

    Args:
      per_user: Values of each model.
      config: Settings of lengths, resamples and their seed.
    """
    watched = metric_names.TRUE_WATCH_SECONDS
    return tuple(
        _gap(per_user, metric_names.at(watched, k), baseline, best, config)
        for k in config.ks
        for baseline, best in _GAPS
        if baseline in per_user and best in per_user
    )


def _gap(
    per_user: PerUsers,
    metric: str,
    baseline: str,
    best: str,
    config: configs.EvaluationConfig,
) -> report_model.Gap:
    low, high = per_user[baseline][metric], per_user[best][metric]
    is_of_ranker = best == lists.CANDIDATES_BY_TRUTH
    between = [
        name
        for name in per_user
        if name not in (baseline, best)
        and not (is_of_ranker and name in lists.REFERENCES)
    ]
    parts = {name: (per_user[name][metric] - low, high - low) for name in between}
    entry = summary.of_ratios(parts, config)
    shares = {name: (entry.values[name], *entry.intervals[name]) for name in between}
    return report_model.Gap(metric=metric, baseline=baseline, best=best, shares=shares)
