"""Results broken down by user and by video.

A slice gives each right answer a value: of the user (activity, whether they are new,
country, any column of `users`), of the video (age, popularity, any column of `videos`)
or of the watch (device). A row of a slice counts only the answers with its value, over
the users with such an answer; the lists are not filtered. Numbers with many values
become quintiles; texts with many values become the most frequent ones and `other`.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import errors, ragged, schema
from ytdnn.base.metrics import bootstrap, exact_top_k, metric_names, recall_and_ndcg
from ytdnn.evaluation import list_metrics, lists, report_parts, report_types, user_means
from ytdnn.log import events, prepared

HEADLINE = ("recall", "hit_rate", "ndcg")
_MOST_VALUES = 12  # with more, numbers are cut into quantiles, text into other
_NUM_QUANTILES = 5
_OTHER = "other"
_UNKNOWN = "unknown"
_LATER = "uploaded after the request"
_ACTIVITY_EDGES = (1, 10, 50, 200)
_AGE_EDGES_DAYS = (0, 1, 7, 30, 365)

Names = npt.NDArray[np.str_]


def measure(
    context: list_metrics.Context,
    listed: Mapping[str, lists.Lists],
) -> dict[str, tuple[report_types.SliceRow, ...]]:
    """Returns every configured slice that the log has, as in the report.

    Args:
      context: Answers, resamples and names of the slices.
      listed: Lists of each model.

    Raises:
      errors.UserError: A name is neither a slice nor a column of users or videos.
    """
    slices = {}
    for name in context.config.slices:
        values = values_of(context, name)
        if values is not None:
            slices[name] = _rows(context, listed, *values)
    return slices


def values_of(
    context: list_metrics.Context, name: str
) -> tuple[list[str], Names] | None:
    """Returns a slice's values in order and that of each answer; None: not in the log.

    Raises:
      errors.UserError: The name is neither a slice nor a column.
    """
    own = _OWN.get(name)
    if own is not None:
        return own(context)
    targets, data = context.cases.targets, context.data
    table, column = _owner(context, name)
    if table == schema.USERS:
        return _column_values(data.users[column], context.cases.users[targets.rows])
    if table == schema.VIDEOS:
        return _column_values(data.videos[column], targets.values - 1)
    if name == schema.COUNTRY:
        return None
    raise errors.UserError(
        f"expected evaluation.slices to name {', '.join(_OWN)}, or a column of users "
        f"or videos ({', '.join(_columns(data.users) + _columns(data.videos))}), "
        f"received {name}"
    )


def _owner(context: list_metrics.Context, name: str) -> tuple[str, str]:
    """Returns table and column of a slice's name, "language" or "users.language".

    Both are empty for an unknown column.

    Raises:
      errors.UserError: Users and videos both have the column.
    """
    tables = {schema.USERS: context.data.users, schema.VIDEOS: context.data.videos}
    table, _, column = name.partition(".")
    if table in tables and column in _columns(tables[table]):
        return table, column
    owners = [key for key, frame in tables.items() if name in _columns(frame)]
    if len(owners) > 1:
        raise errors.UserError(
            f"expected evaluation.slices to name one column, received {name}, which "
            f"users and videos both have: write users.{name} or videos.{name}"
        )
    return (owners[0], name) if owners else ("", "")


def _columns(table: pl.DataFrame) -> list[str]:
    return [name for name in table.columns if name not in prepared.MADE_COLUMNS]


def _rows(
    context: list_metrics.Context,
    lists_by_name: Mapping[str, lists.Lists],
    names: list[str],
    of_answer: Names,
) -> tuple[report_types.SliceRow, ...]:
    rows = []
    cases = context.cases
    for name in names:
        is_own = of_answer == name
        targets = cases.targets.select(is_own)
        with_targets = np.flatnonzero(targets.sizes)
        if not len(with_targets):
            continue
        offsets = np.append(0, targets.offsets[1:][with_targets])
        own = ragged.Ragged(offsets, targets.values)
        seconds = None if cases.seconds is None else cases.seconds[is_own]
        row = report_types.SliceRow(
            value=str(name),
            users=len(with_targets),
            answers=len(own.values),
            lists={
                model: _values(context, listed[with_targets], own, seconds)
                for model, listed in lists_by_name.items()
            },
        )
        rows.append(row)
    return tuple(rows)


def _values(
    context: list_metrics.Context,
    listed: lists.Lists,
    targets: ragged.Ragged,
    seconds: npt.NDArray[np.float64] | None,
) -> dict[str, report_parts.WithInterval]:
    """Returns a few metrics at the shortest length, over the users of a slice."""
    k = min(context.config.ks)
    hits, num_relevant = exact_top_k.hits_of(listed, *targets), np.diff(targets.offsets)
    values = {
        metric_names.at(name, k): recall_and_ndcg.METRICS[name](hits, num_relevant, k)
        for name in HEADLINE
    }
    if seconds is not None:
        watched = exact_top_k.weights_of(listed, *targets, seconds)[:, :k].sum(axis=1)
        values[metric_names.at(metric_names.HIT_WATCH_SECONDS, k)] = watched
    parts = {name: bootstrap.mean_parts(of_users) for name, of_users in values.items()}
    return user_means.with_intervals(parts, context.config)


def _activity(context: list_metrics.Context) -> tuple[list[str], Names]:
    sizes = np.diff(context.cases.watched.offsets)[context.cases.targets.rows]
    return _binned(sizes, _ACTIVITY_EDGES, "watches", "no watches")


def _new_user(context: list_metrics.Context) -> tuple[list[str], Names]:
    trained = context.data.log.shard_index.count(
        "watches", lambda watches: np.asarray(watches.splits) == events.Split.TRAIN
    )
    known = trained[context.cases.users] > 0
    names = np.where(known, "known", "new")[context.cases.targets.rows]
    return ["new", "known"], names


def _video_ages(context: list_metrics.Context) -> tuple[list[str], Names] | None:
    if context.upload_times is None:
        return None
    targets = context.cases.targets
    uploaded = context.upload_times[targets.values]
    ages = (context.cases.times[targets.rows] - uploaded) / schema.DAY_SECONDS
    names, bins = _binned(np.nan_to_num(ages), _AGE_EDGES_DAYS, "days", _LATER)
    return [*names, _UNKNOWN], np.where(np.isfinite(ages), bins, _UNKNOWN)


def _popularity(context: list_metrics.Context) -> tuple[list[str], Names]:
    words = {0: "1 (least watched)", 9: "10 (most watched)", -1: "not in training"}
    names = [words.get(i, str(i + 1)) for i in (*range(10), -1)]
    deciles = context.popularity_deciles[context.cases.targets.values]
    return names, np.array(names)[deciles]


def _channels(context: list_metrics.Context) -> tuple[list[str], Names] | None:
    """Returns the quintile of each video's channel by its training watches."""
    if schema.CHANNEL_ID not in context.data.videos.columns:
        return None
    column = context.data.videos[schema.CHANNEL_ID].cast(pl.String)
    codes = column.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    watches = np.bincount(codes, context.train_counts[1:])[1:]
    if not len(watches):
        return None
    ranks = watches.argsort(kind="stable").argsort(kind="stable")
    fifths = 1 + ranks * _NUM_QUANTILES // len(ranks)
    words = {1: "1 (least watched)", _NUM_QUANTILES: f"{_NUM_QUANTILES} (most watched)"}
    names = [words.get(i, str(i)) for i in range(1, _NUM_QUANTILES + 1)]
    of_channels = np.array([_UNKNOWN, *np.array(names)[fifths - 1]])
    places = codes[context.cases.targets.values - 1]
    return [*names, _UNKNOWN], of_channels[places]


