"""Appends new events to a prepared set without preparing the old ones again.

The new events are prepared by themselves, as any log, and each user's new events are
put after the earlier ones. A log may hold only the new events, or all of them: then its
events up to the end of the old set must equal those the old set was made from.
"""

import dataclasses
import datetime
import pathlib
import shutil
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn import artifacts, configs, errors, ragged, schema
from ytdnn.data import (
    array_files,
    event_log,
    outcomes,
    prepare,
    prepared,
    user_shards,
    vectors,
)

_VIDEOS = ("watch_videos", "impression_videos", "impression_seed_videos")
_NAMED = {  # codes of texts: the vocabulary of each
    "watch_devices": schema.DEVICE,
    "impression_devices": schema.DEVICE,
    "impression_sources": schema.SOURCE,
}
_EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)
_TABLES = (user_shards.WATCH, user_shards.SEARCH, user_shards.IMPRESSION)
_FAR = 2**32 - 2  # a row of no file
_MISSING = {  # values of columns that no new event has; others 0, or NaN
    "watch_seconds": 0.0,
    "impression_seconds": 0.0,
    "watch_logged_in": -1,
    "impression_positions": -1,
}

Integers = npt.NDArray[np.integer]


def append(
    old: prepared.PreparedData,
    log: event_log.EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
    bad_rows: str = "",
) -> prepared.PreparedData:
    """Writes a prepared set of old and new events, with all watches as context.

    Its splits belong to no protocol: `ytdnn.data.refit` makes training sets from it.

    Args:
      old: The prepared set.
      log: New events, or all of them; its users and videos replace the old ones.
      directory: Directory of the new artefact.
      inputs: Fingerprints of what it is made from.
      bad_rows: `stop` or `drop`; empty: as for the old set.

    Raises:
      errors.UserError: The log contradicts the old set, lacks columns of it, is bad,
        or has no new watches.
    """
    _require_no_minimums(old)
    log = _as_columns(old, log)
    _require_one_log(old, log)
    log = _since(log, old.end_of_log)
    _require_new(old, log)
    config = dataclasses.replace(
        old.config,
        protocol="leave_one_out",
        vocabulary="all",
        order_by="time",
        **({"bad_rows": bad_rows} if bad_rows else {}),  # type: ignore[arg-type]
    )
    facts: dict[str, object] = {}
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(old.config), inputs, facts
    ) as partial:
        part = partial.with_name(f".{directory.name}.new")
        new = prepare.of_log(config, _with_entities(old, log), part, {})
        facts |= _Merge(old, new).write(partial)
        shutil.rmtree(part)
    return prepared.load(directory)


def _require_no_minimums(old: prepared.PreparedData) -> None:
    least = max(old.config.min_item_count, old.config.min_user_count)
    if least > 1 or old.config.protocol != "temporal":
        raise errors.UserError(
            f"expected a run with data.protocol=temporal and without minimums of "
            f"watches to refresh, found data.protocol={old.config.protocol}, "
            f"data.min_item_count={old.config.min_item_count} and "
            f"data.min_user_count={old.config.min_user_count}: prepare the grown log"
        )


def _as_columns(
    old: prepared.PreparedData, log: event_log.EventLog
) -> event_log.EventLog:
    """Returns the log in the tables and columns of the old one.

    Raises:
      errors.UserError: A table of events lacks a column.
    """
    origins = {}
    for table in log.tables:
        origin = log.origin(table)
        wanted = [c for t, c in _split(old.columns) if t == table]
        found = event_log.table_columns(table, origin.rows.collect_schema())
        lacking = sorted(set(wanted) - set(found))
        if table in _EVENTS and lacking:
            raise errors.UserError(
                f"expected {table}.{lacking[0]} in {origin.file}, as in the log that "
                f"{old.directory} was made from, found {', '.join(sorted(found))}"
            )
        left_out = [name for name in found if name not in wanted]
        rows = origin.rows.drop(left_out)
        if wanted:
            origins[table] = dataclasses.replace(origin, rows=rows)
    return event_log.from_origins(origins, log.facts)


def _split(columns: frozenset[str]) -> list[tuple[str, str]]:
    return [(table, name) for table, _, name in (c.partition(".") for c in columns)]


def _since(log: event_log.EventLog, end: int) -> event_log.EventLog:
    """Returns the log with the events after a second; no time is a fault."""
    origins = {}
    for table in log.tables:
        origin = log.origin(table)
        if table in _EVENTS:
            is_new = (pl.col(schema.TIME) > end) | pl.col(schema.TIME).is_null()
            origin = dataclasses.replace(origin, rows=origin.rows.filter(is_new))
        origins[table] = origin
    return event_log.from_origins(origins, log.facts)


