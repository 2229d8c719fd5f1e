"""Initialises the candidate model from co-watch counts.

From co-watching (`ytdnn/features/co_watch_vectors.py`), a fresh network with a skip
connection scores a video by the cosine or product of its vector with a bag of the
watched videos' vectors, plus the log of how often it was watched. That is a neighbour
model of few dimensions, which training then improves. `factored` vectors keep the
lengths of the factorisation, so that watches multiply similarity, a low-pass filter on
the graph of users and videos (Shen et al., 2021): .075 for .069 on validation of a log
of lasting topics (a million watches of 100,000 videos). Where videos are few it begins
higher too, but training ends lower (ml-100k .142 for .145).

Co-watching measures the similarity of videos. It does not tell how many of the last
watches matter, how to weigh similarity against popularity, nor how many coordinates are
more than chance: validation chooses. On a log of 8.6 ordered watches per user, the last
watch's neighbours at three times the vector length have a validation nDCG@10 of .065,
the neighbours of all watches .037; on a log of 50 watches per user without order, the
neighbours of all watches are best. With 32 coordinates of one size instead of sizes
that fall a log of 58 watches per video (ml-100k) has .118 for .111, one of 10 the same.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import artifacts, configs, progress
from ytdnn.candidates import model
from ytdnn.features import co_watch_vectors
from ytdnn.layers import embeddings
from ytdnn.log import prepared
from ytdnn.training import device_strategy, validation

Floats = npt.NDArray[np.float32]

FACT = "start"
_KEPT = "start.json"
# Of validation: each bag and length that is tried is evaluated on them.
_USERS = 2_000
# Another bag than the mean, and other evenness, only where the metric on validation is
# 3 % higher: a small difference is chance.
_LEAST_GAIN = 1.03
_EVENNESS = (0.0, 0.5, 1.0)
_LENGTHS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # steps of about √2
_SPREAD = 2.0  # root mean square of a factored start's scores, but for popularity


@dataclasses.dataclass(frozen=True)
class CoWatchRows:
    """Counted rows of the tables of videos.

    Attributes:
      factors: `[videos, dim] float32`, of `co_watch_vectors`.
      users: `[videos]`, number of users of each.
      rarity: `[videos] float32`, weight of each watched video in a bag.
      popularity: `[videos] float32`, log of the watches, its mean 0.
    """

    factors: Floats
    users: npt.NDArray[np.integer]
    rarity: Floats
    popularity: Floats


@dataclasses.dataclass(frozen=True)
class Start:
    """Settings of a counted start that validation decides.

    Attributes:
      bag: Place of the bag that is the user's vector at first, from 0: of a short time
        scale where the last watch says most, the mean where taste does.
      length: Greatest length of a video's vector: how much co-watching weighs against
        popularity.
      evenness: How far the coordinates of vectors are brought to one size: 0 for few
        watches of each video, where the first coordinates alone are known well, 1 where
        all are.
    """

    bag: int = 0
    length: float = 1.0
    evenness: float = 0.0


def set_weights(
    candidate_model: model.CandidateModel, data: prepared.PreparedData
) -> CoWatchRows:
    """Sets counted weights of a fresh model, at `Start()`.

    Args:
      candidate_model: A model that `model.build` returned.
      data: The prepared set; only its training watches are read.

    Returns:
      What `begin_at` takes.
    """
    config = candidate_model.config
    count, dim = co_watch_vectors.factors, config.embedding_dim
    made = data.once((count, dim), lambda: count(data, dim))  # of a contest, shared
    counts = data.videos[prepared.TRAIN_COUNT].to_numpy()[: len(made[0])]
    logs = np.log1p(counts)
    popularity = (logs - logs.mean()).astype(np.float32)
    counted = CoWatchRows(*made, _rarity(counts), popularity)
    tower = candidate_model.user_tower
    if tower.skip_connection is not None and config.reads_bags:
        # What the tower adds is learned.
        tower.output_layer.kernel.assign(tf.zeros_like(tower.output_layer.kernel))
    begin_at(candidate_model, counted, Start())
    return counted


def choices(config: configs.CandidatesConfig) -> tuple[int, bool]:
    """Returns the number of bags a counted start can pass, and if lengths count."""
    can_pass = config.skip_connection != "none" and config.reads_bags
    num_bags = 1 + len(config.decay_rates) if can_pass else 1
    return num_bags, config.similarity != "cosine"


def begin_at(
    candidate_model: model.CandidateModel, counted: CoWatchRows, start: Start
) -> None:
    """Changes the initial weights of a model with a counted start, before training.

    Args:
      candidate_model: The model that was given to `set_weights`.
      counted: What `set_weights` returned.
      start: Where the model is to begin.
    """
    config, tower = candidate_model.config, candidate_model.user_tower
    rows = _factored_rows if config.initial_vectors == "factored" else _equal_rows
    watched, listed, share = rows(counted, start, config.temperature)
    tables = tower.watches.videos.table, candidate_model.videos.table
    for table, values in zip(tables, (watched, listed), strict=True):
        _assign(table, np.pad(values, ((1, 0), (0, 0))))  # row 0 is never read
    _assign(candidate_model.bias, np.append(0.0, share * counted.popularity))
    skip = tower.skip_connection
    if skip is not None and config.reads_bags:
        skip.pass_bag(start.bag, config.embedding_dim)


def _equal_rows(
    counted: CoWatchRows, start: Start, _: float
) -> tuple[Floats, Floats, float]:
    """Returns rows of watched and listed videos, and the weight of popularity."""
    rows = co_watch_vectors.shortened(counted.factors, counted.users)
    even = co_watch_vectors.evened(rows, start.evenness)
    old, new = (np.linalg.norm(each, axis=1, keepdims=True) for each in (rows, even))
    rows = even * (old / np.maximum(new, 1e-12))
    return rows * counted.rarity[:, np.newaxis], rows * np.float32(start.length), 1.0


def _factored_rows(
    counted: CoWatchRows, start: Start, temperature: float
) -> tuple[Floats, Floats, float]:
    """Returns these for `factored` vectors, with scores fit to train on."""
    watched = co_watch_vectors.evened(counted.factors, start.evenness)
    weights = (counted.users + co_watch_vectors.DAMPING).astype(np.float32)
    listed = watched * weights[:, np.newaxis]
    spread = _SPREAD * temperature
    listed *= spread / _size(listed, np.ones_like(weights))
    return watched / _size(watched, weights), listed, spread / start.length


def _size(rows: Floats, weights: Floats) -> np.float32:
    """Returns the root of the mean squared length of vectors, above 0."""
    squares = np.einsum("ij,ij->i", rows, rows) @ weights
    return np.float32(np.sqrt(squares / weights.sum()) or 1.0)


def _rarity(counts: npt.NDArray[np.integer]) -> Floats:
    """Returns the weight of each watched video in a bag, `[videos]`, by its watches.

    A rare video tells more about a user's taste than one that everybody watches, so its
    weight is 1 / √watches, as in neighbour models. The weight is reduced where the
    watches are too few to estimate a direction. The mean over watches is 1.
    """
    # About 1 / √watches, damped for few watches, of which chance decides.
    weights = np.sqrt(counts + 5.0) / (counts + 2.0)
    total = float((weights * counts).sum())
    return (weights * counts.sum() / max(total, 1e-9)).astype(np.float32)


def _assign(table: Any, values: np.ndarray) -> None:
    """Assigns a table, sharded or not."""
    start = 0
    for part in embeddings.parts(table):
        stop = start + int(part.shape[0])
        part.assign(values[start:stop].astype(np.float32, copy=False))
        start = stop


def begin(
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
    candidate_model: model.CandidateModel,
    counted: CoWatchRows,
    on: device_strategy.OneDevice,
    refitted: Mapping[str, Any] | None,
    work: pathlib.Path,
) -> Start:
    """Gives a model the counted start that is best on validation, and returns it.

    Args:
      config: Config of the network.
      data: The prepared set.
      candidate_model: See `set_weights`.
      counted: What `set_weights` returned.
      on: Devices; with several workers, the chief's choice holds.
      refitted: Facts of the network to refit, with the start to use; None: this is no
        refit.
      work: Directory of the training, which keeps the choice for `begun`.
    """
    start = Start()
    if refitted is not None:
        start = Start(**refitted.get(FACT, {}))
    elif not config.train_on_validation and validation.has_targets(config, data):
        best = _best(config, data, candidate_model, counted)
        bag, *others = on.agreed(list(dataclasses.astuple(best)))
        start = Start(int(bag), *others)
        progress.say(
            f"candidates: begins at counted co-watching (bag {start.bag + 1}, "
            f"videos' vectors of length {start.length:g}, evenness {start.evenness:g}: "
            f"chosen on validation)"
        )
    if on.writes:
        artifacts.write_json(work / _KEPT, dataclasses.asdict(start))
    begin_at(candidate_model, counted, start)
    return start


def begun(work: pathlib.Path) -> Start:
    """Returns where a training began, of which `work` has a checkpoint."""
    kept = work / _KEPT  # which a process without the chief's files lacks
    return Start(**json.loads(kept.read_text())) if kept.exists() else Start()


def facts(start: Start) -> dict[str, Any]:
    """Returns facts about the start of a training for its manifest."""
    return {FACT: dataclasses.asdict(start)}


def count_again(
    candidate_model: model.CandidateModel,
    data: prepared.PreparedData,
    trained: Mapping[str, Any],
) -> dict[str, Any]:
    """Gives a model the counted start of a trained one, counted on another log.

    Args:
      candidate_model: A model of the other log.
      data: Prepared set of the other log.
      trained: Facts of the trained one.

    Returns:
      Facts for the manifest.
    """
    start = Start(**trained[FACT])
    begin_at(candidate_model, set_weights(candidate_model, data), start)
    return facts(start)


def _best(
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
    candidate_model: model.CandidateModel,
    counted: CoWatchRows,
) -> Start:
    """Returns the start that is best on a sample of the validation users."""
    users = min(config.validation_users or _USERS, _USERS)
    few = dataclasses.replace(config, validation_users=users)
    validate = validation.validator(few, data, candidate_model, is_stated=False)
    tower, (num_bags, tries_lengths) = candidate_model.user_tower, choices(config)

    def value(start: Start) -> float:
        begin_at(candidate_model, counted, start)
        tower.passed_bag = start.bag if num_bags > 1 else None  # as the rest adds 0
        return validate()[validation.METRIC]

    best = search(value, num_bags, tries_lengths)
    tower.passed_bag = None
    return best


def search(
    value: Callable[[Start], float], num_bags: int, tries_lengths: bool
) -> Start:
    """Returns the best evenness of the mean, its best bag, evenness and length of that.

    Another evenness or bag must be clearly better: validation on a sample does not
    resolve smaller differences. Lengths are searched up and down.

    Args:
      value: Function that returns the metric of a start, higher is better.
      num_bags: Number of bags to choose from.
      tries_lengths: Whether lengths change the scores.
    """
    best = Start()
    known = {best: value(best)}
    even: tuple[str, Sequence[Any]] = "evenness", _EVENNESS
    for field, places in (even, ("bag", range(num_bags)), even):
        tried = [dataclasses.replace(best, **{field: place}) for place in places]
        known |= {start: value(start) for start in tried if start not in known}
        first, best = best, max(tried, key=lambda start: known[start])
        if known[best] <= _LEAST_GAIN * known[first]:
            best = first
    if not tries_lengths:
        return best
    first, place = best, _LENGTHS.index(best.length)
    for lengths in (_LENGTHS[place + 1 :], _LENGTHS[:place][::-1]):
        for length in lengths:
            start = dataclasses.replace(first, length=length)
            known[start] = value(start)
            if known[start] <= known[best]:
                break
            best = start
        if best != first:
            break
    return best