def _devices(context: list_metrics.Context) -> tuple[list[str], Names] | None:
    index = context.data.log.shard_index
    if not index.has("watches", "devices"):
        return None
    codes = index.gather("watches", "devices", context.cases.labels)
    names = [_UNKNOWN, *context.data.catalogue.vocabularies[schema.DEVICE]]
    return [*names[1:], _UNKNOWN], np.array(names)[codes]


_OWN: dict[str, Callable[[list_metrics.Context], tuple[list[str], Names] | None]] = {
    "activity": _activity,
    "new_user": _new_user,
    "video_age": _video_ages,
    "popularity": _popularity,
    "channel_popularity": _channels,
    schema.DEVICE: _devices,
}


def _column_values(
    column: pl.Series, indices: npt.NDArray[np.integer]
) -> tuple[list[str], Names]:
    """Returns the values of some rows of a column; a row of -1 is unknown."""
    padded = pl.concat([column.clear(1), column])  # a null first
    values = padded.gather(pl.Series(indices + 1, dtype=pl.UInt32))
    if column.dtype.is_numeric() and values.n_unique() > _MOST_VALUES:
        return _quantiles(values.cast(pl.Float64).to_numpy())
    text = prepared.first_texts(values)
    known = text.drop_nulls().value_counts(sort=True)
    frequent = known[column.name].head(_MOST_VALUES).to_list()
    kept = pl.when(text.is_in(frequent)).then(text).otherwise(pl.lit(_OTHER))
    named = pl.select(pl.when(text.is_null()).then(pl.lit(_UNKNOWN)).otherwise(kept))
    return [*sorted(frequent), _OTHER, _UNKNOWN], named.to_series().to_numpy()


def _quantiles(values: npt.NDArray[np.float64]) -> tuple[list[str], Names]:
    known = values[np.isfinite(values)]
    shares = np.linspace(0, 1, _NUM_QUANTILES + 1)
    edges = np.unique(np.quantile(known, shares))
    places = np.searchsorted(edges[1:-1], values, side="right")
    names = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    labels = np.where(np.isfinite(values), np.array(names)[places], _UNKNOWN)
    return [*names, _UNKNOWN], labels


def _binned(
    values: npt.NDArray[Any], edges: tuple[int, ...], unit: str, lowest: str
) -> tuple[list[str], Names]:
    """Returns the names of the bins, `lowest` first, and the bin of each value."""
    names = [lowest]
    names += [
        f"{low} to under {high} {unit}" for low, high in itertools.pairwise(edges)
    ]
    names.append(f"{edges[-1]} or more {unit}")
    return names, np.array(names)[np.searchsorted(edges, values, side="right")]
