"""Columns of the log's own that the ranker reads by default (docs/features.md).

Every column of `users` and `videos` that no declared feature reads becomes a feature,
up to a limit: numbers by their quantiles, texts as categories, texts with many values
hashed; vectors of videos with their products with the vectors of watched videos. A
constant column is left out without a message. A column that may be computed from the
future is left out with a message (`future_columns`), until a config names it. A vector
of users is only read if a config names it: it is often computed from their whole log.
"""

import dataclasses

import polars as pl

from ytdnn.base import schema
from ytdnn.features import columns, future_columns, registry, vector_columns
from ytdnn.log import prepared


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
                f"{', '.join(self.beyond)}"
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
    names = [name for name in registry.own_columns(data) if _varies(data, name)]
    refused = tuple(name for name in names if not registry.can_be_asked(name))
    own = {name: registry.own(name, data) for name in names if name not in refused}
    numbers = [name for name, f in own.items() if isinstance(f, columns.NumberColumn)]
    foreseeing = future_columns.suspects(data, numbers)
    names = [name for name in own if name not in foreseeing]
    read = [
        feature
        for name in names[:most]
        for feature in (name, *vector_columns.products(name, data.catalogue))
    ]
    beyond = tuple(names[most:])
    return OwnColumns(tuple(read), tuple(foreseeing.items()), refused, beyond)


def _varies(data: prepared.PreparedData, name: str) -> bool:
    """Whether a column has two distinct values."""
    table, _, column = name.partition(".")
    if name in data.catalogue.vectors.widths:
        # Of users they are read where they are named.
        return table == schema.VIDEOS
    values: pl.Series = (data.users if table == schema.USERS else data.videos)[column]
    return values.n_unique() > 1