def _require_new(old: prepared.PreparedData, log: event_log.EventLog) -> None:
    """Checks that there are watches after the end of the old set.

    Raises:
      errors.UserError: There are none.
    """
    origin = log.origin(schema.WATCHES)
    with event_log.readable(origin.file):
        some = log.tables[schema.WATCHES].head(1).collect(engine="streaming").height
    if not some:
        raise errors.UserError(
            f"expected watches after {_moment(old.end_of_log)}, where the log of "
            f"{old.directory} ends, found none in {origin.file}: give a log of later "
            f"events, or leave the run as it is"
        )


def _moment(seconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _require_one_log(old: prepared.PreparedData, log: event_log.EventLog) -> None:
    """Checks that the log begins after the old set, or begins as it does.

    Raises:
      errors.UserError: It does neither.
    """
    ours = _of_set(old)
    theirs = {
        table: _digest(log.tables[table].filter(pl.col(schema.TIME) <= old.end_of_log))
        for table in ours
        if table in log.tables
    }
    if any(count for count, _ in theirs.values()) and theirs != ours:
        table = next(t for t in ours if theirs.get(t) != ours[t])
        raise errors.UserError(
            f"expected in {log.origin(table).file} only events after "
            f"{_utc(old.end_of_log)}, the end of {old.directory}, or its events too, "
            f"found {theirs.get(table, (0, 0))[0]:,} {table} up to then where it has "
            f"{ours[table][0]:,}, or different ones: give the grown log that it was "
            f"made from, or the new events"
        )


def _of_set(data: prepared.PreparedData) -> dict[str, tuple[int, int]]:
    """Returns number and digest of the watches and impressions of a set."""
    tables = {
        schema.WATCHES: data.watches,
        schema.IMPRESSIONS: data.shard.impressions,
    }
    if data.config.clicks_are_watches:
        tables.pop(schema.WATCHES)
    videos = data.videos[schema.VIDEO_ID]
    found = {}
    for table, events in tables.items():
        if events is not None:
            frame = pl.DataFrame(
                {
                    schema.USER_ID: data.users[schema.USER_ID].gather(events.users),
                    schema.VIDEO_ID: videos.gather(np.asarray(events.videos) - 1),
                    schema.TIME: np.asarray(events.times),
                }
            )
            found[table] = _digest(frame.lazy())
    return found


def _digest(rows: pl.LazyFrame) -> tuple[int, int]:
    """Returns the number of events, and a sum over them that their order leaves."""
    row = pl.struct(
        pl.col(schema.USER_ID).cast(pl.String),
        pl.col(schema.VIDEO_ID).cast(pl.String),
        pl.col(schema.TIME).cast(pl.Int64),
    )
    query = rows.select(pl.len(), (row.hash() % (1 << 31)).sum().alias("sum"))
    number, total = query.collect(engine="streaming").row(0)
    return int(number), int(total)


def _with_entities(
    old: prepared.PreparedData, log: event_log.EventLog
) -> event_log.EventLog:
    """Returns the log with the old users and videos that its own tables lack."""
    origins = {table: log.origin(table) for table in log.tables}
    known = {schema.USERS: old.users, schema.VIDEOS: old.videos}
    for table, frame in known.items():
        key = str(schema.TABLES[table].key)
        if f"{table}.{key}" not in old.columns:
            continue
        rows = frame.drop(prepared.TRAIN_COUNT, strict=False).lazy()
        rows = rows.with_columns(pl.lit(_FAR, pl.UInt32).alias(event_log.ROW))
        if table in origins:
            own = origins[table].rows
            rest = rows.join(own.select(key), on=key, how="anti")
            both = pl.concat([own, rest], how="diagonal_relaxed")
            origins[table] = dataclasses.replace(origins[table], rows=both)
        else:
            origins[table] = event_log.Origin(rows, f"{old.directory}/{table}")
    return event_log.from_origins(origins, log.facts)


def _utc(seconds: int) -> str:
    time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Merge:
    """Two prepared sets as one, the events of the second behind those of the first."""

    def __init__(self, old: prepared.PreparedData, new: prepared.PreparedData) -> None:
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
        """Returns the row of each user and video in both sets, -1 where it has none."""
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
        """Returns where users and videos of a set lie in the whole."""
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

    Preparing leaves out a column without any value.
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
    """Returns the row of each id of the whole in a part, -1 where it is not there."""
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
