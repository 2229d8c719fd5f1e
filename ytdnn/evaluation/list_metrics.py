"""Metrics of lists against right answers: values, intervals, curves, listed videos."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, ragged, registries, schema
from ytdnn.base.metrics import (
    catalogue,
    debiased,
    metric_names,
    ranked_lists,
    retrieval,
    watch_time,
)
from ytdnn.evaluation import (
    lists,
    protocol,
    report_model,
    summary,
    truths,
    variety,
)
from ytdnn.log import catalogues, prepared

CURVE_KS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
ANSWERS = "answers"
_AGE_EDGES_DAYS = (0, 1, 3, 7, 14, 30, 60, 120, 365, 1_000, 3_000, 10_000, 100_000)
_PROPENSITY_POWER = 1.0  # all videos have the same weight (see `debiased`)

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Context:
    """The inputs of list metrics.

    Attributes:
      data: The prepared set.
      cases: Users and right answers.
      config: Settings of lengths and resamples.
    """

    data: prepared.PreparedData
    cases: protocol.Cases
    config: configs.EvaluationConfig

    @property
    def length(self) -> int:
        """The longest list measured."""
        return max(self.config.ks)

    @functools.cached_property
    def train_counts(self) -> Floats:
        """Training watches by catalogue index; NaN at 0."""
        counts = self.data.videos[catalogues.TRAIN_COUNT].to_numpy()
        return np.append(np.nan, counts.astype(np.float64))

    @functools.cached_property
    def popularity_deciles(self) -> npt.NDArray[np.integer]:
        """Decile of popularity by catalogue index, 0 … 9; -1 without an embedding."""
        size = self.data.vocabulary_size
        deciles = catalogue.deciles(self.train_counts[1 : size + 1])
        return np.concatenate([[-1], deciles, np.full(self.data.num_videos - size, -1)])

    @functools.cached_property
    def upload_times(self) -> Floats | None:
        """Upload times by video index, NaN where unknown; None: the log has none."""
        if schema.UPLOAD_TIME not in self.data.videos.columns:
            return None
        times = self.data.videos[schema.UPLOAD_TIME].cast(float).to_numpy()
        return np.append(np.nan, times)

    @functools.cached_property
    def variety(self) -> variety.Variety:
        """Metrics of the variety of lists."""
        return variety.Variety(self.data, self.config.similarity_by)

    @functools.cached_property
    def true_pages(self) -> truths.Pages | None:
        """The true value of slates; None: the log is not a world's."""
        return truths.pages_of(self.data)


def of_lists(
    context: Context, found: lists.Lists
) -> tuple[report_model.Entry, summary.PerUser]:
    """Measures the lists of one model.

    Args:
      context: Answers and lengths.
      found: `[cases, length] int32`.

    Returns:
      The model's entry in the report, and its values for each user by metric@k.
    """
    cases, config = context.cases, context.config
    per_user = _judged(context, found, config.ks)
    for k in config.ks:
        counts = catalogue.mean_of_listed(found, context.train_counts, k)
        per_user[metric_names.at(metric_names.MEAN_POPULARITY, k)] = counts
        if context.upload_times is not None:
            uploaded = catalogue.mean_of_listed(found, context.upload_times, k)
            ages = (cases.times - uploaded) / schema.DAY_SECONDS
            per_user[metric_names.at(metric_names.MEAN_AGE_DAYS, k)] = ages
    shortest = min(config.ks)
    per_user |= context.variety.per_user(found, context.train_counts, shortest)
    ratios = _debiased(context, found)
    means = summary.of_users(per_user, config)
    hits = summary.of_ratios(ratios, config)
    num_videos = protocol.num_candidates(cases)
    listed = np.where(found > cases.num_listed, 0, found)
    names = {k: metric_names.at(metric_names.COVERAGE, k) for k in config.ks}
    covered = {names[k]: catalogue.coverage(listed, num_videos, k) for k in config.ks}
    whole = context.variety.of_all(listed, cases.num_listed, num_videos, shortest)
    entry = report_model.Entry(
        values=means.values
        | hits.values
        | {name: share for name, (share, _, _) in covered.items()}
        | whole.values,
        intervals=means.intervals
        | hits.intervals
        | {name: (low, high) for name, (_, low, high) in covered.items()}
        | whole.intervals,
    )
    return entry, per_user | _sides(ratios)


