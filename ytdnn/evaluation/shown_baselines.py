"""Baselines of impressions: rates and means of a video's earlier impressions.

`impression_rates` has the counts. Each is measured as of the request of each
impression's slate, and frozen at the beginning of the evaluated window, as a trained
model is. Smoothing is chosen on the ranker's validation window, by the metric that
judges the count.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import impression_metrics, shown_scorers
from ytdnn.log import events, prepared
from ytdnn.ranking import predictions
from ytdnn.retrieval import impression_rates

SplitImpressions = shown_scorers.SplitImpressions

FROZEN = "_frozen"
CLICKS = (impression_rates.CLICK_RATE, impression_rates.CLICK_RATE + FROZEN)
_BY_SECONDS = (impression_rates.MEAN_SECONDS, impression_rates.ODDS)
SECONDS = tuple(kind + end for kind in _BY_SECONDS for end in ("", FROZEN))
NAMES = (*CLICKS, *SECONDS)
_MOST_CHOSEN_BY = 1 << 20  # impressions
Floats = npt.NDArray[np.float64]


class WindowCounts(NamedTuple):
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

    def score(
        self, name: str, smoothing: float, shown: SplitImpressions
    ) -> predictions.Predictions:
        """Returns the predictions of a count, one of `NAMES`, for some of the rows."""
        values = self.value(name, shown.rows, smoothing)
        if name in CLICKS:
            return predictions.Predictions(values, click_probability=values)
        if name.startswith(impression_rates.MEAN_SECONDS):
            return predictions.Predictions(values, seconds=values)
        return predictions.Predictions(np.log(values), logits=np.log(values))

    def value(self, name: str, rows: npt.NDArray[np.int64], smoothing: float) -> Floats:
        """Returns the value of a count, one of `NAMES`, at some of the rows."""
        sums = self.frozen if name.endswith(FROZEN) else self.live
        sums = sums[:, np.searchsorted(self.rows, rows)]
        return impression_rates.value(
            name.removesuffix(FROZEN), sums, self.mean, smoothing
        )


def count(
    data: prepared.PreparedData, rows: npt.NDArray[np.int64], delay_seconds: int = 0
) -> WindowCounts:
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
    sums = impression_rates.sums_before(
        data, np.append(every, videos), np.append(start, moments)
    )
    before, live = np.split(sums, [len(every)], axis=1)
    return WindowCounts(rows, impression_rates.mean(before), live, before[:, videos])


def scorers(
    data: prepared.PreparedData, split: events.Split, config: configs.EvaluationConfig
) -> dict[str, shown_scorers.Scorer]:
    """Returns the counts of a split as scorers, counted when the first is asked.

    Those of seconds only where the log has watch time.

    Args:
      data: The prepared set, with impressions.
      split: `TEST` or `VALIDATION`.
      config: Delay of the counts.
    """

    @functools.cache
    def counted(split: events.Split) -> tuple[SplitImpressions, WindowCounts]:
        shown = SplitImpressions(data.log, split)
        return shown, count(data, shown.rows, int(config.delay_seconds))

    @functools.cache
    def smoothing(name: str) -> float:
        return best_smoothing(name, *counted(events.Split.VALIDATION))

    def score(name: str, impressions: SplitImpressions) -> predictions.Predictions:
        return counted(split)[1].score(name, smoothing(name), impressions)

    kinds = impression_rates.kinds(data.log.has_watch_seconds)
    names = [name for name in NAMES if name.removesuffix(FROZEN) in kinds]
    return {name: functools.partial(score, name) for name in names}


def best_smoothing(name: str, shown: SplitImpressions, counted: WindowCounts) -> float:
    """Returns the smoothing with which a count orders best, the first of equal ones.

    Args:
      name: One of `NAMES`.
      shown: Impressions of validation.
      counted: Their counts.
    """
    shown = shown.select(shown.users <= shown.users[:_MOST_CHOSEN_BY].max(initial=0))

    def quality(smoothing: float) -> float:
        order = counted.value(name, shown.rows, smoothing)
        if name in CLICKS:
            parts = impression_metrics.grouped_auc_parts(shown, order)
        else:
            parts = impression_metrics.list_parts(shown, order)[metric_names.FIRST_HALF]
        return float(parts[0].sum() / max(parts[1].sum(), 1e-9))

    return max(impression_rates.SMOOTHINGS, key=quality)
