"""The events of some users in two prepared sets, in the numbers of the joined set.

Both sets are read a shard at a time, so the memory in use is that of the users asked
for and of one shard.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import ragged, schema
from ytdnn.log import prepared, user_shards

VIDEOS = ("watch_videos", "impression_videos", "impression_seed_videos")
TABLES = (user_shards.WATCH, user_shards.SEARCH, user_shards.IMPRESSION)
_NAMED = {  # codes of texts: the vocabulary of each
    "watch_devices": schema.DEVICE,
    "impression_devices": schema.DEVICE,
    "impression_sources": schema.SOURCE,
}
_MISSING = {  # values of columns that no new event has; others 0, or NaN
    "watch_seconds": 0.0,
    "impression_seconds": 0.0,
    "watch_logged_in": -1,
    "impression_positions": -1,
}
_PAGES = "impression_pages"
# Words are counted again by what is derived of a joined set.
_LEFT_OUT = ("search_tokens", "search_token_offsets")

Integers = npt.NDArray[np.integer]
Arrays = dict[str, Integers]


@dataclasses.dataclass(frozen=True)
class JoinedSource:
    """One of two sets, and where its users, videos and texts are in the joined set.

    Attributes:
      data: The set.
      users: `[users of the joined set] int64`, index of each in this set, or -1.
      videos: `[videos of this set + 1] int32`, index of each in the joined set.
      codes: For each vocabulary of texts `[texts of this set + 1] int32`, likewise.
    """

    data: prepared.PreparedData
    users: Integers
    videos: Integers
    codes: Mapping[str, Integers]

    def num_events(self) -> npt.NDArray[np.int64]:
        """Returns the number of events of each user, `[users of the joined set]`."""
        here = np.arange(self.data.num_users)
        index = self.data.log.shard_index
        sizes = index.events_before(here + 1) - index.events_before(here)
        return np.where(self.users < 0, 0, np.append(sizes, 0)[self.users])

    def mark_watched(self, is_watched: npt.NDArray[np.bool_]) -> None:
        """Marks the videos of the joined set that have a watch here.

        Args:
          is_watched: `[videos + 1]`, changed in place.
        """
        for shard in self.data.log.shards:
            is_watched[self.videos[shard.read().watches.videos]] = True

    def parts(self, first: int, stop: int) -> Iterator["SelectedEvents"]:
        """Yields the events of a range of users, from one shard after the other.

        Args:
          first: First user of the joined set.
          stop: User after the last.

        Yields:
          At least one part, so that the columns are known.
        """
        here = self.users[first:stop]
        owners = np.flatnonzero(here >= 0)
        owners = owners[np.argsort(here[owners])]
        users = here[owners]
        firsts = [shard.first_user for shard in self.data.log.shards]
        bounds = np.searchsorted(users, [*firsts, self.data.num_users])
        for number, start in enumerate(firsts):
            own = slice(*bounds[number : number + 2].tolist())
            if own.start < own.stop or not (number or len(users)):
                yield self._part(number, users[own] - start, owners[own])

    def _part(self, number: int, users: Integers, owners: Integers) -> "SelectedEvents":
        """Returns the events of some users of a shard.

        Args:
          number: Number of the shard.
          users: Their indices in it, ascending.
          owners: Their places in the range that is asked for.
        """
        shard = self.data.log.shard_index.shard(number)
        size = self.data.log.shards[number].num_users
        chosen = user_shards.of_users(shard, users)
        found: Arrays = {}
        for name, values in user_shards.arrays(chosen).items():
            if name not in _LEFT_OUT and not name.endswith(("_offsets", "_users")):
                found[name] = self._renumbered(name, values)
        tables = (chosen.watches, chosen.searches, chosen.impressions)
        for name, table in zip(TABLES, tables, strict=True):
            if table is not None:
                sizes = np.diff(user_shards.user_offsets(table, size))[users]
                found[f"{name}_users"] = np.repeat(owners, sizes).astype(np.int32)
        return SelectedEvents(found, self._queries(number, shard, users))

    def _renumbered(self, name: str, values: Integers) -> Integers:
        if name in VIDEOS:
            return self.videos[values]
        if name in _NAMED:
            return self.codes[_NAMED[name]][values]
        return values

    def _queries(
        self, number: int, shard: user_shards.Shard, users: Integers
    ) -> pl.DataFrame | None:
        """Returns the texts of the users' searches."""
        if shard.searches is None:
            return None
        offsets = np.asarray(shard.searches.offsets)
        rows = ragged.ranges(offsets[users], offsets[users + 1]).values
        path = user_shards.path(self.data.directory, number) / user_shards.QUERIES_FILE
        return pl.read_parquet(path)[rows]


