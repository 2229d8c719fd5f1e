"""Baselines of impressions: what is counted of a video's earlier impressions.

`retrieval/shown_counts.py` has the counts. Each is measured as of the request of each
impression's slate, and frozen at the beginning of the evaluated window, as a trained
model is. Smoothing is chosen on the ranker's validation window, by the metric that
judges the count.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import impression_metrics, ranker
from ytdnn.log import events, prepared
from ytdnn.ranking import predictions
from ytdnn.retrieval import shown_counts

FROZEN = "_frozen"
CLICKS = (shown_counts.CLICK_RATE, shown_counts.CLICK_RATE + FROZEN)
SECONDS = tuple(
    kind + end
    for kind in (shown_counts.MEAN_SECONDS, shown_counts.ODDS)
    for end in ("", FROZEN)
)
NAMES = (*CLICKS, *SECONDS)
_MOST_CHOSEN_BY = 1 << 20  # impressions
Floats = npt.NDArray[np.float64]


class Counted(NamedTuple):
    """Sums over earlier impressions, for the impressions of a split.

    Attributes:
      rows: `[n]` rows of all impressions of the split, ascending.
      mean: `[3, 1]` of the average impression before the window.
      live: `[3, n]` as of each impression's request.
      frozen: `[3, n]` at the beginning of the window.
    """

    rows: npt.NDArray[np.int64]
    mean: Floats
    live: Floats
    frozen: Floats

    def value(self, name: str, rows: npt.NDArray[np.int64], smoothing: float) -> Floats:
        """Returns the value of a count, one of `NAMES`, at some of the rows."""
        sums = self.frozen if name.endswith(FROZEN) else self.live
        sums = sums[:, np.searchsorted(self.rows, rows)]
        kind = name.removesuffix(FROZEN)
        return shown_counts.value(kind, sums, self.mean, smoothing)


def count(
    data: prepared.PreparedData, rows: npt.NDArray[np.int64], delay_seconds: int = 0
) -> Counted:
    """Returns the counts for all impressions of a window.

    Args:
      data: The prepared set.
      rows: `[n]` rows of the impressions, ascending.
      delay_seconds: Age from which impressions are known to a request.
    """
    index = data.log.shard_index
    moments = index.gather("impressions", "request_times", rows) - delay_seconds
    videos = index.gather("impressions", "videos", rows)
    every = np.arange(data.num_videos + 1)
    start = np.full(len(every), moments.min() if len(rows) else 0)
    sums = shown_counts.sums_before(
        data, np.append(every, videos), np.append(start, moments)
    )
    before, live = np.split(sums, [len(every)], axis=1)
    return Counted(rows, shown_counts.mean(before), live, before[:, videos])


class Baselines:
    """The counts of a split as scorers, counted when the first is asked."""

    def __init__(
        self,
        data: prepared.PreparedData,
        split: events.Split,
        config: configs.EvaluationConfig,
    ) -> None:
        """Stores what is counted.

        Args:
          data: The prepared set, with impressions.
          split: `TEST` or `VALIDATION`.
          config: Delay of the counts.
        """
        self._data, self._split = data, split
        self._delay = int(config.delay_seconds)
        kinds = shown_counts.kinds(data.log.has_watch_seconds)
        self.names = [n for n in NAMES if n.removesuffix(FROZEN) in kinds]

    @property
    def scorers(self) -> dict[str, ranker.Scorer]:
        """Scorers by name; those of seconds only where the log has watch time."""
        return {name: functools.partial(self._score, name) for name in self.names}

    @functools.cached_property
    def smoothings(self) -> dict[str, float]:
        """The number of average impressions that is best on validation, by name."""
        shown = ranker.SplitImpressions(self._data.log, events.Split.VALIDATION)
        counted = count(self._data, shown.rows, self._delay)
        shown = shown.select(
            shown.users <= shown.users[:_MOST_CHOSEN_BY].max(initial=0)
        )
        return {name: best_smoothing(name, shown, counted) for name in self.names}

    @functools.cached_property
    def _counted(self) -> Counted:
        rows = ranker.SplitImpressions(self._data.log, self._split).rows
        return count(self._data, rows, self._delay)

    def _score(
        self, name: str, impressions: ranker.SplitImpressions
    ) -> predictions.Predictions:
        smoothing = self.smoothings[name]
        return predicted(name, self._counted.value(name, impressions.rows, smoothing))


def best_smoothing(
    name: str, shown: ranker.SplitImpressions, counted: Counted
) -> float:
    """Returns the smoothing with which a count orders best, the first of equal ones.

    Args:
      name: One of `NAMES`.
      shown: Impressions of validation.
      counted: Their counts.
    """

    def quality(smoothing: float) -> float:
        order = counted.value(name, shown.rows, smoothing)
        if name in CLICKS:
            parts = impression_metrics.grouped_auc_parts(shown, order)
        else:
            sums = impression_metrics.list_parts(shown, order)
            parts = sums[metric_names.FIRST_HALF]
        found = bootstrap.ratio(*(float(part.sum()) for part in parts))
        return found if np.isfinite(found) else 0.0

    return max(shown_counts.SMOOTHINGS, key=quality)


def predicted(name: str, values: Floats) -> predictions.Predictions:
    """Returns the values of a count, one of `NAMES`, as predictions."""
    if name in CLICKS:
        return predictions.Predictions(values, click_probability=values)
    if name.startswith(shown_counts.MEAN_SECONDS):
        return predictions.Predictions(values, seconds=values)
    logits = np.log(values)
    return predictions.Predictions(logits, logits=logits)
