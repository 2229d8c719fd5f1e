"""Shards of users, joined into one and cut to some users.

Several shards can be joined into one of the same form, with users by their index in the
whole set; users of other shards then have no events. So code that reads a shard can
read several, or all.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ytdnn.base import ragged
from ytdnn.log import events

# Rows of other tables, and pages, count from 0 in each shard.
_USERS, _PAGES = "users", "pages"


_OFFSETS, _TOKEN_OFFSETS, _TOKENS = "offsets", "token_offsets", "tokens"


def select_users(shard: events.Shard, users: np.ndarray) -> events.Shard:
    """Returns the events of some users of a shard; other users have none.

    Args:
      shard: The shard.
      users: Distinct indices within the shard, ascending.
    """
    num_users = len(shard.watches.offsets) - 1
    selected: dict[str, Any] = {
        name: type(table)(**_taken(table, _rows_of_users(table, users, num_users)))
        for name, table in events.tables(shard).items()
    }
    return _shard(selected)


def _rows_of_users(table: Any, users: np.ndarray, num_users: int) -> ragged.Ragged:
    """Returns the rows of each user of a shard, empty for users left out."""
    offsets = events.user_offsets(table, num_users)
    sizes = np.zeros(num_users + 1, np.int64)
    sizes[users + 1] = offsets[users + 1] - offsets[users]
    rows = ragged.ranges(offsets[users], offsets[users + 1]).values
    return ragged.Ragged(np.cumsum(sizes), rows)


def _taken(table: Any, rows: ragged.Ragged) -> dict[str, np.ndarray]:
    """Returns the columns of some rows of a table, with the offsets of `rows`."""
    named = dict(events.columns(table))
    selected = {}
    if named.pop(_OFFSETS, None) is not None:
        selected[_OFFSETS] = rows.offsets
    starts = named.pop(_TOKEN_OFFSETS, None)
    if starts is not None:
        starts = np.asarray(starts)
        words = ragged.ranges(starts[rows.values], starts[rows.values + 1])
        selected[_TOKEN_OFFSETS] = words.offsets
        selected[_TOKENS] = np.asarray(named.pop(_TOKENS))[words.values]
    return selected | {k: np.asarray(v)[rows.values] for k, v in named.items()}


def joined(shards: Sequence[events.LazyShard], num_users: int) -> events.Shard:
    """Returns the events of some shards as one.

    Each is copied when it is read, since mapped arrays keep their files open, and a set
    may have more files than a process may open.

    Args:
      shards: At least one shard, in order of their users.
      num_users: Number of users of the whole set.
    """
    if len(shards) == 1 and shards[0].num_users == num_users:
        return shards[0].read()
    copied = np.array if len(shards) > 1 else np.asarray
    kinds: dict[str, type] = {}
    parts: dict[str, dict[str, list[np.ndarray]]] = {}
    for shard in shards:
        for name, table in events.tables(shard.read()).items():
            kinds[name] = type(table)
            of_table = parts.setdefault(name, {})
            for column, values in events.columns(table):
                of_table.setdefault(column, []).append(copied(values))
    firsts = [shard.first_user for shard in shards]
    whole = {
        name: kind(**_joined(parts.pop(name), firsts, num_users))
        for name, kind in kinds.items()
    }
    return _shard(whole)


def _shard(named: dict[str, Any]) -> events.Shard:
    """Returns a shard of the tables that there are, by the names of `events.tables`."""
    return events.Shard(
        named[events.WATCH], named.get(events.SEARCH), named.get(events.IMPRESSION)
    )


def _joined(
    columns: dict[str, list[np.ndarray]], firsts: Sequence[int], num_users: int
) -> dict[str, np.ndarray]:
    """Returns the columns of a table, and lets go of the parts of each."""
    whole = {}
    for name in list(columns):
        parts = columns.pop(name)
        if name == _OFFSETS:
            whole[name] = _offsets(parts, firsts, num_users)
        elif name == _TOKEN_OFFSETS:
            sizes = np.concatenate([np.diff(part) for part in parts])
            whole[name] = np.append(0, np.cumsum(sizes)).astype(np.int64)
        elif name == _USERS:
            whole[name] = _shifted(parts, firsts)
        elif name == _PAGES:
            number = [int(np.max(part, initial=-1)) + 1 for part in parts]
            whole[name] = _shifted(parts, np.cumsum([0, *number[:-1]]).tolist())
        else:
            whole[name] = np.concatenate(parts)
    return whole


def _shifted(parts: Sequence[np.ndarray], by: Iterable[int]) -> np.ndarray:
    return np.concatenate([p + p.dtype.type(n) for p, n in zip(parts, by, strict=True)])


def _offsets(
    parts: Sequence[np.ndarray], firsts: Sequence[int], num_users: int
) -> np.ndarray:
    """Returns the first row of each user; users of no part have none."""
    sizes = np.zeros(num_users + 1, np.int64)
    for part, first in zip(parts, firsts, strict=True):
        sizes[first + 1 : first + len(part)] = np.diff(part)
    return np.cumsum(sizes, out=sizes)
