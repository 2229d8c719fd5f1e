"""Joins two prepared sets: each user's later events follow the earlier ones.

Both sets are read a shard at a time, so the memory in use is that of one shard of the
joined set and of one shard of each.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
from polars import selectors

from ytdnn.base import artifacts, progress, ragged, schema
from ytdnn.log import (
    catalogues,
    outcomes,
    prepared,
    shard_tasks,
    user_log,
    user_shards,
    vectors,
)

_ROWS = {schema.WATCHES: user_shards.WATCH, schema.IMPRESSIONS: user_shards.IMPRESSION}
_USER, _PAGES, _QUERY = "users", "pages", schema.QUERY
_VIDEOS = ("videos", "seed_videos")
_CODES = {"devices": schema.DEVICE, "sources": schema.SOURCE}  # of texts
# Offsets follow from users; words are counted again from the texts of searches.
_LEFT_OUT = ("offsets", "token_offsets", "tokens", _USER)
_COUNTS = {"num_watches": user_shards.WATCH, "num_searches": user_shards.SEARCH}

Integers = npt.NDArray[np.integer]
Frames = dict[str, pl.DataFrame]  # events of each table, users from 0


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
        users = np.arange(self.data.num_users)
        index = self.data.log.shard_index
        sizes = index.events_before(users + 1) - index.events_before(users)
        return np.where(self.users < 0, 0, np.append(sizes, 0)[self.users])

    def mark_watched(self, is_watched: npt.NDArray[np.bool_]) -> None:
        """Marks the videos of the joined set that have a watch here.

        Args:
          is_watched: `[videos + 1]`, changed in place.
        """
        for shard in self.data.log.shards:
            is_watched[self.videos[shard.read().watches.videos]] = True

    def frames(self, first: int, stop: int) -> Frames:
        """Returns the events of a range of users of the joined set.

        Args:
          first: First user of the joined set.
          stop: User after the last.
        """
        places = self.users[first:stop]
        owners = np.flatnonzero(places >= 0)
        owners = owners[np.argsort(places[owners])]
        users = places[owners]
        firsts = [shard.first_user for shard in self.data.log.shards]
        bounds = np.searchsorted(users, [*firsts, self.data.num_users])
        parts: dict[str, list[pl.DataFrame]] = {}
        for number, start in enumerate(firsts):
            inside = slice(*bounds[number : number + 2].tolist())
            if inside.start < inside.stop or not number:  # the first has the columns
                frames = self._frames(number, users[inside] - start, owners[inside])
                for table, frame in frames.items():
                    parts.setdefault(table, []).append(frame)
        return {table: _pages_apart(part) for table, part in parts.items()}

    def _frames(self, number: int, users: Integers, owners: Integers) -> Frames:
        """Returns the events of some users of a shard.

        Args:
          number: Number of the shard.
          users: Their indices in it, ascending.
          owners: Their places in the range that is asked for.
        """
        shard = self.data.log.shard_index.shard(number)
        size = self.data.log.shards[number].num_users
        frames = {}
        for name, table in user_shards.tables(shard).items():
            offsets = user_shards.user_offsets(table, size)
            rows = ragged.ranges(offsets[users], offsets[users + 1])
            columns = {
                column: self._renumbered(column, np.asarray(values)[rows.values])
                for column, values in user_shards.columns(table)
                if column not in _LEFT_OUT
            }
            columns[_USER] = np.repeat(owners, np.diff(rows.offsets)).astype(np.int32)
            frames[name] = pl.DataFrame(columns)
            if name == user_shards.SEARCH:
                home = user_shards.path(self.data.directory, number)
                texts = pl.read_parquet(home / user_shards.QUERIES_FILE)[rows.values]
                frames[name] = frames[name].with_columns(texts[_QUERY])
        return frames

    def _renumbered(self, column: str, values: Integers) -> Integers:
        if column in _VIDEOS:
            return self.videos[values]
        return self.codes[_CODES[column]][values] if column in _CODES else values


def _pages_apart(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Concatenates events; the pages of each part follow those of the parts before."""
    first = 0
    for place, part in enumerate(parts):
        if _PAGES in part.columns and part.height:
            part = part.with_columns(pl.col(_PAGES) + first)
            first = part.select(pl.col(_PAGES).max()).item() + 1
        parts[place] = part
    # Preparing leaves out a column of texts without any; code 0 is none.
    rows = pl.concat(parts, how="diagonal")
    return rows.with_columns(selectors.integer().fill_null(0))


