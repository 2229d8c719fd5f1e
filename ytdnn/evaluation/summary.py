"""From per-user values to the numbers and intervals of the report."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import report_model, report_parts

PerUser = dict[str, npt.NDArray[np.float64]]


def of_users(values: PerUser, config: configs.EvaluationConfig) -> report_model.Entry:
    """Returns the `values` and `intervals` of means over users.

    Args:
      values: `[users]` of each metric, NaN where it is not defined for a user.
      config: Resamples and their seed.
    """
    parts = {name: bootstrap.mean_parts(value) for name, value in values.items()}
    return of_ratios(parts, config)


def of_ratios(
    parts: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    config: configs.EvaluationConfig,
) -> report_model.Entry:
    """Returns the `values` and `intervals` of ratios of sums over users."""
    found = bootstrap.ratio_intervals(parts, config.num_resamples, seed=config.seed)
    return report_model.Entry(
        values=dict(bootstrap.ratios(parts)),
        intervals=dict(found.items()),
    )


def gaps_closed(
    models: Mapping[str, report_model.Entry], baseline: str, best: str
) -> dict[str, dict[str, report_parts.Number]]:
    """Returns the share of the gap between two models that each other model closes.

    Args:
      models: Numbers of each model. Metrics without intervals, which describe lists and
        do not grade them, are left out, and so are undefined metrics and those by which
        the truth is not best (`metric_names.is_graded`).
      baseline: The model of share 0.
      best: The model of share 1.

    >>> models = {
    ...     name: report_model.Entry(values={"auc": v}, intervals={"auc": (v, v)})
    ...     for name, v in {"a": 0.1, "b": 0.2, "c": 0.5}.items()
    ... }
    >>> gaps_closed(models, "a", "c")
    {'b': {'auc': 0.25}}
    """
    if baseline not in models or best not in models:
        return {}
    low, high = _graded(models[baseline]), _graded(models[best])
    metrics = [name for name in high if name in low and low[name] != high[name]]
    return {
        model: {
            name: round((value - low[name]) / (high[name] - low[name]), 6)
            for name, value in _graded(entry).items()
            if name in metrics
        }
        for model, entry in models.items()
        if model not in (baseline, best)
    }


def _graded(entry: report_model.Entry) -> dict[str, float]:
    """Returns the defined values that have an interval and grade a model."""
    return {
        name: value
        for name, value in entry.values.items()
        if value is not None
        and name in entry.intervals
        and metric_names.is_graded(name)
    }


def plain(value: Any) -> Any:
    """Returns a report for JSON: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
