"""From per-user values to the numbers and intervals of the report."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn import configs
from ytdnn.metrics import bootstrap

PerUser = dict[str, npt.NDArray[np.float64]]


def of_users(values: PerUser, config: configs.Evaluation) -> dict[str, dict[str, Any]]:
    """Returns the `values` and `intervals` of means over users.

    Args:
      values: `[users]` of each metric, NaN where it is not defined for a user.
      config: Resamples and their seed.
    """
    parts = {name: bootstrap.mean_parts(value) for name, value in values.items()}
    return of_ratios(parts, config)


def of_ratios(
    parts: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    config: configs.Evaluation,
) -> dict[str, dict[str, Any]]:
    """Returns the `values` and `intervals` of ratios of sums over users."""
    found = bootstrap.ratio_intervals(parts, config.num_resamples, seed=config.seed)
    return {
        "values": {name: ratio(a.sum(), b.sum()) for name, (a, b) in parts.items()},
        "intervals": {name: list(bounds) for name, bounds in found.items()},
    }


def ratio(numerator: float, denominator: float) -> float:
    """Returns a quotient, NaN where there is nothing to divide by."""
    return float(numerator / denominator) if denominator > 0.0 else float("nan")


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