def _later_behind(old: Frames, new: Frames, num_users: int) -> Frames:
    """Returns the events of some users, each user's later ones behind."""
    before = {
        table: np.bincount(frame[_USER].to_numpy(), minlength=num_users)
        for table, frame in old.items()
    }
    joined = {}
    for table, frame in old.items():
        later = new.get(table, frame.clear())
        for column in _COUNTS.keys() & set(frame.columns):
            number = before[_COUNTS[column]][later[_USER].to_numpy()]
            if column in later.columns:
                number = number + later[column].to_numpy()
            values = pl.Series(column, number, frame.schema[column])
            later = later.with_columns(values)
        rows = _pages_apart([frame, later]).select(frame.columns)
        joined[table] = rows.sort(_USER, maintain_order=True)
    return joined


def _arrays(frames: Frames, num_users: int) -> dict[str, Integers]:
    """Returns the arrays of a shard, without the words of searches."""
    arrays = {}
    for table, frame in frames.items():
        users = frame[_USER].to_numpy()
        for column in frame.columns:
            if column not in (_USER, _QUERY):
                arrays[f"{table}_{column}"] = frame[column].to_numpy()
        if table == user_shards.IMPRESSION:
            pages = arrays[f"{table}_{_PAGES}"]
            keys = users * (np.int64(pages.max(initial=0)) + 1) + pages
            dense = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            arrays |= {f"{table}_{_PAGES}": dense, f"{table}_{_USER}": users}
        else:
            arrays[f"{table}_sizes"] = np.bincount(users, minlength=num_users)
    return arrays


