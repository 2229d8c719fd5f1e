"""Metrics of lists against right answers: values and intervals."""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, ragged, registries, schema
from ytdnn.base.metrics import (
    catalogue,
    exact_top_k,
    metric_names,
    ranked_lists,
    watch_time_of_hits,
)
from ytdnn.evaluation import known_truth, lists, report_types, user_cases, user_means
from ytdnn.log import prepared
from ytdnn.retrieval import filter_schema

Entry = report_types.Entry
Lists = lists.Lists

_PROPENSITY_POWER = 1.0  # all videos have the same weight (see `retrieval`)

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
    cases: user_cases.Cases
    config: configs.EvaluationConfig

    @property
    def length(self) -> int:
        """The longest list measured."""
        return min(max(self.config.ks), self.data.num_videos)

    @functools.cached_property
    def train_counts(self) -> Floats:
        """Training watches by catalogue index; NaN at 0."""
        counts = self.data.videos[prepared.TRAIN_COUNT].to_numpy()
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
    def variety(self) -> "Variety":
        """Metrics of the variety of lists."""
        return Variety(self.data)

    @functools.cached_property
    def true_pages(self) -> known_truth.Pages | None:
        """The true value of slates; None: the log is not a world's."""
        return known_truth.pages_of(self.data)


def measure_lists(context: Context, ranked: Lists) -> tuple[Entry, user_means.PerUser]:
    """Measures the lists of one model.

    Args:
      context: Answers and lengths.
      ranked: `[cases, length] int32`.

    Returns:
      The model's entry in the report, and its values for each user by metric@k.
    """
    cases, config = context.cases, context.config
    per_user = _judged(context, ranked, config.ks)
    for k in config.ks:
        counts = catalogue.mean_of_listed(ranked, context.train_counts, k)
        per_user[metric_names.at(metric_names.MEAN_POPULARITY, k)] = counts
        if context.upload_times is not None:
            uploaded = catalogue.mean_of_listed(ranked, context.upload_times, k)
            ages = (cases.times - uploaded) / schema.DAY_SECONDS
            per_user[metric_names.at(metric_names.MEAN_AGE_DAYS, k)] = ages
    shortest = min(config.ks)
    per_user |= context.variety.per_user(ranked, context.train_counts, shortest)
    ratios = _debiased(context, ranked)
    means = user_means.user_means(per_user, config)
    hits = user_means.user_ratios(ratios, config)
    num_videos = user_cases.num_candidates(cases)
    listed = np.where(ranked > cases.num_listed, 0, ranked)
    whole = context.variety.total(listed, cases.num_listed, num_videos, shortest)
    values = means.values | hits.values
    intervals = means.intervals | hits.intervals
    for k in config.ks:
        share, *ends = catalogue.coverage(listed, num_videos, k)
        name = metric_names.at(metric_names.COVERAGE, k)
        values[name], intervals[name] = share, (ends[0], ends[1])
    entry = Entry(values=values | whole.values, intervals=intervals | whole.intervals)
    return entry, per_user | user_means.sides(ratios)


def _debiased(context: Context, listed: Lists) -> dict[str, tuple[Floats, Floats]]:
    """Returns numerators and denominators of the debiased hit rate, by metric@k."""
    targets = context.cases.targets
    watches = context.train_counts[targets.values]
    weights = exact_top_k.inverse_propensities(watches, _PROPENSITY_POWER)
    rates, name = exact_top_k.hit_rate_parts, metric_names.DEBIASED
    return {
        metric_names.at(name, k): rates(listed, targets, weights, k)
        for k in context.config.ks
    }


def _judged(context: Context, listed: Lists, ks: tuple[int, ...]) -> user_means.PerUser:
    """Returns the metrics of lists: hits, watch seconds of hits, the true slate.

    The metrics that `evaluation.metrics` names follow, and own ones for every report.
    """
    cases, ranked = context.cases, _ranked(context, listed)
    values = exact_top_k.metrics_at(listed, *cases.targets, ks)
    if cases.seconds is not None and ranked.seconds is not None:
        relevant = ragged.Ragged(cases.targets.offsets, cases.seconds)
        values |= watch_time_of_hits.evaluate(ranked.seconds, relevant, ks)
    if context.true_pages is not None:
        values |= context.true_pages.per_user(cases, listed, ks)
    parts, measured = registries.METRICS, {*registries.METRICS.own()}
    others = [name for name in parts.names() if name not in measured]
    always = [name for name in others if parts[name].is_default]
    for name in dict.fromkeys([*context.config.metrics, *always]):
        metric = parts.get(name)
        if metric is None or (metric.is_default and name in measured):
            continue  # of impressions, or measured already
        for k in ks:
            value = parts.made(name, object, ranked, k)
            value = parts.array(value, [len(listed)], name)
            values[metric_names.at(name, k)] = np.asarray(value, np.float64)
    return values


