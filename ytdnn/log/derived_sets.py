"""Prepared sets whose training ends later: at the test window, or at the log's end.

They are made from a prepared set, not from the log, which may no longer exist: the
events stay; the split and the vocabulary change.

* `EARLIER`, if the ranker has a window of its own: the candidates train before the last
  `data.ranking_fraction` of the watches, the ranker on the impressions after that. So
  the ranker learns from scores of a model that was not trained on its clicks.
* `WHOLE`: all watches are training watches; it is used for the served models.

The vocabulary of the first is a part of the second's, and its videos come first in both
catalogues: a video has one index, and the ranker of the first reads the second.
"""

import dataclasses
import enum
import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, configs, errors, ragged, schema, whole_files
from ytdnn.log import (
    events,
    log_warnings,
    prepared,
    prepared_log,
    searches,
    shard_arrays,
    shard_tasks,
    window_choice,
)

Path = pathlib.Path

PreparedData = prepared.PreparedData
UserLog = prepared_log.UserLog

FACT, TRAINED_TO = prepared.REFIT, prepared.TRAINED_TO
_VIDEO_ARRAYS = ("watch_videos", "impression_videos", "impression_seed_videos")
_TOKEN_ARRAYS = ("search_tokens", "search_token_offsets")

Bools = npt.NDArray[np.bool_]
Splits = npt.NDArray[np.uint8]


class Part(enum.Enum):
    """The purpose of a prepared set of the refit."""

    EARLIER = "earlier"
    WHOLE = "whole"


def derive(
    data: PreparedData,
    part: Part,
    directory: Path,
    needs_ranker: bool,
    begins: int | None = None,
    test: int | None = None,
) -> PreparedData:
    """Writes one of the sets of a refit, of a refresh, or of models that learn on.

    Args:
      data: The prepared set of the run.
      part: The set to write; `EARLIER` only if `data.has_own_window`.
      directory: Directory of the new set.
      needs_ranker: Whether a ranker is trained to the end of the log too.
      begins: Begin of the ranker's window, seconds since the epoch; None: by the
        ranking fraction.
      test: Begin of the test window, that of the run or later, whose events keep
        their split; None: nothing is held out.

    Raises:
      errors.UserError: The ranker has nothing to learn from before the end of the log.
    """
    if begins is None:
        begins = _ranker_begins(data)
    split = _Split(
        watches_to=begins if part is Part.EARLIER and begins is not None else np.inf,
        shown_from=-np.inf if begins is None else begins,
        test=test,
    )
    obstacle = data.manifest.facts.get("ranking_obstacle")
    if needs_ranker or obstacle is None:  # else no later impressions make a ranker
        splits, needed = split.impression_splits, (events.Split.TRAIN,)
        obstacle = log_warnings.ranking_obstacle(data.log.shards, splits, needed)
    if needs_ranker and obstacle:
        raise errors.UserError(
            f"expected {schema.IMPRESSIONS} for the ranker up to the end of the log, "
            f"found a window where {obstacle}: raise data.ranking_fraction, leave the "
            f"ranker out (--config.ranking.enabled=false), or serve without the refit "
            f"(--config.refit=false)"
        )
    labels = _label_counts(data, split)
    end = data.windows.end_of_log + 1
    facts = dict(data.manifest.facts) | {
        "vocabulary": int(_vocabulary(data, labels).sum()),
        "ranking_obstacle": obstacle,
    }
    if test is None:
        facts[FACT] = {TRAINED_TO: end}
    if data.config.protocol == "temporal":
        windows = _windows(data, part, begins, end)
        if test is not None:
            known = window_choice.Windows(**data.manifest.facts["windows"])
            windows = dataclasses.replace(known, ranking=test, test=test)
        facts["windows"] = dataclasses.asdict(windows)
    inputs = {prepared.KIND: data.manifest.fingerprint}
    config = configs.to_dict(data.config)
    with artifacts.publish(directory, prepared.KIND, config, inputs, facts) as partial:
        order = _order(data, begins, split)
        _write_entities(data.catalogue, order, labels, partial)
        _write_arrays(data.log, order, split, partial)
        if data.log.shard_index.shard(0).searches is not None:
            facts |= _write_searches(data, split, partial)
    return prepared.load(directory)