@dataclasses.dataclass(frozen=True)
class SelectedEvents:
    """Events of some users from one shard.

    Attributes:
      arrays: Arrays by the names of their files; `TABLE_users` of every table instead
        of offsets.
      queries: Texts of the searches.
    """

    arrays: Arrays
    queries: pl.DataFrame | None


def joined(
    sources: Sequence[JoinedSource], first: int, stop: int
) -> tuple[Arrays, pl.DataFrame | None]:
    """Returns the events of a range of users, each user's later ones behind.

    Args:
      sources: The earlier set and the later one.
      first: First user of the joined set.
      stop: User after the last.

    Returns:
      The arrays of a shard without the words of searches, and their texts.
    """
    old, new = ([*source.parts(first, stop)] for source in sources)
    size = stop - first
    _count_before(old, new, size)
    for part in new:
        _fill_lacking(old[0].arrays, part.arrays)
    parts = [*old, *new]
    _number_pages(parts)
    found: Arrays = {}
    queries = None
    for table in TABLES:
        held = [part for part in parts if f"{table}_users" in part.arrays]
        if not held or f"{table}_users" not in old[0].arrays:
            continue
        owners = np.concatenate([part.arrays[f"{table}_users"] for part in held])
        order = np.argsort(owners, kind="stable")
        for name in held[0].arrays:
            if name.startswith(f"{table}_"):
                both = [part.arrays[name] for part in held]
                found[name] = np.concatenate(both)[order]
        if table == user_shards.SEARCH:
            texts = (part.queries for part in held)
            queries = pl.concat(text for text in texts if text is not None)[order]
        if table != user_shards.IMPRESSION:
            sizes = np.bincount(found.pop(f"{table}_users"), minlength=size)
            offsets = np.append(0, np.cumsum(sizes)).astype(np.int64)
            found[f"{table}_offsets"] = offsets
    if _PAGES in found:
        found[_PAGES] = _dense(found["impression_users"], found[_PAGES])
    return found, queries


def _count_before(
    old: Sequence[SelectedEvents], new: Sequence[SelectedEvents], size: int
) -> None:
    """Counts the old events of each user as earlier than the new ones."""
    for counted, kind in (("num_watches", "watch"), ("num_searches", "search")):
        owners = [part.arrays.get(f"{kind}_users") for part in old]
        held = [one for one in owners if one is not None]
        if not held:
            continue
        number = np.bincount(np.concatenate(held), minlength=size)
        for table in (user_shards.WATCH, user_shards.IMPRESSION):
            place, users = f"{table}_{counted}", f"{table}_users"
            if place not in old[0].arrays:
                continue
            dtype = old[0].arrays[place].dtype
            for arrays in (part.arrays for part in new if users in part.arrays):
                added = number[arrays[users]] + arrays.get(place, 0)
                arrays[place] = added.astype(dtype)


def _fill_lacking(old: Arrays, new: Arrays) -> None:
    """Adds the columns of old events that are missing in all new ones.

    Preparing leaves out a column without any value.
    """
    for name, values in old.items():
        users = f"{name.partition('_')[0]}_users"
        if users in new and name not in new:
            is_float = np.issubdtype(values.dtype, np.floating)
            missing = _MISSING.get(name, np.nan if is_float else 0)
            shape = (len(new[users]), *values.shape[1:])
            new[name] = np.full(shape, missing, values.dtype)


def _number_pages(parts: Sequence[SelectedEvents]) -> None:
    """Makes the numbers of pages of each part larger than those of the parts before."""
    first = 0
    for arrays in (part.arrays for part in parts if _PAGES in part.arrays):
        pages = np.asarray(arrays[_PAGES]) + first
        arrays[_PAGES] = pages
        first = int(pages.max(initial=first - 1)) + 1


def _dense(users: Integers, pages: Integers) -> npt.NDArray[np.int64]:
    """Returns pages numbered from 0 on by user, as `prepare` numbers them."""
    keys = users.astype(np.int64) * (int(pages.max(initial=0)) + 1) + pages
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
