"""The values of each user in a report, so that two reports can be paired.

There is one row for each user with a case or an impression. Lists: a column
`MODEL/METRIC@k` for each mean over users, and `answers`, the number of right answers.
Impressions: `MODEL/METRIC/numerator` and `MODEL/METRIC/denominator`; the metric is
the ratio of their sums. Null where a user has no value.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from ytdnn.base import schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import impression_metrics, protocol, ranker, summary
from ytdnn.log import user_log

ANSWERS = "answers"
NUMERATOR, DENOMINATOR = metric_names.SIDES


def table(
    log: user_log.UserLog,
    cases: protocol.Cases,
    lists: Mapping[str, summary.PerUser],
    impressions: ranker.SplitImpressions | None,
    parts: Mapping[str, impression_metrics.Parts],
) -> pl.DataFrame:
    """Returns the values by user, sorted by user.

    Args:
      log: The users and their events.
      cases: Cases with measured lists.
      lists: Metrics of each model.
      impressions: Impressions that the ranker was measured on.
      parts: Numerators and denominators of each scorer.
    """
    columns = {ANSWERS: np.diff(cases.targets.offsets)}
    for model, values in lists.items():
        columns |= {f"{model}/{name}": value for name, value in values.items()}
    found = _with_ids(log, cases.users, columns)
    if impressions is None or not parts:
        return found.sort(schema.USER_ID)
    columns = {}
    for model, of_metrics in parts.items():
        for name, (above, below) in of_metrics.items():
            columns[f"{model}/{name}/{NUMERATOR}"] = above
            columns[f"{model}/{name}/{DENOMINATOR}"] = below
    shown = _with_ids(log, impressions.user_indices, columns)
    joined = found.join(shown, on=schema.USER_ID, how="full", coalesce=True)
    return joined.sort(schema.USER_ID)


def _with_ids(
    log: user_log.UserLog, users: np.ndarray, columns: Mapping[str, np.ndarray]
) -> pl.DataFrame:
    ids = log.users[schema.USER_ID].gather(pl.Series(users, dtype=pl.UInt32))
    return pl.DataFrame({schema.USER_ID: ids, **columns}).fill_nan(None)
