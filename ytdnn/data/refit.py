"""Prepared sets for the refit: nothing is held out, training reaches the log's end.

Both are made of a prepared set, not of the log, which need not be there any more: the
events stay, what moves is the split, and with it the vocabulary.

* `EARLIER`, where the ranker has a window of its own: the candidates train before the
  last `data.ranking_fraction` of the watches, the ranker on the impressions since. So
  the ranker learns from scores of a model that has not seen what was clicked.
* `WHOLE`: all watches are training; it is what is served.

The vocabulary of the first is a part of the second's, and its videos come first in both
catalogues: a video has one index, and the ranker of the first reads the second.
"""

import dataclasses
import enum
import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn import artifacts, configs, errors, ragged, schema
from ytdnn.data import doubts, prepared, searches, shards, splits

FACT = "refit"
TRAINED_TO, RANKER_FROM = "trained_to", "ranker_from"
_QUERIES_A_PART = 1 << 20
_VIDEO_ARRAYS = ("watch_videos", "impression_videos", "impression_seed_videos")
_TOKEN_ARRAYS = ("search_tokens", "search_token_offsets")

Bools = npt.NDArray[np.bool_]
Splits = npt.NDArray[np.uint8]


class Part(enum.Enum):
    """What a prepared set of the refit is for."""

    EARLIER = "earlier"
    WHOLE = "whole"


def derive(
    data: prepared.PreparedData,
    part: Part,
    directory: pathlib.Path,
    needs_ranker: bool,
    begins: int | None = None,
) -> prepared.PreparedData:
    """Writes one of the sets of the refit, or of a refresh.

    Args:
      data: The prepared set of the run that was chosen.
      part: Which set; `EARLIER` only where `data.has_own_window`.
      directory: Where it will stand.
      needs_ranker: Whether a ranker is to be trained to the end of the log too.
      begins: Where the ranker's window begins, seconds since the epoch, as in a
        refresh; None: as the ranking fraction says.

    Raises:
      errors.UserError: The ranker has nothing to learn from before the end of the log.
    """
    if begins is None:
        begins = _ranker_begins(data)
    of_watches = _watch_splits(data, begins if part is Part.EARLIER else None)
    of_shown = _impression_splits(data, begins)
    obstacle = _obstacle(data, of_shown)
    if needs_ranker and obstacle:
        raise errors.UserError(
            f"expected {schema.IMPRESSIONS} for the ranker up to the end of the log, "
            f"found a window where {obstacle}: raise data.ranking_fraction, leave the "
            f"ranker out (--config.ranking.enabled=false), or serve without the refit "
            f"(--config.refit=false)"
        )
    vocabulary = _vocabulary(data, of_watches)
    facts = dict(data.manifest.facts) | {
        "vocabulary": int(vocabulary.sum()),
        "ranking_obstacle": obstacle,
        FACT: {TRAINED_TO: _end(data), RANKER_FROM: begins},
    }
    if data.config.protocol == "temporal":
        facts["windows"] = dataclasses.asdict(_windows(data, part, begins))
    made_from = {prepared.KIND: data.manifest.fingerprint}
    config = configs.to_dict(data.config)
    with artifacts.publish(
        directory, prepared.KIND, config, made_from, facts
    ) as partial:
        order = _order(data, begins)
        _write_entities(data, order, of_watches, partial)
        (partial / prepared.ARRAYS).mkdir()
        _write_arrays(data, order, of_watches, of_shown, partial / prepared.ARRAYS)
        if data.shard.searches is not None:
            facts |= _write_searches(data, of_watches, partial)
    return prepared.load(directory)


def _end(data: prepared.PreparedData) -> int:
    """Returns the second after the last event."""
    return data.end_of_log + 1


def _ranker_begins(data: prepared.PreparedData) -> int | None:
    """Returns where the ranker's window begins, None where it has none of its own."""
    if not data.has_own_window:
        return None
    times = np.asarray(data.watches.times)
    return int(np.quantile(times, 1.0 - data.config.ranking_fraction, method="nearest"))


def _watch_splits(data: prepared.PreparedData, begins: int | None) -> Splits:
    """Returns all watches as training, those from `begins` on as context."""
    found = np.full(len(data.watches), prepared.Split.TRAIN, np.uint8)
    if begins is not None:
        found[np.asarray(data.watches.times) >= begins] = prepared.Split.CONTEXT
    return found


def _impression_splits(data: prepared.PreparedData, begins: int | None) -> Splits:
    """Returns the impressions of the ranker's window as training, others as context."""
    if not data.has_impressions:
        return np.zeros(0, np.uint8)
    found = np.full(len(data.impressions), prepared.Split.TRAIN, np.uint8)
    if begins is not None:
        found[np.asarray(data.impressions.times) < begins] = prepared.Split.CONTEXT
    return found