def _debiased(context: Context, found: lists.Lists) -> dict[str, tuple[Floats, Floats]]:
    """Returns numerators and denominators of the debiased hit rate, by metric@k."""
    targets = context.cases.targets
    watches = context.train_counts[targets.values]
    weights = debiased.inverse_propensities(watches, _PROPENSITY_POWER)
    name = metric_names.DEBIASED
    return {
        metric_names.at(name, k): debiased.hit_rate_parts(found, targets, weights, k)
        for k in context.config.ks
    }


def _sides(ratios: Mapping[str, tuple[Floats, Floats]]) -> summary.PerUser:
    """Returns numerators and denominators as columns of the table of users."""
    return {
        f"{name}/{side}": values
        for name, both in ratios.items()
        for side, values in zip(metric_names.SIDES, both, strict=True)
    }


def _judged(
    context: Context, found: lists.Lists, ks: tuple[int, ...]
) -> summary.PerUser:
    """Returns the metrics of lists: hits, watch seconds of hits, the true slate.

    The metrics that `evaluation.metrics` names follow.
    """
    cases = context.cases
    values = retrieval.metrics_at(found, *cases.targets, ks)
    if cases.seconds is not None:
        seconds = retrieval.weights_of(found, *cases.targets, cases.seconds)
        relevant = ragged.Ragged(cases.targets.offsets, cases.seconds)
        values |= watch_time.evaluate(seconds, relevant, ks)
    if context.true_pages is not None:
        values |= context.true_pages.per_user(cases, found, ks)
    ranked = _ranked(context, found)
    for name in context.config.metrics:
        metric = registries.METRICS.get(name)
        if metric is None:
            continue  # of impressions
        if not metric.is_default:
            values |= {metric_names.at(name, k): metric.make(ranked, k) for k in ks}
    return values


def _ranked(context: Context, found: lists.Lists) -> ranked_lists.RankedLists:
    """Returns the inputs of registered metrics."""
    cases = context.cases
    seconds = None
    if cases.seconds is not None:
        seconds = retrieval.weights_of(found, *cases.targets, cases.seconds)
    return ranked_lists.RankedLists(
        videos=found,
        hits=retrieval.hits_of(found, *cases.targets),
        num_relevant=np.diff(cases.targets.offsets),
        seconds=seconds,
        times=cases.times,
        train_counts=context.train_counts,
        catalogue=context.data.videos,
    )


def curves(context: Context, found: lists.Lists) -> dict[str, report_model.Curve]:
    """Returns every metric over the length of the list."""
    ks = tuple(k for k in CURVE_KS if k <= context.length)
    values = _judged(context, found, ks)
    by_metric: dict[str, dict[int, float]] = {}
    for name, value in values.items():
        points = by_metric.setdefault(metric_names.stem(name), {})
        points[int(metric_names.length(name))] = float(value.mean())
    return {
        metric: report_model.Curve(k=tuple(points), values=tuple(points.values()))
        for metric, points in by_metric.items()
    }


def recommended(context: Context, found: lists.Lists) -> report_model.Recommended:
    """Returns popularity and age of the listed videos, at the shortest length."""
    cut = found[:, : min(context.config.ks)]
    rows = np.repeat(np.arange(len(cut)), cut.shape[1])
    return _shares(context, cut.ravel(), rows)


def answered(context: Context) -> report_model.Recommended:
    """Returns popularity and age of the right answers."""
    targets = context.cases.targets
    return _shares(context, targets.values, targets.rows)


def _shares(
    context: Context, videos: npt.NDArray[np.integer], rows: npt.NDArray[np.integer]
) -> report_model.Recommended:
    rows, videos = rows[videos > 0], videos[videos > 0]
    decile = context.popularity_deciles[videos]
    counts = np.bincount(decile[decile >= 0], minlength=10)
    ages = None
    if context.upload_times is not None:
        uploaded = context.upload_times[videos]
        ages = _ages((context.cases.times[rows] - uploaded) / schema.DAY_SECONDS)
    return report_model.Recommended(popularity_deciles=_divided(counts), age_days=ages)


def _ages(days: Floats) -> report_model.Ages:
    known = np.clip(days[np.isfinite(days)], 0.0, _AGE_EDGES_DAYS[-1])
    edges = _AGE_EDGES_DAYS[: 2 + _last_bin(known)]
    return report_model.Ages(
        edges=edges, shares=_divided(np.histogram(known, edges)[0])
    )


def _last_bin(ages: Floats) -> int:
    edges = np.array(_AGE_EDGES_DAYS[1:-1])
    return int(np.searchsorted(edges, ages.max(initial=0.0), side="right"))


def _divided(counts: npt.NDArray[np.integer]) -> tuple[float, ...]:
    return tuple((counts / max(int(counts.sum()), 1)).tolist())
