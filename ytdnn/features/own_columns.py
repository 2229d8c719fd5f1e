"""Columns of the log's own that the ranker reads by default (docs/features.md).

Every column of `users` and `videos` that no declared feature reads becomes a feature,
up to a limit: numbers by their quantiles, texts as categories, texts with many values
hashed; several values of a video, such as tags, by their mean; vectors of videos with
their products with the vectors of watched videos. A constant column, addresses and
texts that are another one in each row are left out, as the table of `prepare` says. A
column that may be computed from the future is left out with a message
(`suspects`), until a config names it. A vector of users is only read if a config
names it: it is often computed from their whole log.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.features import base_feature, column_features, feature_choice, vector_columns
from ytdnn.log import events, prepared, raw_log
from ytdnn.log.sources import columns_by_value

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Of columns that may be computed from the future: see `suspects`.
LIMIT = 0.2  # correlation
_STANDARD_ERRORS = 4.0  # 1 / √rows each: a few rows correlate by chance
_LEAST_ROWS = 30
_SMOOTHING = 10.0  # impressions
_MOST_EQUAL = 0.9  # of numbers, to the numbers of watches
Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class OwnColumns:
    """The log's own columns, as "table.column".

    Attributes:
      read: Columns that are features by default, in the order of the log.
      foreseeing: Columns left out because they may be computed from the future, with
        the reason.
      refused: Columns of users with a name that cannot be a request key.
      beyond: Columns left out because they are beyond the limit.
    """

    read: tuple[str, ...] = ()
    foreseeing: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Returns the messages to print before the ranker's training, a line each."""
        lines = []
        if self.read:
            lines.append(
                f"own columns that the ranker reads ({len(self.read)}): "
                f"{', '.join(self.read)}; leave one out with "
                f"--config.ranking.features.remove=NAME"
            )
        lines += [
            f"note: {name} is left out, as it may know the future: {why}; read it "
            f"with --features={name} if it was known at the time"
            for name, why in self.foreseeing
        ]
        if self.refused:
            lines.append(
                f"note: {', '.join(self.refused)}: left out, as no key of requests can "
                f"be called so; rename them to read them"
            )
        if self.beyond:
            lines.append(
                f"note: {len(self.beyond)} own columns are left out, as "
                f"config.ranking.own_columns is {len(self.read)}: "
                f"{raw_log.brief(', '.join(self.beyond), 300)}; numbers of one "
                f"vector belong in one column of lists"
            )
        return lines


def find(data: prepared.PreparedData, most: int) -> OwnColumns:
    """Returns the log's own columns that the ranker reads by default.

    A column is left out where `suspects` names it. That compares the
    validation window with the events before it, so without impressions there no column
    is left out.

    Args:
      data: The prepared set, with impressions.
      most: Maximum number of columns; 0: none.
    """
    return data.once((find, most), lambda: _find(data, most))


def _find(data: prepared.PreparedData, most: int) -> OwnColumns:
    if most == 0:
        return OwnColumns()
    names = [name for name in unread(data) if is_read(data, name)]
    refused = tuple(name for name in names if not can_be_asked(name))
    own = {name: feature(name, data) for name in names if name not in refused}
    numbers = [
        name for name, f in own.items() if isinstance(f, column_features.NumberColumn)
    ]
    foreseeing = suspects(data, numbers)
    names = [name for name in own if name not in foreseeing]
    read = [
        feature
        for name in names[:most]
        for feature in (name, *vector_columns.products(name, data.catalogue))
    ]
    beyond = tuple(names[most:])
    return OwnColumns(tuple(read), tuple(foreseeing.items()), refused, beyond)


def is_read(data: prepared.PreparedData, name: str) -> bool:
    """Whether a column has several values, not one for each row, and no addresses."""
    table, _, column = name.partition(".")
    if name in data.catalogue.vectors.widths:
        # Of users they are read where they are named.
        return table == schema.VIDEOS
    values: pl.Series = (data.users if table == schema.USERS else data.videos)[column]
    return columns_by_value.is_feature(values)


def readable(data: prepared.PreparedData) -> feature_choice.Features:
    """Returns every feature that a prepared set has, columns of the user's own too."""
    features = [each for each in feature_choice.declared() if each.exists(data)]
    return (*features, *(feature(name, data) for name in unread(data)))


def unread(data: prepared.PreparedData) -> list[str]:
    """Returns the columns of `users` and `videos` that no declared feature reads.

    Names are "table.column", with columns of users first, in the order of the log.
    """
    features = [each for each in feature_choice.declared() if each.exists(data)]
    taken = {column for each in features for column in each.columns}
    own = in_tables(data, (schema.USERS, schema.VIDEOS))
    return [name for name in own if name not in taken]


def can_be_asked(name: str) -> bool:
    """Returns whether a column's name can be a request key.

    Columns of videos are stored in the bundle and may have any name.
    """
    table, _, column = name.partition(".")
    is_key = column not in schema.REQUEST_KEYS and _KEY.fullmatch(column) is not None
    return table != schema.USERS or is_key


def feature(name: str, data: prepared.PreparedData) -> base_feature.Feature:
    """Returns the feature of a column of the user's own, named as the column.

    Args:
      name: Name such as "videos.genre".
      data: The prepared set, for the column's type and number of values.
    """
    if name in data.catalogue.vectors.widths:
        return vector_columns.VectorColumn(name, data.catalogue.vectors.widths[name])
    table, column = name.split(".", 1)
    is_user = table == schema.USERS
    values = (data.users if is_user else data.videos)[column]
    if values.dtype.is_float():
        return column_features.NumberColumn(name, name)
    if values.dtype == pl.List:
        sizes = data.once((feature, name), lambda: values.list.len().fill_null(0))
        most = max([1, *sizes.unique().to_list()])
        return column_features.MultiValuedColumn(name, most)
    size = data.num_users if is_user else data.catalogue.num_prepared
    number = data.once((feature, name), lambda: values.head(size).n_unique())
    is_long = number > column_features.MAX_VALUES
    return (column_features.HashedColumn if is_long else column_features.TextColumn)(
        name, name
    )


def in_tables(data: prepared.PreparedData, tables: Sequence[str]) -> list[str]:
    """Returns the log's own columns of some tables, as "table.column"."""
    names = []
    for table in tables:
        frame = data.users if table == schema.USERS else data.videos
        names += [
            f"{table}.{c}" for c in frame.columns if c not in prepared.MADE_COLUMNS
        ]
        names += data.catalogue.vectors.in_table(table)
    return names


def suspects(data: prepared.PreparedData, names: Iterable[str]) -> dict[str, str]:
    """Returns the columns that may be computed from the future, with the reason.

    The views or the click rate of a video over the whole log predict the clicks in the
    windows that judge a model. Such a column explains more of the users' or videos'
    clicks in the validation window than the events before the window explain.

    The targets, for each user or video, are the number of clicks in the validation
    window, the click rate there, and the number of impressions there. Impressions,
    clicks and click rate before the window are regressed out of the ranks of the target
    and of the column. The column is suspect where the residuals correlate by `LIMIT` or
    more and the correlation is significant. On KuaiRand-Pure this partial correlation
    is at most .08 for the log's own columns, .24 to .56 for clicks counted over the
    whole log, and .27 (videos) and .36 (users) for impressions counted over it. A
    legitimate column may also explain more than the past does, so this is a warning. A
    user who trusts the column silences it by naming the column. A column that is the
    number of watches in the whole log is suspect as such.

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
