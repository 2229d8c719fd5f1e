"""Columns of the log's own that the ranker reads by default (docs/features.md).

Every column of `users` and `videos` that no declared feature reads becomes a feature,
up to a limit: numbers by their quantiles, texts as categories, texts with many values
hashed; several values of a video, such as tags, by their mean; vectors of videos with
their products with the vectors of watched videos. A constant column, addresses and
texts that are another one in each row are left out, as the table of `prepare` says. A
column that may be computed from the future is left out with a message
(`future_columns`), until a config names it. A vector of users is only read if a config
names it: it is often computed from their whole log.
"""

import dataclasses
import re
from collections.abc import Sequence

import polars as pl

from ytdnn.base import schema
from ytdnn.features import (
    base_feature,
    column_features,
    future_columns,
    network_features,
    vector_columns,
)
from ytdnn.log import event_log, prepared
from ytdnn.log.sources import columns_by_value

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
                f"{event_log.brief(', '.join(self.beyond), 300)}; numbers of one "
                f"vector belong in one column of lists"
            )
        return lines


def find(data: prepared.PreparedData, most: int) -> OwnColumns:
    """Returns the log's own columns that the ranker reads by default.

    A column is left out where `future_columns` suspects it. That compares the
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
    foreseeing = future_columns.suspects(data, numbers)
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


def readable(data: prepared.PreparedData) -> network_features.Features:
    """Returns every feature that a prepared set has, columns of the user's own too."""
    features = [each for each in network_features.declared() if each.exists(data)]
    return (*features, *(feature(name, data) for name in unread(data)))


def unread(data: prepared.PreparedData) -> list[str]:
    """Returns the columns of `users` and `videos` that no declared feature reads.

    Names are "table.column", with columns of users first, in the order of the log.
    """
    features = [each for each in network_features.declared() if each.exists(data)]
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
