"""Joins two prepared sets: each user's later events follow the earlier ones."""

import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.log import (
    array_files,
    outcomes,
    prepared,
    ragged,
    schema,
    user_shards,
    vectors,
)
from ytdnn.run import artifacts

_VIDEOS = ("watch_videos", "impression_videos", "impression_seed_videos")
_NAMED = {  # codes of texts: the vocabulary of each
    "watch_devices": schema.DEVICE,
    "impression_devices": schema.DEVICE,
    "impression_sources": schema.SOURCE,
}
_TABLES = (user_shards.WATCH, user_shards.SEARCH, user_shards.IMPRESSION)
_MISSING = {  # values of columns that no new event has; others 0, or NaN
    "watch_seconds": 0.0,
    "impression_seconds": 0.0,
    "watch_logged_in": -1,
    "impression_positions": -1,
}

Integers = npt.NDArray[np.integer]


class JoinedSets:
    """Two prepared sets as one; the events of the second follow those of the first."""

    def __init__(self, old: prepared.PreparedData, new: prepared.PreparedData) -> None:
        """Joins their users, videos and vocabularies.

        Args:
          old: The earlier set.
          new: The set of the later events, with all of their users and videos.
        """
        self._old, self._new = old, new
        self._users = _joined(old.users, new.users, schema.USER_ID)
        self._videos = _joined(old.videos, new.videos, schema.VIDEO_ID)
        both = old.vocabularies, new.vocabularies
        self._names = {
            name: list(
                dict.fromkeys(value for one in both for value in one.get(name, ()))
            )
            for name in {**both[0], **both[1]}
        }

    def write(self, directory: pathlib.Path) -> dict[str, object]:
        """Writes the set and returns its facts."""
        arrays = self._arrays()
        is_watched = np.zeros(self._videos.height, bool)
        is_watched[arrays["watch_videos"] - 1] = True
        order = np.argsort(~is_watched, kind="stable")
        place = np.zeros(len(order) + 1, np.int32)
        place[order + 1] = np.arange(1, len(order) + 1)
        shard = user_shards.path(directory, 0)
        shard.mkdir(parents=True)
        for name, values in arrays.items():
            values = place[values] if name in _VIDEOS else values
            array_files.save(shard / f"{name}.npy", values)
        self._users.write_parquet(directory / prepared.USERS_FILE)
        videos = self._videos[order]
        videos.write_parquet(directory / prepared.VIDEOS_FILE)
        self._vectors = self._old.vectors.write_joined(
            self._new.vectors, self._rows_of(videos), directory
        )
        artifacts.write_json(directory / prepared.VOCABULARIES_FILE, self._names)
        self._write_searches(directory, shard)
        return self._facts(arrays, int(is_watched.sum()))

    def _facts(self, arrays: dict[str, Integers], watched: int) -> dict[str, object]:
        found = dict(self._old.manifest.facts)
        found |= {
            "users": self._users.height,
            "videos": self._videos.height,
            "vocabulary": watched,
            "appended_from": self._old.end_of_log + 1,
            vectors.FACT: self._vectors,
            user_shards.FACT: [
                user_shards.fact(
                    0,
                    self._users.height,
                    sum(len(arrays.get(f"{table}_times", ())) for table in _TABLES),
                )
            ],
        }
        if "impression_outcomes" in arrays:
            known = [one.name for one in self._old.outcomes]
            values = arrays["impression_outcomes"]
            found |= outcomes.facts(outcomes.measure(known, [values]))
        names = {"watch": schema.WATCHES, "impression": schema.IMPRESSIONS}
        for name, table in names.items():
            if f"{name}_times" in arrays:
                found[table] = len(arrays[f"{name}_times"])
        return found

    def _rows_of(self, videos: pl.DataFrame) -> dict[str, tuple[Integers, Integers]]:
        """Returns the row of each user and video in both sets, -1 if missing."""
        sets = self._old, self._new
        of_users = [_rows_in(self._users, s.users, schema.USER_ID) for s in sets]
        of_videos = [_rows_in(videos, s.videos, schema.VIDEO_ID) for s in sets]
        return {
            schema.USERS: (of_users[0], of_users[1]),
            schema.VIDEOS: (of_videos[0], of_videos[1]),
        }

    def _arrays(self) -> dict[str, Integers]:
        """Returns the arrays of events, of videos by their places in `_videos`."""
        found: dict[str, Integers] = {}
        parts = [self._read(self._old, self._old), self._read(self._new, self._old)]
        self._count_before(parts)
        _fill_lacking(*parts)
        for table in _TABLES:
            users = f"{table}_users"
            held = [part for part in parts if users in part]
            if not held:
                continue
            owners = np.concatenate([part[users] for part in held])
            order = np.argsort(owners, kind="stable")
            for name in held[0]:
                if name.startswith(f"{table}_"):
                    both = [part[name] for part in held]
                    found[name] = np.concatenate(both)[order]
            if table != "impression":
                sizes = np.bincount(found.pop(users), minlength=self._users.height)
                offsets = np.append(0, np.cumsum(sizes)).astype(np.int64)
                found[f"{table}_offsets"] = offsets
        return found

    def _read(
        self, data: prepared.PreparedData, old: prepared.PreparedData
    ) -> dict[str, Integers]:
        """Returns a set's arrays with the codes of the whole, users by event."""
        places = self._places(data)
        of_users, of_videos = places
        found: dict[str, Integers] = {}
        for name, values in user_shards.arrays(data.shard).items():
            if name.endswith("_offsets"):
                if name != "search_token_offsets":
                    owners = ragged.rows_of(values)
                    found[name.replace("_offsets", "_users")] = of_users[owners]
            elif name == "impression_users":
                found[name] = of_users[values]
            elif name in _VIDEOS:
                found[name] = of_videos[values]
            elif name in _NAMED:
                names = data.vocabularies.get(_NAMED[name], [])
                found[name] = self._codes(_NAMED[name], names)[values]
            elif name != "search_tokens":
                found[name] = np.asarray(values)
        if data is not old and "impression_pages" in found:
            first = int(np.asarray(old.impressions.pages).max(initial=-1)) + 1
            found["impression_pages"] = found["impression_pages"] + first
        return found

    def _places(self, data: prepared.PreparedData) -> tuple[Integers, Integers]:
        """Returns the rows of a set's users and videos in the joined set."""
        users = _places(self._users[schema.USER_ID], data.users[schema.USER_ID])
        videos = _places(self._videos[schema.VIDEO_ID], data.videos[schema.VIDEO_ID])
        return users.astype(np.int32), np.append(0, videos + 1).astype(np.int32)

    def _codes(self, name: str, values: list[str]) -> Integers:
        place = {value: i for i, value in enumerate(self._names.get(name, values), 1)}
        return np.array([0, *(place[value] for value in values)], np.int32)

    def _count_before(self, parts: list[dict[str, Integers]]) -> None:
        """Counts the old events of each user as earlier than the new ones."""
        old, new = parts
        counts = {
            name: np.bincount(old[f"{kind}_users"], minlength=self._users.height)
            for name, kind in (("num_watches", "watch"), ("num_searches", "search"))
            if f"{kind}_users" in old
        }
        for table in ("watch", "impression"):
            for name, number in counts.items():
                place, users = f"{table}_{name}", f"{table}_users"
                if users in new and place in old:
                    added = number[new[users]] + new.get(place, 0)
                    new[place] = added.astype(old[place].dtype)

    def _write_searches(self, directory: pathlib.Path, shard: pathlib.Path) -> None:
        """Writes the texts of searches in their new order, and the word list."""
        if self._old.shard.searches is None:
            return
        parts, owners = [], []
        for data in (self._old, self._new):
            if data.shard.searches is not None:
                facts = data.manifest.facts
                files = user_shards.query_files(data.directory, facts)
                parts.append(pl.read_parquet(files))
                users = self._places(data)[0]
                owners.append(users[ragged.rows_of(data.searches.offsets)])
        order = np.argsort(np.concatenate(owners), kind="stable")
        queries = pl.concat(parts)[order]
        queries.write_parquet(shard / user_shards.QUERIES_FILE)
        # Words are counted again by what is derived of it; until then none is known.
        size = len(order) + 1
        array_files.save(shard / "search_tokens.npy", np.zeros(0, np.int32))
        array_files.save(shard / "search_token_offsets.npy", np.zeros(size, np.int64))
        self._old.tokens.write_parquet(directory / prepared.TOKENS_FILE)


def _fill_lacking(old: dict[str, Integers], new: dict[str, Integers]) -> None:
    """Adds the columns of old events that are missing in all new ones.

    `prepare` leaves out a column without any value.
    """
    for name, values in old.items():
        users = f"{name.partition('_')[0]}_users"
        if users in new and name not in new:
            is_float = np.issubdtype(values.dtype, np.floating)
            missing = _MISSING.get(name, np.nan if is_float else 0)
            shape = (len(new[users]), *values.shape[1:])
            new[name] = np.full(shape, missing, values.dtype)


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