def _ranked(context: Context, listed: Lists) -> ranked_lists.RankedLists:
    """Returns the inputs of registered metrics."""
    cases = context.cases
    seconds = None
    if cases.seconds is not None:
        seconds = exact_top_k.weights_of(listed, *cases.targets, cases.seconds)
    return ranked_lists.RankedLists(
        videos=listed,
        hits=exact_top_k.hits_of(listed, *cases.targets),
        num_relevant=np.diff(cases.targets.offsets),
        seconds=seconds,
        times=cases.times,
        train_counts=context.train_counts,
        catalogue=context.data.videos,
    )


class Variety:
    """Measures the variety of lists, at the shortest length of a report.

    Attributes:
      by: Column that videos are compared by; empty: the log has no such column.
    """

    def __init__(self, data: prepared.PreparedData) -> None:
        """Chooses the first column of vectors, else the topic, else the channel."""
        self._data = data
        self._made: dict[str, npt.NDArray[np.int32]] = {}
        of_vectors = data.catalogue.vectors.in_table(schema.VIDEOS)
        columns = (schema.TOPIC, schema.CHANNEL_ID)
        of_values = [c for c in columns if c in data.videos.columns]
        self.by = next(iter([*of_vectors, *of_values]), "")

    def per_user(
        self, listed: Lists, watches: npt.NDArray[np.float64], k: int
    ) -> user_means.PerUser:
        """Returns the metrics of each list.

        Args:
          listed: `[cases, length] int32`.
          watches: `[num_videos + 1]` training watches by catalogue index.
          k: Length at which lists are cut.
        """
        novelty = catalogue.novelty(listed, watches, k)
        values = {metric_names.at(metric_names.NOVELTY, k): novelty}
        if k < 2:
            return values  # of one video there is no pair
        if self.by in self._data.catalogue.vectors.widths:
            vectors = self._data.catalogue.vectors.rows(self.by)
            similar = catalogue.similarity_of_vectors(listed, vectors, k)
        elif self.by:
            similar = catalogue.similarity_of_values(listed, self._codes(self.by), k)
        else:
            return values
        return values | {metric_names.at(metric_names.SIMILARITY, k): similar}

    def total(self, listed: Lists, num_listed: int, num_videos: int, k: int) -> Entry:
        """Returns the metrics of all lists together.

        Args:
          listed: `[cases, length] int32` of videos that lists can hold.
          num_listed: Number of videos that lists can hold, the first ones of the
            catalogue.
          num_videos: Number of videos of the candidate set.
          k: Length at which lists are cut.
        """
        index, low, high = catalogue.gini(listed, num_videos, k)
        values = {metric_names.at(metric_names.GINI, k): index}
        intervals = {metric_names.at(metric_names.GINI, k): (low, high)}
        for metric, column in metric_names.COVERAGES.items():
            if column not in self._data.videos.columns:
                continue
            codes = self._codes(column)
            number = len(np.setdiff1d(codes[1 : num_listed + 1], [0]))
            cut = catalogue.replace_by_values(listed[:, :k], codes)
            share, *interval = catalogue.coverage(cut, number, k)
            values[metric_names.at(metric, k)] = share
            intervals[metric_names.at(metric, k)] = (interval[0], interval[1])
        return Entry(values=dict(values), intervals=dict(intervals))

    def _codes(self, column: str) -> npt.NDArray[np.int32]:
        """Returns the value of each video as a code, `[num_videos + 1]`."""
        if column not in self._made:
            codes = filter_schema.codes(self._data.videos[column])
            self._made[column] = np.append(np.int32(0), codes)
        return self._made[column]