class JoinedSets:
    """Two prepared sets as one, the events of the second behind those of the first.

    Shards of the joined set hold at most `data.events_per_shard` events of the old
    set's configuration, and one is in memory at a time.
    """

    def __init__(self, old: prepared.PreparedData, new: prepared.PreparedData) -> None:
        """Joins their users, videos and vocabularies.

        Args:
          old: The earlier set.
          new: The set of the later events, with all of their users and videos.
        """
        self._old, self._new = old, new
        self._users = _joined(old.users, new.users, schema.USER_ID)
        self._videos = _joined(old.videos, new.videos, schema.VIDEO_ID)
        both = old.catalogue.vocabularies, new.catalogue.vocabularies
        self._names = {
            name: list(
                dict.fromkeys(value for texts in both for value in texts.get(name, ()))
            )
            for name in {**both[0], **both[1]}
        }
        self._sources = [self._source(data) for data in (old, new)]

    def write(self, directory: pathlib.Path) -> dict[str, object]:
        """Writes the set into a directory and returns its facts."""
        is_watched = np.zeros(self._videos.height + 1, bool)
        for source in self._sources:
            source.mark_watched(is_watched)
        order = np.argsort(~is_watched[1:], kind="stable")
        facts = self._write_events(catalogues.new_indices(order), directory)
        self._users.write_parquet(directory / user_log.USERS_FILE)
        videos = self._videos[order]
        videos.write_parquet(directory / catalogues.VIDEOS_FILE)
        written = self._old.catalogue.vectors.write_joined(
            self._new.catalogue.vectors, self._rows_of(videos), directory
        )
        artifacts.write_json(directory / catalogues.VOCABULARIES_FILE, self._names)
        if self._old.log.shard_index.shard(0).searches is not None:
            self._old.catalogue.tokens.write_parquet(directory / catalogues.TOKENS_FILE)
        return {
            **self._old.manifest.facts,
            "users": self._users.height,
            "videos": self._videos.height,
            "vocabulary": int(is_watched.sum()),
            "appended_from": self._old.windows.end_of_log + 1,
            vectors.FACT: written,
            **facts,
            **outcomes.facts_from_shards(
                [outcome.name for outcome in self._old.catalogue.outcomes],
                user_shards.on_disk(directory, facts),
            ),
        }

    def _write_events(
        self, place: Integers, directory: pathlib.Path
    ) -> dict[str, object]:
        """Writes the shards, and returns the numbers of events and facts about them."""
        sizes = sum(source.num_events() for source in self._sources)
        most = self._old.config.events_per_shard
        parts = shard_tasks.divided(np.asarray(sizes), most)
        written = [
            self._write_shard(part, place, directory)
            for part in progress.through(parts, "users' events, appended", "shards")
        ]
        known = self._old.manifest.facts
        return {
            table: sum(numbers[table] for numbers in written)
            for table in _ROWS
            if table in known
        } | {
            user_shards.FACT: [
                user_shards.fact(part.first, part.size, part.num_events)
                for part in parts
            ]
        }

    def _write_shard(
        self, part: shard_tasks.ShardUsers, place: Integers, directory: pathlib.Path
    ) -> dict[str, int]:
        """Writes a shard, and returns the rows of each table.

        Args:
          part: Users of the shard.
          place: `[videos + 1] int32`, the catalogue index of each video.
          directory: The set that is being written.
        """
        stop = part.first + part.size
        old, new = (source.frames(part.first, stop) for source in self._sources)
        frames = _later_behind(old, new, part.size)
        arrays = _arrays(frames, part.size)
        for table in frames:
            for column in _VIDEOS:
                if (name := f"{table}_{column}") in arrays:
                    arrays[name] = place[arrays[name]]
        shard = user_shards.path(directory, part.number)
        shard.mkdir(parents=True)
        if user_shards.SEARCH in frames:
            queries = frames[user_shards.SEARCH].select(_QUERY)
            queries.write_parquet(shard / user_shards.QUERIES_FILE)
            arrays["search_tokens"] = np.zeros(0, np.int32)
            arrays["search_token_sizes"] = np.zeros(len(queries), np.int64)
        shard_tasks.save(arrays, shard)
        return {
            table: frames[name].height if name in frames else 0
            for table, name in _ROWS.items()
        }

    def _source(self, data: prepared.PreparedData) -> JoinedSource:
        """Returns a set with the places of its users, videos and texts here."""
        places = _places(self._videos[schema.VIDEO_ID], data.videos[schema.VIDEO_ID])
        return JoinedSource(
            data,
            _rows_in(self._users, data.users, schema.USER_ID),
            np.append(0, places + 1).astype(np.int32),
            {name: self._codes(name, data.catalogue) for name in self._names},
        )

    def _codes(self, name: str, catalogue: catalogues.Catalogue) -> Integers:
        place = {value: i for i, value in enumerate(self._names[name], 1)}
        values = catalogue.vocabularies.get(name, ())
        return np.array([0, *(place[value] for value in values)], np.int32)

    def _rows_of(self, videos: pl.DataFrame) -> dict[str, tuple[Integers, Integers]]:
        """Returns the row of each user and video in both sets, -1 if missing."""
        sets = self._old, self._new
        of_users = [_rows_in(self._users, s.users, schema.USER_ID) for s in sets]
        of_videos = [_rows_in(videos, s.videos, schema.VIDEO_ID) for s in sets]
        return {
            schema.USERS: (of_users[0], of_users[1]),
            schema.VIDEOS: (of_videos[0], of_videos[1]),
        }


def _joined(old: pl.DataFrame, new: pl.DataFrame, key: str) -> pl.DataFrame:
    """Returns the rows of two tables by a key: the old places, the new values."""
    ids = pl.concat([old[key], new[key]]).unique(maintain_order=True)
    rest = old.join(new.select(key), on=key, how="anti")
    rows = pl.concat([new, rest], how="diagonal_relaxed").select(old.columns)
    return ids.to_frame().join(rows, on=key, how="left", maintain_order="left")


def _rows_in(whole: pl.DataFrame, part: pl.DataFrame, key: str) -> Integers:
    """Returns the row of each id of the joined set in a part, -1 if missing."""
    index = part.select(key).with_row_index("row")
    matched = whole.select(key).join(index, on=key, how="left", maintain_order="left")
    rows: Integers = matched["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    return rows


def _places(whole: pl.Series, part: pl.Series) -> Integers:
    """Returns the place of each value of a part in the whole."""
    index = whole.to_frame("key").with_row_index("place")
    matched = part.to_frame("key").join(index, on="key", maintain_order="left")
    places: Integers = matched["place"].to_numpy()
    return places
