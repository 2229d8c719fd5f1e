"""Detects columns of the log that seem to be computed with events of the future.

The views or the click rate of a video over the whole log predict the clicks in the
windows that judge a model. Such a column explains more of the users' or videos' clicks
in the validation window than the events before the window explain.

The targets, for each user or video, are the number of clicks in the validation window,
the click rate there, and the number of impressions there. Impressions, clicks and click
rate before the window are regressed out of the ranks of the target and of the column.
The column is suspect where the residuals correlate by `LIMIT` or more and the
correlation is significant. On KuaiRand-Pure this partial correlation is at most .08 for
the log's own columns, .24 to .56 for clicks counted over the whole log, and .27
(videos) and .36 (users) for impressions counted over it. A legitimate column may also
explain more than the past does, so this is a warning. A user who trusts the column
silences it by naming the column.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.log import events, prepared

LIMIT = 0.2  # correlation; see `suspects`
_STANDARD_ERRORS = 4.0  # 1 / √rows each: a few rows correlate by chance
_LEAST_ROWS = 30
_SMOOTHING = 10.0  # impressions

Floats = npt.NDArray[np.float64]


def suspects(data: prepared.PreparedData, names: Iterable[str]) -> dict[str, str]:
    """Returns the columns that may be computed from the future, with the reason.

    Args:
      data: The prepared set, with impressions.
      names: Names of numeric columns, such as "videos.views".
    """
    found = {}
    counts: dict[str, _Counts] = {}
    for name in names:
        table, _, column = name.partition(".")
        if table not in counts:
            counts[table] = _counts(data, table)
        why = _suspicion(counts[table], _numbers(data, table, column))
        if why:
            found[name] = why
    return found


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Impressions and clicks of each user or video, `[n] float64`.

    Attributes:
      shown: Impressions before the validation window.
      clicked: Clicks before it.
      shown_recently: Impressions in the ranker's training window.
      clicked_recently: Clicks in it.
      shown_later: Impressions in the validation window.
      clicked_later: Clicks in it.
    """

    shown: Floats
    clicked: Floats
    shown_recently: Floats
    clicked_recently: Floats
    shown_later: Floats
    clicked_later: Floats

    def known(self) -> list[Floats]:
        """Returns the statistics of the events before the window."""
        average = self.clicked.sum() / max(1.0, self.shown.sum())
        rate = (self.clicked + _SMOOTHING * average) / (self.shown + _SMOOTHING)
        recently = self.shown_recently, self.clicked_recently
        earlier = self.shown - recently[0], self.clicked - recently[1]
        return [self.shown, self.clicked, *recently, *earlier, rate]


def _counts(data: prepared.PreparedData, table: str) -> _Counts:
    size = data.num_users if table == schema.USERS else data.num_videos + 1
    totals = np.zeros((6, size))
    whole = data.log.whole
    for place, shard in zip(whole.shards, whole.each_shard(), strict=True):
        shown = shard.impressions
        owners = np.asarray(shown.videos)
        if table == schema.USERS:
            owners = np.asarray(shown.users) + place.first_user
        splits, clicked = np.asarray(shown.splits), np.asarray(shown.clicked)
        later = splits == events.Split.VALIDATION
        recent = splits == events.Split.TRAIN
        before = ~later & (splits != events.Split.TEST)
        kept = (
            before,
            before & clicked,
            recent,
            recent & clicked,
            later,
            later & clicked,
        )
        totals += [np.bincount(owners[rows], minlength=size) for rows in kept]
    return _Counts(*(totals if table == schema.USERS else totals[:, 1:]))


def _numbers(data: prepared.PreparedData, table: str, column: str) -> Floats:
    """Returns a column, NaN where a value is missing."""
    values = (data.users if table == schema.USERS else data.videos)[column]
    found: Floats = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return found


def _suspicion(counts: _Counts, values: Floats) -> str:
    """Returns why a column is suspected, empty where it is not."""
    is_known, later = np.isfinite(values), counts.shown_later > 0
    has_events = later | (counts.shown > 0)
    rate = counts.clicked_later / np.maximum(counts.shown_later, 1.0)
    targets = {
        "the number of clicks": (counts.clicked_later, is_known & has_events),
        "the click rate": (rate, is_known & later),
        "the number of impressions": (counts.shown_later, is_known & has_events),
    }
    for target, (observed, rows) in targets.items():
        if rows.sum() < _LEAST_ROWS:
            continue
        known = [statistic[rows] for statistic in counts.known()]
        found = abs(_partial_correlation(values[rows], observed[rows], known))
        if found >= max(LIMIT, _STANDARD_ERRORS / np.sqrt(rows.sum())):
            return (
                f"less what was known before, it has a correlation of {found:.2f} with "
                f"{target} in the validation window"
            )
    return ""


def _partial_correlation(left: Floats, right: Floats, known: list[Floats]) -> float:
    """Returns the correlation of the ranks of two variables, controlled for others.

    Args:
      left: `[n]`.
      right: `[n]`.
      known: Control variables, `[n]` each, at least 0; their ranks and logarithms are
        used.
    """
    explaining = [np.ones(len(left)), *map(_ranks, known), *map(np.log1p, known)]
    inputs = np.column_stack(explaining)
    ranks = np.column_stack([_ranks(left), _ranks(right)])
    rest = ranks - inputs @ np.linalg.lstsq(inputs, ranks, rcond=None)[0]
    sizes = np.sqrt((rest**2).sum(axis=0))
    # Of a variable that is explained as a whole nothing is left but rounding.
    if (sizes <= 1e-6 * np.maximum(1.0, np.sqrt((ranks**2).sum(axis=0)))).any():
        return 0.0
    return float(rest[:, 0] @ rest[:, 1] / sizes.prod())


def _ranks(values: Floats) -> Floats:
    """Returns ranks less their mean, equal for equal values."""
    ranks = pl.Series(values).rank("average").to_numpy()
    found: Floats = ranks - ranks.mean()
    return found