def up_to_test(data: PreparedData, directory: Path) -> PreparedData:
    """Writes the set whose training ends at the test window of a temporal split.

    Args:
      data: The prepared set of the run.
      directory: Directory of the new set.
    """
    windows = data.manifest.facts["windows"]
    begins, test = windows["ranking"], windows["test"]
    return derive(data, Part.WHOLE, directory, False, begins, test)


@dataclasses.dataclass(frozen=True)
class _Split:
    """The split of a training set.

    Attributes:
      watches_to: Second from which watches are only context.
      shown_from: Second before which impressions are only context.
      test: Second until which watches that were context or test train; all other
        events keep their split. None: nothing is held out.
    """

    watches_to: float = np.inf
    shown_from: float = -np.inf
    test: int | None = None

    def watch_splits(self, watches: events.Watches) -> Splits:
        """Returns the split of each watch."""
        times = np.asarray(watches.times)
        if self.test is None:
            return _splits(times >= self.watches_to)
        known = np.asarray(watches.splits)
        is_held = np.isin(known, (events.Split.CONTEXT, events.Split.TEST))
        trains = is_held & (times < min(self.test, self.watches_to))
        return np.where(trains, events.Split.TRAIN, known).astype(np.uint8)

    def are_labels(self, watches: events.Watches) -> Bools:
        """Returns whether each watch is one that the candidates learn to predict."""
        of_watches = self.watch_splits(watches)
        is_label: Bools = of_watches == events.Split.TRAIN
        if self.test is not None:
            is_label |= of_watches == events.Split.VALIDATION
        return is_label & watches.are_completed

    def impression_splits(self, shown: events.Impressions) -> Splits:
        """Returns the split of each impression."""
        if self.test is not None:
            return np.asarray(shown.splits)
        return _splits(np.asarray(shown.times) < self.shown_from)


def _splits(is_context: Bools) -> Splits:
    split = events.Split
    return np.where(is_context, split.CONTEXT, split.TRAIN).astype(np.uint8)


def _times(log: UserLog) -> npt.NDArray[np.int64]:
    """Returns the times of all watches."""
    # Copied, since a mapped array keeps its file open.
    return np.concatenate([np.array(s.read().watches.times) for s in log.shards])


def _ranker_begins(data: PreparedData) -> int | None:
    """Returns the begin of the ranker's window; None if it has none of its own."""
    if not data.windows.has_own_window:
        return None
    share = 1.0 - data.config.ranking_fraction
    return int(np.quantile(_times(data.log), share, method="nearest"))


def _windows(
    data: PreparedData, part: Part, begins: int | None, end: int
) -> window_choice.Windows:
    """Returns the windows; those without training begin at the end, as the test."""
    if begins is None:  # both stages train on all of it
        first = int(_times(data.log).min(initial=end))
        return window_choice.Windows(end, first, end, end)
    start = begins if part is Part.EARLIER else end
    return window_choice.Windows(start, start, end, end)


def _vocabulary(data: PreparedData, labels: npt.NDArray[np.int64]) -> Bools:
    """Returns whether each video gets an id embedding, `[videos] bool`."""
    if data.config.vocabulary == "train":
        return labels > 0
    return np.arange(data.num_videos) < data.vocabulary_size


def _label_counts(data: PreparedData, split: _Split) -> npt.NDArray[np.int64]:
    """Returns how often each video is a training label, `[videos] int64`."""
    counts = np.zeros(data.num_videos + 1, np.int64)
    for shard in data.log.shards:
        watches = shard.read().watches
        videos = np.asarray(watches.videos)[split.are_labels(watches)]
        counts += np.bincount(videos, minlength=len(counts))
    return counts[1:]


