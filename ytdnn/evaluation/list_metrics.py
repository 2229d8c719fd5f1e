"""Lists against right answers: numbers, intervals, curves, what is recommended."""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn import configs, schema
from ytdnn.data import prepared
from ytdnn.evaluation import lists, protocol, summary
from ytdnn.metrics import catalogue, retrieval

CURVE_KS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
COVERAGE = "coverage"
MEAN_POPULARITY = "mean_popularity"
MEAN_AGE_DAYS = "mean_age_days"
ANSWERS = "answers"
_AGE_EDGES_DAYS = (0, 1, 3, 7, 14, 30, 60, 120, 365, 1_000, 3_000, 10_000, 100_000)
_DAY_SECONDS = 86_400.0

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Context:
    """What lists are measured with.

    Attributes:
      data: The prepared set.
      cases: Whom to ask and what is right.
      config: Lengths, resamples.
    """

    data: prepared.PreparedData
    cases: protocol.Cases
    config: configs.Evaluation

    @property
    def length(self) -> int:
        """The longest list measured."""
        return max(self.config.ks)

    @functools.cached_property
    def train_counts(self) -> Floats:
        """Training watches by video index; NaN at 0."""
        counts = self.data.videos[prepared.TRAIN_COUNT].to_numpy()
        return np.append(np.nan, counts.astype(np.float64))

    @functools.cached_property
    def upload_times(self) -> Floats | None:
        """Upload times by video index, NaN where not known; None: the log has none."""
        if schema.UPLOAD_TIME not in self.data.videos.columns:
            return None
        times = self.data.videos[schema.UPLOAD_TIME].cast(float).to_numpy()
        return np.append(np.nan, times)


def of_lists(
    context: Context, found: lists.Lists
) -> tuple[dict[str, Any], summary.PerUser]:
    """Measures the lists of one model.

    Args:
      context: Answers and lengths.
      found: `[cases, length] int32`.

    Returns:
      The model's entry in the report, and its values for each user by metric@k.
    """
    cases, config = context.cases, context.config
    per_user = retrieval.metrics_at(found, *cases.targets, config.ks)
    for k in config.ks:
        counts = catalogue.mean_of_listed(found, context.train_counts, k)
        per_user[f"{MEAN_POPULARITY}@{k}"] = counts
        if context.upload_times is not None:
            uploaded = catalogue.mean_of_listed(found, context.upload_times, k)
            per_user[f"{MEAN_AGE_DAYS}@{k}"] = (cases.times - uploaded) / _DAY_SECONDS
    entry = summary.of_users(per_user, config)
    num_videos = protocol.num_candidates(context.data, cases)
    for k in config.ks:
        share, low, high = catalogue.coverage(found, num_videos, k)
        entry["values"][f"{COVERAGE}@{k}"] = share
        entry["intervals"][f"{COVERAGE}@{k}"] = [low, high]
    return entry, per_user


def curves(context: Context, found: lists.Lists) -> dict[str, Any]:
    """Returns every metric over the length of the list, `{metric: {k, values}}`."""
    ks = tuple(k for k in CURVE_KS if k <= context.length)
    values = retrieval.metrics_at(found, *context.cases.targets, ks)
    result: dict[str, Any] = {}
    for name, value in values.items():
        metric, _, k = name.partition("@")
        curve = result.setdefault(metric, {"k": [], "values": []})
        curve["k"].append(int(k))
        curve["values"].append(float(value.mean()))
    return result


def recommended(context: Context, found: lists.Lists) -> dict[str, Any]:
    """Returns how popular and how old the listed videos are, at the shortest length."""
    cut = found[:, : min(context.config.ks)]
    rows = np.repeat(np.arange(len(cut)), cut.shape[1])
    return _shares(context, cut.ravel(), rows)


def answered(context: Context) -> dict[str, Any]:
    """Returns the same of the right answers."""
    targets = context.cases.targets
    return _shares(context, targets.videos, prepared.rows_of(targets.offsets))


def _shares(
    context: Context, videos: npt.NDArray[np.integer], rows: npt.NDArray[np.integer]
) -> dict[str, Any]:
    rows, videos = rows[videos > 0], videos[videos > 0]
    decile = catalogue.deciles(context.train_counts[1:])
    counts = np.bincount(decile[videos - 1], minlength=10)
    result: dict[str, Any] = {"popularity_deciles": _divided(counts)}
    if context.upload_times is not None:
        uploaded = context.upload_times[videos]
        ages = (context.cases.times[rows] - uploaded) / _DAY_SECONDS
        ages = np.clip(ages[np.isfinite(ages)], 0.0, _AGE_EDGES_DAYS[-1])
        edges = _AGE_EDGES_DAYS[: 2 + _last_bin(ages)]
        found = np.histogram(ages, edges)[0]
        result["age_days"] = {"edges": list(edges), "shares": _divided(found)}
    return result


def _last_bin(ages: Floats) -> int:
    edges = np.array(_AGE_EDGES_DAYS[1:-1])
    return int(np.searchsorted(edges, ages.max(initial=0.0), side="right"))


def _divided(counts: npt.NDArray[np.integer]) -> list[float]:
    return (counts / max(int(counts.sum()), 1)).tolist()
