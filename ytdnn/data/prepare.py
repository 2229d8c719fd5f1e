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
    entities,
    event_log,
    prepared,
    shards,
    sources,
    splits,
    validation,
)

EVENTS_PER_SHARD = 5_000_000
_REQUIRED_COLUMNS = {
    schema.WATCHES: (
        schema.TIME,
        schema.ORDER,
        schema.WATCH_SECONDS,
        schema.SPLIT,
    ),
    schema.IMPRESSIONS: (
        schema.TIME,
        schema.CLICKED,
        schema.WATCH_SECONDS,
        schema.PAGE_ID,
    ),
}


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What is known before the first shard."""

    config: configs.Data
    log: event_log.EventLog
    watches: pl.LazyFrame
    users: pl.DataFrame
    videos: pl.DataFrame
    bounds: splits.Windows | None


def prepare(config: configs.Data, directory: pathlib.Path) -> prepared.PreparedData:
    """Reads the source, checks, splits and writes the prepared set.

    Args:
      config: Source, filters, protocol.
      directory: Where the artefact will stand.

    Raises:
      errors.UserError: The log is missing or bad, or the filters leave nothing.
    """
    facts: dict[str, object] = {}
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(config), {}, facts
    ) as partial:
        log, bad_rows = validation.validate(sources.read(config), config.bad_rows)
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
        watches=watches,
        users=users,
        videos=entities.all_videos(log, watches),
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
    watches = _indexed(plan, schema.WATCHES, plan.watches)
    impressions = None
    if schema.IMPRESSIONS in plan.log.tables:
        table = plan.log.tables[schema.IMPRESSIONS]
        impressions = _indexed(plan, schema.IMPRESSIONS, table)
    writers: dict[str, _Appender] = {}
    sizes = []
    num_pages = 0
    for first, last in _shard_bounds(plan):
        inside = pl.col(shards.USER).is_between(first, last, closed="left")
        frame = watches.filter(inside).collect(engine="streaming")
        arrays = shards.watch_arrays(
            frame, first, last - first, plan.config, plan.bounds
        )
        sizes.append(arrays["sizes"])
        if impressions is not None:
            frame = impressions.filter(inside).collect(engine="streaming")
            shown = shards.impression_arrays(frame, first, arrays, plan.bounds)
            shown["impression_pages"] += num_pages
            num_pages = int(shown["impression_pages"].max(initial=num_pages - 1)) + 1
            arrays |= shown
        del arrays["sizes"]
        for name, values in arrays.items():
            writers.setdefault(name, _Appender(directory / f"{name}.npy", values.dtype))
            writers[name].append(values)
    offsets = np.append(0, np.cumsum(np.concatenate(sizes))).astype(np.int64)
    np.save(directory / "watch_offsets.npy", offsets)
    rows = {name: writer.close() for name, writer in writers.items()}
    counts = {"watches": rows["watch_videos"]}
    if impressions is not None:
        counts["impressions"] = rows["impression_users"]
    return counts


def _pages(log: event_log.EventLog) -> str:
    """Returns what makes impressions one page, for the manifest."""
    columns = log.tables[schema.IMPRESSIONS].collect_schema()
    return schema.PAGE_ID if schema.PAGE_ID in columns else "user and second"


def _indexed(plan: _Plan, table: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Returns a table's rows with indices instead of ids, file order kept beside."""
    names = rows.collect_schema().names()
    columns = [name for name in _REQUIRED_COLUMNS[table] if name in names]
    return (
        rows.with_row_index(shards.ROW)
        .join(plan.users.lazy().select(schema.USER_ID, shards.USER), on=schema.USER_ID)
        .join(
            plan.videos.lazy().select(schema.VIDEO_ID, shards.VIDEO),
            on=schema.VIDEO_ID,
        )
        .select(shards.USER, shards.VIDEO, shards.ROW, *columns)
    )


def _shard_bounds(plan: _Plan) -> Iterator[tuple[int, int]]:
    """Yields ranges of users with a bounded number of watches each."""
    reached = np.cumsum(plan.users[entities.COUNT].to_numpy())
    shard = reached // EVENTS_PER_SHARD
    firsts = np.flatnonzero(np.diff(shard, prepend=-1) > 0)
    lasts = np.append(firsts[1:], plan.users.height)
    yield from zip(firsts.tolist(), lasts.tolist(), strict=True)


class _Appender:
    """Writes one array to a .npy file piece by piece."""

    def __init__(self, path: pathlib.Path, dtype: np.dtype) -> None:
        self._path = path
        self._dtype = dtype
        self._rows = 0
        self._raw = open(path.with_suffix(".raw"), "wb")  # noqa: SIM115

    def append(self, values: np.ndarray) -> None:
        """Appends values of the array's type."""
        self._raw.write(np.ascontiguousarray(values, self._dtype).tobytes())
        self._rows += len(values)

    def close(self) -> int:
        """Writes the final file and returns the number of rows."""
        self._raw.close()
        raw = pathlib.Path(self._raw.name)
        target = np.lib.format.open_memmap(
            self._path, mode="w+", dtype=self._dtype, shape=(self._rows,)
        )
        if self._rows:
            target[:] = np.memmap(raw, self._dtype, mode="r")
            target.flush()
        raw.unlink()
        return self._rows


def _write_entities(plan: _Plan, directory: pathlib.Path) -> pl.DataFrame:
    """Writes users and the video vocabulary, and renumbers the videos to it."""
    arrays = directory / prepared.ARRAYS
    watch_videos = np.load(arrays / "watch_videos.npy", mmap_mode="r")
    watch_splits = np.load(arrays / "watch_splits.npy", mmap_mode="r")
    train = watch_videos[np.asarray(watch_splits) == prepared.Split.TRAIN]
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
    videos.write_parquet(directory / prepared.VIDEOS_FILE)
    users.write_parquet(directory / prepared.USERS_FILE)
    artifacts.write_json(directory / prepared.VOCABULARIES_FILE, vocabularies)
    return videos
