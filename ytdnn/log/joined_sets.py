"""Joins two prepared sets: each user's later events follow the earlier ones."""

import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, progress, schema
from ytdnn.log import (
    catalogues,
    joined_events,
    outcomes,
    prepared,
    shard_tasks,
    user_log,
    user_shards,
    vectors,
)

_ROWS = {
    schema.WATCHES: "watch_times",
    schema.IMPRESSIONS: "impression_times",
}

Integers = npt.NDArray[np.integer]


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
                dict.fromkeys(value for one in both for value in one.get(name, ()))
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
            **outcomes.of_shards(
                [one.name for one in self._old.catalogue.outcomes],
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
            table: sum(one[table] for one in written)
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
        arrays, queries = joined_events.joined(
            self._sources, part.first, part.first + part.size
        )
        for name in joined_events.VIDEOS:
            if name in arrays:
                arrays[name] = place[arrays[name]]
        shard = user_shards.path(directory, part.number)
        shard.mkdir(parents=True)
        if queries is not None:
            queries.write_parquet(shard / user_shards.QUERIES_FILE)
            arrays |= _no_words(len(queries))
        shard_tasks.save(arrays, shard)
        return {table: len(arrays.get(name, ())) for table, name in _ROWS.items()}

    def _source(self, data: prepared.PreparedData) -> joined_events.JoinedSource:
        """Returns a set with the places of its users, videos and texts here."""
        places = _places(self._videos[schema.VIDEO_ID], data.videos[schema.VIDEO_ID])
        return joined_events.JoinedSource(
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


def _no_words(num_searches: int) -> dict[str, Integers]:
    """Returns arrays of words without any, which are counted again from the texts."""
    offsets = np.zeros(num_searches + 1, np.int64)
    return {"search_tokens": np.zeros(0, np.int32), "search_token_offsets": offsets}


def _joined(old: pl.DataFrame, new: pl.DataFrame, key: str) -> pl.DataFrame:
    """Returns the rows of two tables by a key: the old places, the new values."""
    ids = pl.concat([old[key], new[key]]).unique(maintain_order=True)
    rest = old.join(new.select(key), on=key, how="anti")
    rows = pl.concat([new, rest], how="diagonal_relaxed").select(old.columns)
    return ids.to_frame().join(rows, on=key, how="left", maintain_order="left")


def _rows_in(whole: pl.DataFrame, part: pl.DataFrame, key: str) -> Integers:
    """Returns the row of each id of the joined set in a part, -1 if missing."""
    index = part.select(key).with_row_index("row")
    found = whole.select(key).join(index, on=key, how="left", maintain_order="left")
    rows: Integers = found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    return rows


def _places(whole: pl.Series, part: pl.Series) -> Integers:
    """Returns the place of each value of a part in the whole."""
    index = whole.to_frame("key").with_row_index("place")
    found = part.to_frame("key").join(index, on="key", maintain_order="left")
    places: Integers = found["place"].to_numpy()
    return places
