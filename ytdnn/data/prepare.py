"""`prepare`: event log → prepared set (DESIGN §4), streaming, in bounded memory.

Users are taken in shards of a bounded number of events; a shard's events are read,
sorted and turned into arrays by pure functions (`ytdnn/data/shards.py`), and written
to their place in arrays mapped from disk.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from ytdnn import artifacts, configs, errors, progress, schema
from ytdnn.data import (
    array_files,
    doubts,
    entities,
    event_log,
    event_rows,
    matching,
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
    vocabularies: dict[str, list[str]]
    bounds: splits.Windows | None

    def events(self, table: str) -> pl.LazyFrame | None:
        """Returns a table's events by index, None where the log lacks the table."""
        if table not in self.log.tables:
            return None
        rows = self.log.tables[table]
        if table == schema.WATCHES:
            rows = self.watches
        return event_rows.indexed(
            table, rows, self.users, self.videos, self.vocabularies
        )


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
    inputs = {} if given is None else given.fingerprints
    return of_log(config, sources.read(config, given), directory, inputs)


def of_log(
    config: configs.Data,
    log: event_log.EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
) -> prepared.PreparedData:
    """Checks a log that was read, splits it and writes the prepared set.

    Args:
      config: Filters, protocol.
      log: As a source gives it.
      directory: Where the artefact will stand.
      inputs: Fingerprints of tables in memory.

    Raises:
      errors.UserError: The log is bad, or the filters leave nothing.
    """
    facts: dict[str, object] = {}
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(config), inputs, facts
    ) as partial:
        log, bad_rows = validation.validate(log, config.bad_rows)
        if config.clicks_are_watches:
            log = event_rows.with_clicks(log)
        unmatched = matching.unmatched(log)
        pages = _pages(log, config.page_gap_seconds)
        plan = _plan(config, log)
        (partial / prepared.ARRAYS).mkdir()
        counts = _write_shards(plan, partial / prepared.ARRAYS)
        facts |= log.facts | counts | _write_entities(plan, partial)
        facts["log_columns"] = _columns(log)
        facts["bad_rows"] = bad_rows
        facts["doubts"] = doubts.of_watches(plan.watches)
        facts["ranking_obstacle"] = _ranking_obstacle(partial / prepared.ARRAYS)
        facts["left_out"] = _left_out(log, counts)
        facts["unmatched"] = [dataclasses.asdict(one) for one in unmatched]
        facts["notes"] = {k: list(o.notes) for k, o in log.origins.items() if o.notes}
        facts["unused"] = {k: list(o.unused) for k, o in log.origins.items()}
        columns = plan.watches.collect_schema().names()
        facts["order"] = shards.watch_order(columns, config)[1:]
        facts["split_column"] = schema.SPLIT in columns
        if schema.IMPRESSIONS in log.tables:
            facts["pages"] = pages
        if plan.bounds is not None:
            facts["windows"] = dataclasses.asdict(plan.bounds)
    return prepared.load(directory)


def _left_out(log: event_log.EventLog, counts: dict[str, int]) -> dict[str, int]:
    """Returns the events of each table that the minimums of `core` leave out."""
    found = {}
    for table in (schema.WATCHES, schema.IMPRESSIONS, schema.SEARCHES):
        if table in log.tables:
            query = log.tables[table].select(pl.len())
            number = query.collect(engine="streaming").item()
            written = counts.get(table, 0)
            if table == schema.SEARCHES:
                written += counts["searches_without_words"]
            found[table] = int(number) - written
    return {table: number for table, number in found.items() if number}


