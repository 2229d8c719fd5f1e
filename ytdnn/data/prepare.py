"""`prepare`: event log → prepared set (DESIGN §4), streaming, in bounded memory.

Users are taken in shards of a bounded number of events; a shard's events are read,
sorted and turned into arrays by pure functions (`ytdnn/data/shards.py`), and written
to their place in arrays mapped from disk.
"""

import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np
import polars as pl

from ytdnn import artifacts, configs, errors, schema
from ytdnn.data import (
    array_files,
    entities,
    event_log,
    event_rows,
    prepared,
    searches,
    shards,
    sources,
    splits,
    validation,
)
from ytdnn.data.sources import tables

EVENTS_PER_SHARD = 5_000_000


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What is known before the first shard."""

    config: configs.Data
    log: event_log.EventLog
    watches: pl.LazyFrame
    users: pl.DataFrame
    videos: pl.DataFrame
    devices: list[str]
    bounds: splits.Windows | None

    def events(self, table: str) -> pl.LazyFrame | None:
        """Returns a table's events by index, None where the log lacks the table."""
        if table not in self.log.tables:
            return None
        rows = self.log.tables[table]
        if table == schema.WATCHES:
            rows = self.watches
        return event_rows.indexed(table, rows, self.users, self.videos, self.devices)


def prepare(
    config: configs.Data,
    directory: pathlib.Path,
    given: tables.Tables | None = None,
) -> prepared.PreparedData:
    """Reads the source, checks, splits and writes the prepared set.

    Args:
      config: Source, filters, protocol.
      directory: Where the artefact will stand.
      given: The tables themselves, where the source is `tables` in memory.

    Raises:
      errors.UserError: The log is missing or bad, or the filters leave nothing.
    """
    facts: dict[str, object] = {}
    inputs = {} if given is None else given.fingerprints
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(config), inputs, facts
    ) as partial:
        log = sources.read(config, given)
        log, bad_rows = validation.validate(log, config.bad_rows)
        plan = _plan(config, log)
        (partial / prepared.ARRAYS).mkdir()
        counts = _write_shards(plan, partial / prepared.ARRAYS)
        videos = _write_entities(plan, partial)
        facts |= log.facts | counts
        facts |= {"users": plan.users.height, "videos": videos.height}
        facts["bad_rows"] = bad_rows
        columns = plan.watches.collect_schema().names()
        facts["order"] = shards.watch_order(columns, config)[1:]
        facts["split_column"] = schema.SPLIT in columns
        if schema.IMPRESSIONS in log.tables:
            facts["pages"] = _pages(log)
        if plan.bounds is not None:
            facts["windows"] = dataclasses.asdict(plan.bounds)
    return prepared.load(directory)


def _plan(config: configs.Data, log: event_log.EventLog) -> _Plan:
    if config.order_by == "order" and config.protocol == "temporal":
        raise errors.UserError(
            "expected data.order_by=time for data.protocol=temporal, found order: "
            "splits by time need true times; use --protocol=leave_one_out"
        )
    watches = entities.core(log.tables[schema.WATCHES], config)
    users = entities.all_users(log, watches)
    if users[entities.COUNT].sum() == 0:
        raise errors.UserError(
            "expected watches, found none left: see data.where, data.min_item_count "
            "and data.min_user_count"
        )
    return _Plan(
        config=config,
        log=log,
        watches=event_rows.with_completed(watches, log, config),
        users=users,
        videos=entities.all_videos(log, watches),
        devices=event_rows.text_values(schema.DEVICE, watches),
        bounds=_bounds(config, watches),
    )


def _bounds(config: configs.Data, watches: pl.LazyFrame) -> splits.Windows | None:
    """Returns the windows of the temporal protocol, None of the others.

    Raises:
      errors.UserError: The log's `split` column is missing or does not fit.
    """
    is_split = schema.SPLIT in watches.collect_schema()
    if config.protocol == "temporal":
        given = is_split and splits.given_windows(watches)
        return given or splits.windows(config, watches)
    if config.protocol == "split" and not is_split:
        raise errors.UserError(
            f"expected column {schema.WATCHES}.{schema.SPLIT} for data.protocol=split, "
            f"found none: name yours with --columns={schema.WATCHES}.{schema.SPLIT}="
            f"YOUR_COLUMN, or use another protocol"
        )
    if config.protocol == "split":
        found = watches.select(pl.col(schema.SPLIT).unique()).collect()
        splits.require_splits(set(found[schema.SPLIT]))
    return None