def _obstacle(data: prepared.PreparedData, of_shown: Splits) -> str:
    if not data.has_impressions:
        return doubts.ranking_obstacle(None, None)
    clicked = np.asarray(data.impressions.clicked)
    return doubts.ranking_obstacle(of_shown, clicked, (prepared.Split.TRAIN,))


def _windows(
    data: prepared.PreparedData, part: Part, begins: int | None
) -> splits.Windows:
    """Returns the windows: what is not there to be learned from begins at the end."""
    end = _end(data)
    if begins is None:  # both stages train on all of it
        first = int(np.asarray(data.watches.times).min(initial=end))
        return splits.Windows(end, first, end, end)
    start = begins if part is Part.EARLIER else end
    return splits.Windows(start, start, end, end)


def _vocabulary(data: prepared.PreparedData, of_watches: Splits) -> Bools:
    """Returns which videos get an id embedding, `[videos] bool`."""
    if data.config.vocabulary == "train":
        return _label_counts(data, of_watches) > 0
    return np.arange(data.num_videos) < data.vocabulary_size


def _label_counts(
    data: prepared.PreparedData, of_watches: Splits
) -> npt.NDArray[np.int64]:
    """Returns how often each video is a training label, `[videos] int64`."""
    videos = np.asarray(data.watches.videos)[_are_labels(data, of_watches)]
    return np.bincount(videos, minlength=data.num_videos + 1)[1:]


def _are_labels(data: prepared.PreparedData, of_watches: Splits) -> Bools:
    is_label: Bools = of_watches == prepared.Split.TRAIN
    return is_label & data.watches.are_completed


def _order(data: prepared.PreparedData, begins: int | None) -> npt.NDArray[np.int64]:
    """Returns the catalogue with both vocabularies in front, the smaller one first."""
    found = [_vocabulary(data, _watch_splits(data, b)) for b in {begins, None}]
    return np.argsort(-sum(known.astype(np.int64) for known in found), kind="stable")


def _write_entities(
    data: prepared.PreparedData,
    order: npt.NDArray[np.int64],
    of_watches: Splits,
    directory: pathlib.Path,
) -> None:
    """Writes users, catalogue and the vocabularies of texts."""
    counts = pl.Series(prepared.TRAIN_COUNT, _label_counts(data, of_watches))
    videos = data.videos.with_columns(counts)[order]
    videos.write_parquet(directory / prepared.VIDEOS_FILE)
    for name in (prepared.USERS_FILE, prepared.VOCABULARIES_FILE):
        artifacts.link(str(data.directory / name), str(directory / name))


def _write_arrays(
    data: prepared.PreparedData,
    order: npt.NDArray[np.int64],
    of_watches: Splits,
    of_shown: Splits,
    directory: pathlib.Path,
) -> None:
    """Writes what changes of the events, and links what does not."""
    new_index = np.zeros(len(order) + 1, np.int32)
    new_index[order + 1] = np.arange(1, len(order) + 1)
    changed = {"watch_splits": of_watches, "impression_splits": of_shown}
    for path in sorted((data.directory / prepared.ARRAYS).glob("*.npy")):
        if path.stem in _VIDEO_ARRAYS:
            values = new_index[np.load(path, mmap_mode="r")]
            np.save(directory / path.name, values)
        elif path.stem in changed:
            np.save(directory / path.name, changed[path.stem])
        elif path.stem not in _TOKEN_ARRAYS:
            artifacts.link(str(path), str(directory / path.name))


def _write_searches(
    data: prepared.PreparedData, of_watches: Splits, directory: pathlib.Path
) -> dict[str, int]:
    """Writes the words of searches anew: their vocabulary is that of training."""
    files = searches.TokenFiles(directory / "tokens")
    in_training = _searches_in_training(data, of_watches)
    for start in range(0, len(in_training), _QUERIES_A_PART):
        inside = in_training[start : start + _QUERIES_A_PART]
        texts = pl.Series(schema.QUERY, data.queries(start, start + len(inside)))
        place = pl.int_range(pl.len())
        frame = texts.to_frame().with_columns(
            pl.lit(0).alias(shards.USER),
            place.alias(schema.TIME),
            place.alias(shards.ROW),
        )
        files.add(frame.height, searches.with_tokens(frame), inside)
    return {"search_tokens": files.write(data.config, directory)}


def _searches_in_training(data: prepared.PreparedData, of_watches: Splits) -> Bools:
    """Returns which searches the context of a training label has."""
    before = data.watches.num_searches
    offsets = np.asarray(data.searches.offsets)
    reached = np.zeros(data.num_users, np.int64)
    if before is not None:
        is_label = _are_labels(data, of_watches)
        owners = data.watches.users[is_label]
        np.maximum.at(reached, owners, np.asarray(before)[is_label])
    users = ragged.rows_of(offsets)
    found: Bools = np.arange(len(users)) - offsets[users] < reached[users]
    return found
