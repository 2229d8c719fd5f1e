"""From per-user values to the numbers and intervals of the report."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import lists, report_parts, report_types

PerUser = dict[str, npt.NDArray[np.float64]]
Parts = Mapping[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]


def user_means(values: PerUser, config: configs.EvaluationConfig) -> report_types.Entry:
    """Returns the `values` and `intervals` of means over users.

    Args:
      values: `[users]` of each metric, NaN where it is not defined for a user.
      config: Resamples and their seed.
    """
    parts = {name: bootstrap.mean_parts(value) for name, value in values.items()}
    return user_ratios(parts, config)


def user_ratios(parts: Parts, config: configs.EvaluationConfig) -> report_types.Entry:
    """Returns the `values` and `intervals` of ratios of sums over users."""
    intervals = bootstrap.ratio_intervals(parts, config.num_resamples, seed=config.seed)
    return report_types.Entry(
        values=dict(bootstrap.ratios(parts)), intervals=dict(intervals)
    )


def with_intervals(
    parts: Parts, config: configs.EvaluationConfig
) -> dict[str, report_parts.WithInterval]:
    """Returns ratios of sums over users with the ends of their intervals."""
    entry = user_ratios(parts, config)
    return {name: (entry.values[name], *entry.intervals[name]) for name in parts}


def sides(parts: Parts, before: str = "") -> PerUser:
    """Returns numerators and denominators as columns of the table of users.

    Args:
      parts: Both by metric.
      before: What the names of the columns begin with.
    """
    return {
        f"{before}{name}/{side}": values
        for name, both in parts.items()
        for side, values in zip(metric_names.SIDES, both, strict=True)
    }


def ranker_gain(
    per_user: Mapping[str, PerUser], config: configs.EvaluationConfig
) -> dict[str, report_parts.WithInterval]:
    """Returns both stages minus the candidates, by `METRIC@k`; empty without a ranker.

    Args:
      per_user: Values of each model.
      config: Resamples and their seed.
    """
    if lists.SYSTEM not in per_user or lists.CANDIDATES not in per_user:
        return {}
    first, both = per_user[lists.CANDIDATES], per_user[lists.SYSTEM]
    names = [name for name in both if name in first and "/" not in name]
    differences = {n: bootstrap.mean_parts(both[n] - first[n]) for n in names}
    return with_intervals(differences, config)