def _write_shards(plan: _Plan, directory: pathlib.Path) -> dict[str, int]:
    """Writes all arrays and returns the number of rows of each table."""
    writers = array_files.Appenders(directory)
    token_files = None
    if schema.SEARCHES in plan.log.tables:
        token_files = searches.TokenFiles(directory.parent / "tokens")
    num_pages = 0
    sizes: dict[str, list[np.ndarray]] = {}
    for first, last in _shard_bounds(plan):
        arrays = _shard(plan, first, last, token_files)
        for name in ("watch", "search"):
            if f"{name}_sizes" in arrays:
                sizes.setdefault(name, []).append(arrays.pop(f"{name}_sizes"))
        if "impression_pages" in arrays:
            arrays["impression_pages"] += num_pages
            most = int(arrays["impression_pages"].max(initial=num_pages - 1))
            num_pages = most + 1
        writers.append(arrays)
    for name, parts in sizes.items():
        offsets = np.append(0, np.cumsum(np.concatenate(parts))).astype(np.int64)
        np.save(directory / f"{name}_offsets.npy", offsets)
    rows = writers.close()
    names = {
        schema.WATCHES: "watch_times",
        schema.IMPRESSIONS: "impression_times",
        schema.SEARCHES: "search_times",
    }
    counts = {table: rows[name] for table, name in names.items() if name in rows}
    if token_files is not None:
        counts["search_tokens"] = token_files.write(plan.config, directory.parent)
        counts["searches_without_words"] = token_files.num_left_out
    return counts


def _pages(log: event_log.EventLog) -> str:
    """Returns what makes impressions one page, for the manifest."""
    columns = log.tables[schema.IMPRESSIONS].collect_schema()
    return schema.PAGE_ID if schema.PAGE_ID in columns else "user and second"


def _shard(
    plan: _Plan, first: int, last: int, token_files: searches.TokenFiles | None
) -> shards.Arrays:
    """Returns the arrays of the users from `first` to `last`."""
    inside = pl.col(shards.USER).is_between(first, last, closed="left")
    frames = {
        table: rows.filter(inside).collect(engine="streaming")
        for table in (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)
        if (rows := plan.events(table)) is not None
    }
    watches = shards.watch_arrays(
        frames[schema.WATCHES], first, last - first, plan.config, plan.bounds
    )
    arrays = watches
    found = None
    if token_files is not None:
        found_rows = searches.with_tokens(frames[schema.SEARCHES])
        found, in_training = shards.search_arrays(found_rows, first, watches)
        token_files.add(frames[schema.SEARCHES].height, found_rows, in_training)
        arrays = arrays | found
    if schema.IMPRESSIONS in frames:
        shown = frames[schema.IMPRESSIONS]
        arrays = arrays | shards.impression_arrays(
            shown, first, watches, plan.bounds, found
        )
    return arrays


def _shard_bounds(plan: _Plan) -> Iterator[tuple[int, int]]:
    """Yields ranges of users with a bounded number of events each."""
    reached = np.cumsum(plan.users[entities.EVENTS].to_numpy())
    shard = reached // EVENTS_PER_SHARD
    firsts = np.flatnonzero(np.diff(shard, prepend=-1) > 0)
    lasts = np.append(firsts[1:], plan.users.height)
    yield from zip(firsts.tolist(), lasts.tolist(), strict=True)


def _write_entities(plan: _Plan, directory: pathlib.Path) -> pl.DataFrame:
    """Writes users and the video vocabulary, and renumbers the videos to it."""
    arrays = directory / prepared.ARRAYS
    watch_videos = np.load(arrays / "watch_videos.npy", mmap_mode="r")
    watch_splits = np.load(arrays / "watch_splits.npy", mmap_mode="r")
    is_label = np.asarray(watch_splits) == prepared.Split.TRAIN
    if (arrays / "watch_completed.npy").exists():
        is_label &= np.load(arrays / "watch_completed.npy")
    train = watch_videos[is_label]
    counts = np.bincount(train, minlength=plan.videos.height + 1)[1:]
    keep = plan.videos[entities.IN_WATCHES].to_numpy()
    if plan.config.vocabulary == "train":
        keep = keep & (counts > 0)
    new_index = np.append(0, np.where(keep, np.cumsum(keep), 0)).astype(np.int32)
    for name in ("watch_videos", "impression_videos"):
        if (arrays / f"{name}.npy").exists():
            values = np.load(arrays / f"{name}.npy", mmap_mode="r+")
            if len(values):
                values[:] = new_index[values]
                values.flush()
    videos = entities.video_table(plan.log, plan.videos.filter(pl.Series(keep)))
    videos = videos.with_columns(
        pl.Series(prepared.TRAIN_COUNT, counts[keep].astype(np.int64))
    )
    users, vocabularies = entities.user_table(plan.log, plan.users)
    if plan.devices:
        vocabularies[schema.DEVICE] = plan.devices
    videos.write_parquet(directory / prepared.VIDEOS_FILE)
    users.write_parquet(directory / prepared.USERS_FILE)
    artifacts.write_json(directory / prepared.VOCABULARIES_FILE, vocabularies)
    return videos
