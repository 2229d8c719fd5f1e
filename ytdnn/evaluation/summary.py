"""From per-user values to the numbers and intervals of the report."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.metrics import bootstrap

PerUser = dict[str, npt.NDArray[np.float64]]


def means(values: PerUser) -> dict[str, float]:
    """Returns the mean over users of each metric."""
    return {name: float(value.mean()) for name, value in values.items()}


def intervals(values: PerUser) -> dict[str, list[float]]:
    """Returns the bootstrap interval over users of each mean, `[low, high]`."""
    found = bootstrap.mean_intervals(values)
    return {name: list(bounds) for name, bounds in found.items()}


def of_users(values: PerUser) -> dict[str, dict[str, Any]]:
    """Returns the `values` and `intervals` of one model's lists."""
    return {"values": means(values), "intervals": intervals(values)}


def plain(value: Any) -> Any:
    """Returns a report for JSON: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
