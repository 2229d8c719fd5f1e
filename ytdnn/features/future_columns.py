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
silences it by naming the column. A column that is the number of watches in the whole
log is suspect as such.
"""

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
_MOST_EQUAL = 0.9  # of numbers, to the numbers of watches

Floats = npt.NDArray[np.float64]


def suspects(data: prepared.PreparedData, names: Iterable[str]) -> dict[str, str]:
    """Returns the columns that may be computed from the future, with the reason.

    Args:
      data: The prepared set, with impressions.
      names: Names of numeric columns, such as "videos.views".
    """
    reasons, counts = {}, {}
    for name in names:
        table, _, column = name.partition(".")
        if table not in counts:
            counts[table] = _counts(data, table)
        values = (data.users if table == schema.USERS else data.videos)[column]
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        why = _suspicion(*counts[table], numbers)
        if why:
            reasons[name] = why
    return reasons


def _counts(data: prepared.PreparedData, table: str) -> tuple[Floats, Floats]:
    """Returns impressions and clicks of each user or video, and all watches, `[n]`.

    The first are `[3, 2, n]`: those before the validation window, those in the ranker's
    training window, and those in the validation window.
    """
    size = data.num_users if table == schema.USERS else data.num_videos + 1
    totals, watched = np.zeros((3, 2, size)), np.zeros(size)
    whole = data.log.whole
    for place, shard in zip(whole.shards, whole.each_shard(), strict=True):
        shown = shard.impressions
        owners, watchers = np.asarray(shown.videos), np.asarray(shard.watches.videos)
        if table == schema.USERS:
            owners = np.asarray(shown.users) + place.first_user
            watchers = np.asarray(shard.watches.users) + place.first_user
        watched += np.bincount(watchers, minlength=size)
        splits, clicked = np.asarray(shown.splits), np.asarray(shown.clicked)
        later = splits == events.Split.VALIDATION
        before = ~later & (splits != events.Split.TEST)
        windows = (before, splits == events.Split.TRAIN, later)
        for total, chosen in zip(totals, windows, strict=True):
            pair = chosen, chosen & clicked
            total += [np.bincount(owners[rows], minlength=size) for rows in pair]
    first = 0 if table == schema.USERS else 1
    return totals[:, :, first:], watched[first:]


def _suspicion(counts: Floats, watched: Floats, values: Floats) -> str:
    """Returns why a column is suspected, empty where it is not."""
    many = watched > 1.0  # a 1 is often another number's
    if many.any() and (values[many] == watched[many]).mean() > _MOST_EQUAL:
        return "it is the number of watches in the whole log"
    before, recently, (shown_later, clicked_later) = counts
    shown, clicked = before
    average = clicked.sum() / max(1.0, shown.sum())
    rate = (clicked + _SMOOTHING * average) / (shown + _SMOOTHING)
    known = [shown, clicked, *recently, *(before - recently), rate]
    is_known, is_later = np.isfinite(values), shown_later > 0
    has_events = is_known & (is_later | (shown > 0))
    rate_later = clicked_later / np.maximum(shown_later, 1.0)
    targets = {
        "the number of clicks": (clicked_later, has_events),
        "the click rate": (rate_later, is_known & is_later),
        "the number of impressions": (shown_later, has_events),
    }
    for target, (observed, rows) in targets.items():
        if rows.sum() < _LEAST_ROWS:
            continue
        controls = [statistic[rows] for statistic in known]
        correlation = abs(_partial_correlation(values[rows], observed[rows], controls))
        if correlation >= max(LIMIT, _STANDARD_ERRORS / np.sqrt(rows.sum())):
            return (
                "less what was known before, it has a correlation of "
                f"{correlation:.2f} with {target} in the validation window"
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
    ranks: Floats = pl.Series(values).rank("average").to_numpy()
    return ranks - ranks.mean()