def _order(
    data: PreparedData, begins: int | None, split: _Split
) -> npt.NDArray[np.int64]:
    """Returns the catalogue with both vocabularies in front, the smaller one first."""
    ends = {np.inf, np.inf if begins is None else begins}
    splits = [dataclasses.replace(split, watches_to=end) for end in ends]
    masks = [_vocabulary(data, _label_counts(data, each)) for each in splits]
    return np.argsort(-sum(known.astype(np.int64) for known in masks), kind="stable")


def _write_entities(
    catalogue: prepared.Catalogue,
    order: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    directory: Path,
) -> None:
    """Writes users, catalogue and the vocabularies of texts."""
    counts = pl.Series(prepared.TRAIN_COUNT, labels)
    videos = catalogue.videos.with_columns(counts)[order]
    videos.write_parquet(directory / prepared.VIDEOS_FILE)
    catalogue.vectors.write_ordered(order, directory)
    for name in (prepared_log.USERS_FILE, prepared.VOCABULARIES_FILE):
        whole_files.link(str(catalogue.directory / name), str(directory / name))


def _write_arrays(
    log: UserLog, order: npt.NDArray[np.int64], split: _Split, directory: Path
) -> None:
    """Writes the changed arrays of the events, and links the unchanged ones."""
    new_index = prepared.new_indices(order)
    for number, shard in enumerate(log.shards):
        loaded = shard.read()
        changed = {"watch_splits": split.watch_splits(loaded.watches)}
        if loaded.impressions is not None:
            changed["impression_splits"] = split.impression_splits(loaded.impressions)
        target = events.path(directory, number)
        target.mkdir(parents=True)
        for path in sorted(events.path(log.directory, number).iterdir()):
            if path.stem in _VIDEO_ARRAYS:
                events.save(target / path.name, new_index[np.load(path, mmap_mode="r")])
            elif path.stem in changed:
                events.save(target / path.name, changed[path.stem])
            elif path.stem not in _TOKEN_ARRAYS:
                whole_files.link(str(path), str(target / path.name))


def _write_searches(
    data: PreparedData, split: _Split, directory: Path
) -> dict[str, int]:
    """Writes the tokens of searches with the vocabulary of the new training set."""
    with whole_files.scratch(directory, "tokens") as scratch:
        files = _write_tokens(data.log, split, scratch)
        known = searches.vocabulary(files, data.config)
        known.write_parquet(directory / prepared.TOKENS_FILE)
        for number, file in enumerate(files):
            arrays = searches.token_arrays(pl.read_parquet(file), known)
            shard_tasks.save(arrays, events.path(directory, number))
    return {"search_tokens": known.height}


def _write_tokens(log: UserLog, split: _Split, scratch: Path) -> list[Path]:
    """Writes the tokens of each shard's searches as text, and returns the files."""
    files = []
    for number, shard in enumerate(log.shards):
        files.append(shard_tasks.token_file(scratch, number))
        path = events.path(log.directory, number) / events.QUERIES_FILE
        place = pl.int_range(pl.len())
        frame = pl.read_parquet(path).with_columns(
            pl.lit(0).alias(shard_arrays.USER),
            place.alias(schema.TIME),
            place.alias(shard_arrays.ROW),
        )
        inside = _searches_in_training(shard.read(), split)
        searches.write_tokens(searches.with_tokens(frame), inside, files[-1])
    return files


def _searches_in_training(shard: events.Shard, split: _Split) -> Bools:
    """Returns whether each search is in the context of a training label."""
    if shard.searches is None:
        return np.zeros(0, bool)
    before = shard.watches.num_searches
    offsets = np.asarray(shard.searches.offsets)
    reached = np.zeros(len(offsets) - 1, np.int64)
    if before is not None:
        is_label = split.are_labels(shard.watches)
        owners = shard.watches.users[is_label]
        np.maximum.at(reached, owners, np.asarray(before)[is_label])
    users = ragged.rows_of(offsets)
    return np.arange(len(users)) - offsets[users] < reached[users]