def _ranking_obstacle(arrays: pathlib.Path) -> str:
    names = ("impression_splits", "impression_clicked")
    if not (arrays / f"{names[0]}.npy").exists():
        return doubts.ranking_obstacle(None, None)
    return doubts.ranking_obstacle(*(np.load(arrays / f"{n}.npy") for n in names))


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
            f"expected watches, found none of {log.facts['rows'][schema.WATCHES]:,} "
            f"left after data.min_item_count={config.min_item_count} and "
            f"data.min_user_count={config.min_user_count}: lower them"
        )
    return _Plan(
        config=config,
        log=log,
        watches=event_rows.with_completed(watches, log, config),
        users=users,
        videos=entities.catalogue(log, watches),
        vocabularies=event_rows.vocabularies(log.tables | {schema.WATCHES: watches}),
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
    bounds = list(_shard_bounds(plan))
    num_users = [last - first for first, last in bounds]
    for first, last in progress.through(bounds, "users' events", "users", num_users):
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


def _pages(log: event_log.EventLog, gap: float) -> str:
    """Returns what makes impressions one page, for the manifest.

    Raises:
      errors.UserError: There are page ids and a gap between pages too.
    """
    has_pages = f"{schema.IMPRESSIONS}.{schema.PAGE_ID}" in _columns(log)
    if has_pages and gap:
        raise errors.UserError(
            f"expected no data.page_gap_seconds for a log with "
            f"{schema.IMPRESSIONS}.{schema.PAGE_ID}, received {gap:g}: leave one out"
        )
    if has_pages:
        return schema.PAGE_ID
    return f"user and gaps of at most {gap:g} s" if gap else "user and second"


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
            shown, first, watches, plan.bounds, found, plan.config.page_gap_seconds
        )
    return arrays


def _shard_bounds(plan: _Plan) -> Iterator[tuple[int, int]]:
    """Yields ranges of users with a bounded number of events each."""
    reached = np.cumsum(plan.users[entities.EVENTS].to_numpy())
    shard = reached // EVENTS_PER_SHARD
    firsts = np.flatnonzero(np.diff(shard, prepend=-1) > 0)
    lasts = np.append(firsts[1:], plan.users.height)
    yield from zip(firsts.tolist(), lasts.tolist(), strict=True)


def _columns(log: event_log.EventLog) -> list[str]:
    """Returns the columns the log has, as "table.column"."""
    return [
        f"{table}.{column}"
        for table, rows in log.tables.items()
        for column in rows.collect_schema().names()
    ]


def _write_entities(plan: _Plan, directory: pathlib.Path) -> dict[str, int]:
    """Writes users and the catalogue, vocabulary first; returns the number of each."""
    counts = _label_counts(plan, directory / prepared.ARRAYS)
    in_vocabulary = plan.videos[entities.IN_WATCHES].to_numpy()
    if plan.config.vocabulary == "train":
        in_vocabulary = in_vocabulary & (counts > 0)
    order = np.argsort(~in_vocabulary, kind="stable")
    _renumber(directory / prepared.ARRAYS, order)
    ids = plan.videos[schema.VIDEO_ID].gather(order)
    videos = entities.with_columns(plan.log, schema.VIDEOS, ids).with_columns(
        pl.Series(prepared.TRAIN_COUNT, counts[order].astype(np.int64))
    )
    users = entities.with_columns(plan.log, schema.USERS, plan.users[schema.USER_ID])
    videos.write_parquet(directory / prepared.VIDEOS_FILE)
    users.write_parquet(directory / prepared.USERS_FILE)
    artifacts.write_json(directory / prepared.VOCABULARIES_FILE, plan.vocabularies)
    return {
        "users": users.height,
        "videos": videos.height,
        "vocabulary": int(in_vocabulary.sum()),
    }


def _label_counts(plan: _Plan, arrays: pathlib.Path) -> np.ndarray:
    """Returns how often each video is a training label, `[videos] int64`."""
    splits_of = np.load(arrays / "watch_splits.npy", mmap_mode="r")
    is_label = np.asarray(splits_of) == prepared.Split.TRAIN
    if (arrays / "watch_completed.npy").exists():
        is_label &= np.load(arrays / "watch_completed.npy")
    labels = np.load(arrays / "watch_videos.npy", mmap_mode="r")[is_label]
    return np.bincount(labels, minlength=plan.videos.height + 1)[1:]


def _renumber(arrays: pathlib.Path, order: np.ndarray) -> None:
    """Gives the videos of all events their places in a new order of the catalogue."""
    new_index = np.zeros(len(order) + 1, np.int32)
    new_index[order + 1] = np.arange(1, len(order) + 1)
    for name in ("watch_videos", "impression_videos", "impression_seed_videos"):
        if (arrays / f"{name}.npy").exists():
            values = np.load(arrays / f"{name}.npy", mmap_mode="r+")
            if len(values):
                values[:] = new_index[values]
                values.flush()
