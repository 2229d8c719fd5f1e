"""Candidate models: any object with `fit(data)` and `recommend(requests, k)`.

The setting `candidates.model` names one. The network (PAPER §3) is the default; counted
models, models of other libraries and a user's own (docs/extending.md) are trained,
evaluated, compared and answered by the same commands. They make lists and no vectors,
so a run with one has no index, no ranker and no bundle.

Users and videos are rows of the tables in `TrainingData`, counted from 0. A model ranks
what it likes; watched videos, and those that may not be listed yet, are removed here.
"""

import dataclasses
import functools
import pathlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from ytdnn.base import artifacts, configs, errors, ragged, registries
from ytdnn.base.configs import setting_types
from ytdnn.base.metrics import top_k_selection
from ytdnn.log import prepared, slice_batches

KIND = "candidates"  # of the artefact, as of a trained network
_FILE = "model.pickle"
_BLOCK_BYTES = 128 * 2**20  # of scores

Rows = npt.NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The watches of the training window, to which a candidate model is fitted.

    Attributes:
      prepared: The prepared set.
    """

    prepared: prepared.PreparedData

    @property
    def users(self) -> pl.DataFrame:
        """All users with their columns, those without training watches too."""
        return self.prepared.users

    @property
    def videos(self) -> pl.DataFrame:
        """The videos with a training watch, with their columns."""
        return self.prepared.videos.head(self.prepared.vocabulary_size)

    @functools.cached_property
    def watches(self) -> pl.DataFrame:
        """Columns `user` and `video` (rows of the tables) and `time`, by user and time.

        Watches of videos outside `videos` are left out.
        """
        parts, first = [], 0
        for shard in slice_batches.training_set(self.prepared).log.shards:
            watches = shard.read().watches
            video = np.asarray(watches.videos, np.int64) - 1
            known = (video >= 0) & (video < self.videos.height)
            columns = {
                "user": np.asarray(watches.users, np.int64)[known] + first,
                "video": video[known],
                "time": np.asarray(watches.times, np.int64)[known],
            }
            parts.append(pl.DataFrame(columns))
            first += shard.num_users
        return pl.concat(parts)

    @functools.cached_property
    def matrix(self) -> Any:
        """`[users, videos]` sparse rows, 1 where a user has watched a video."""
        pairs = self.watches["user"].to_numpy(), self.watches["video"].to_numpy()
        return _matrix(*pairs, (self.users.height, self.videos.height))


@dataclasses.dataclass(frozen=True)
class Requests:
    """Requests for lists.

    Attributes:
      users: `[n]` rows of the users.
      times: `[n] int64` times of the requests (s since the epoch).
      histories: Rows of the videos that each user has watched before, oldest first.
      num_videos: Number of videos that may be listed.
      removed: Catalogue indices of the videos that must not be listed.
      available: Time from which each video may be listed, and `times`; None: always.
    """

    users: Rows
    times: Rows
    histories: ragged.Ragged
    num_videos: int
    removed: ragged.Ragged
    available: top_k_selection.Available | None = None

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.users)

    @functools.cached_property
    def matrix(self) -> Any:
        """`[n, videos]` sparse rows, 1 where a video is in the history."""
        rows, videos = self.histories.rows, self.histories.values
        return _matrix(rows, videos, (len(self), self.num_videos))

    def last(self, num: int) -> Rows:
        """Returns the last watches of each history, latest first, `[n, num]`; -1: none.

        Args:
          num: Number of watches.
        """
        offsets = self.histories.offsets
        places = offsets[1:, np.newaxis] - 1 - np.arange(num)
        is_there = places >= offsets[:-1, np.newaxis]
        last = np.full(places.shape, -1, np.int64)
        last[is_there] = self.histories.values[places[is_there]]
        return last

    def best(self, score: top_k_selection.Scorer, k: int) -> npt.NDArray[np.int32]:
        """Ranks all videos exactly; removed ones are left out, ties are by lower row.

        Args:
          score: Function that fills a block: its arguments are a slice of requests, a
            slice of videos, and the float32 array for their scores.
          k: Length of the lists.

        Returns:
          `[n, k]` rows of videos, best first, -1 where there are fewer.
        """
        shape = len(self), self.num_videos
        lists = top_k_selection.best_of(
            score, shape, self.removed, k, _BLOCK_BYTES, self.available
        )
        return lists - 1


@runtime_checkable
class BaseCandidateModel(Protocol):
    """A model that makes lists of videos.

    It may also have `save(directory)` and `load(directory)`; without them its
    attributes are pickled.
    """

    def fit(self, data: TrainingData) -> Any:
        """Learns from the training window."""
        ...

    def recommend(self, requests: Requests, k: int) -> Any:
        """Returns rows of videos `[n, k]`, best first, -1 = none; or these and scores.

        A list may be shorter than k, and may hold watched videos.
        """
        ...


class ScoringModel:
    """A candidate model that scores all videos."""

    def __init__(self, config: Any) -> None:
        """Has no settings."""

    def scorer(self, requests: Requests) -> top_k_selection.Scorer:
        """Returns the function that fills a block of scores; see `Requests.best`."""
        raise NotImplementedError

    def recommend(self, requests: Requests, k: int) -> npt.NDArray[np.int32]:
        """Returns the videos with the largest scores."""
        return requests.best(self.scorer(requests), k)


def make(config: Any) -> BaseCandidateModel:
    """Returns the unfitted model of some settings, `candidates.model`."""
    models, name = registries.CANDIDATE_MODELS, config.kind
    return models.made(name, BaseCandidateModel, config)


def unfitted(name: str) -> BaseCandidateModel:
    """Returns the unfitted model of a name, with the defaults of its settings.

    Raises:
      errors.UserError: The name is unknown, or the model's package is missing.
    """
    settings = registries.CANDIDATE_MODELS[name].config
    return make((settings or setting_types.without_settings(name))())


def lists(
    model: BaseCandidateModel, requests: Requests, k: int
) -> npt.NDArray[np.int32]:
    """Returns the model's lists without forbidden videos.

    A row that loses videos is asked for again with as many more.

    Args:
      model: The fitted model.
      requests: The requests.
      k: Length of the lists.

    Returns:
      `[n, k]` catalogue indices, best first, 0 where there are fewer.

    Raises:
      errors.UserError: See `_checked`.
    """
    chosen, is_short = _allowed(model, requests, min(k, requests.num_videos), k)
    if is_short.any():
        rows = np.flatnonzero(is_short)
        some = take(requests, rows)
        most = min(k + int(some.removed.sizes.max(initial=0)), requests.num_videos)
        if some.available is not None:
            most = requests.num_videos
        chosen[rows] = _allowed(model, some, most, k)[0]
    return chosen


def take(requests: Requests, rows: Rows) -> Requests:
    """Returns some of the requests."""
    available = requests.available
    return dataclasses.replace(
        requests,
        users=requests.users[rows],
        times=requests.times[rows],
        histories=requests.histories.take(rows),
        removed=requests.removed.take(rows),
        available=None if available is None else (available[0], available[1][rows]),
    )


def _allowed(
    model: BaseCandidateModel, requests: Requests, num: int, k: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Returns lists of k allowed videos, and which rows lost some and are short.

    Args:
      model: The model.
      requests: The requests.
      num: Number of videos to ask for.
      k: Length of the lists.
    """
    videos = _checked(model, requests, num)
    closed, keep = closed_up(videos, requests.removed, requests.available)
    closed = closed[:, :k]
    is_short = (keep.sum(axis=1) < k) & (keep != (videos > 0)).any(axis=1)
    missing = k - closed.shape[1]
    return np.pad(closed, ((0, 0), (0, missing))).astype(np.int32), is_short


def closed_up(
    listed: Rows, removed: Any, available: top_k_selection.Available | None
) -> tuple[Any, npt.NDArray[np.bool_]]:
    """Returns lists without forbidden videos, compacted, and which places stayed.

    Args:
      listed: `[n, k]` catalogue indices, 0 = none.
      removed: Videos that no list may hold, with `offsets` and `values`.
      available: See `Requests`.
    """
    everyone, removes = slice(0, len(listed)), (removed.offsets, removed.values)
    excluded = top_k_selection.ExcludedVideos(everyone, removes, available)
    rows = np.repeat(np.arange(len(listed)), listed.shape[1])
    keep = (listed > 0) & ~excluded.holds(rows, listed.ravel()).reshape(listed.shape)
    order = np.argsort(~keep, axis=1, kind="stable")
    return np.take_along_axis(np.where(keep, listed, 0), order, axis=1), keep


def _checked(
    model: BaseCandidateModel, requests: Requests, num: int
) -> npt.NDArray[np.int64]:
    """Returns a model's answer as catalogue indices, 0 = none.

    Raises:
      errors.UserError: It has another shape, or names unknown videos or one twice.
    """
    named: dict[str, Any] = {"name": type(model).__name__, "source": model.recommend}
    require: Any = functools.partial(registries.CANDIDATE_MODELS.require, **named)
    array: Any = functools.partial(registries.CANDIDATE_MODELS.array, **named)
    answer = model.recommend(requests, num)
    rows, *scores = answer if isinstance(answer, tuple) else (answer,)
    rows = array(rows, (len(requests), None), types="iu")
    require(rows.shape[1] <= num, f"at most {num} videos a row", str(rows.shape[1]))
    is_known = (rows >= -1) & (rows < requests.num_videos)
    known = f"rows of videos from -1 (none) to {requests.num_videos - 1}"
    require(is_known.all(), known, str(rows[~is_known][:1]))
    ordered = np.sort(rows, axis=1)
    is_again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    twice = f"{ordered[:, 1:][is_again][:1]} twice"
    require(not is_again.any(), "each video once in a row", twice)
    for each in scores:
        is_nan = np.isnan(array(each, rows.shape))
        require(not is_nan.any(), "scores without NaN", "NaN")
    return rows.astype(np.int64) + 1


def fit(
    config: configs.Config, data: prepared.PreparedData, directory: pathlib.Path
) -> None:
    """Fits the model of `candidates.model`, and writes the artefact `candidates`.

    Args:
      config: Config of the run.
      data: The prepared set.
      directory: Directory of the artefact.

    Raises:
      errors.UserError: The model cannot be made, or be pickled.
    """
    settings = config.candidates.model
    model = make(settings)
    model.fit(TrainingData(data))
    sources = {prepared.KIND: data.manifest.fingerprint}
    sources |= registries.versions(config.candidates)
    facts = {"model": settings.kind, "watches": data.catalogue.facts["watches"]}
    with artifacts.publish(
        directory, KIND, step_config(config), sources, facts
    ) as partial:
        if hasattr(model, "save"):
            model.save(partial)
        else:
            (partial / _FILE).write_bytes(_pickled(model, settings.kind))


def step_config(config: configs.Config) -> dict[str, Any]:
    """Returns the part of the config that a model other than the network depends on."""
    model = configs.to_dict(config.candidates)["model"]
    return {"candidates": {"model": model}, "seed": config.seed}


def _pickled(model: BaseCandidateModel, kind: str) -> bytes:
    try:
        return pickle.dumps(vars(model))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise errors.UserError(
            f"expected attributes of the model {kind} that pickle can write, found "
            f"others ({error}): give it save(directory) and load(directory)"
        ) from None


def load(
    directory: pathlib.Path, config: configs.CandidatesConfig
) -> BaseCandidateModel:
    """Loads a fitted model.

    Args:
      directory: The artefact `candidates`.
      config: Settings of the candidates.

    Raises:
      errors.UserError: The artefact is missing or damaged, or of another model.
    """
    fitted = artifacts.read_manifest(directory, KIND).facts.get("model", "network")
    if fitted != config.model.kind:
        raise errors.UserError(
            f"expected the model {config.model.kind} in {directory}, found {fitted}: "
            f"run `ytdnn train` again"
        )
    model = make(config.model)
    loader: Callable[[pathlib.Path], Any] | None = getattr(model, "load", None)
    if loader is not None:
        loader(directory)
        return model
    attributes: Mapping[str, Any] = pickle.loads((directory / _FILE).read_bytes())
    vars(model).update(attributes)
    return model


def _matrix(rows: Rows, videos: Rows, shape: tuple[int, int]) -> Any:
    """Returns a matrix in compressed rows, 1 at each pair of a row and a video."""
    inside = (videos >= 0) & (videos < shape[1])
    ones = np.ones(int(inside.sum()), np.float32)
    matrix = sparse.csr_matrix((ones, (rows[inside], videos[inside])), shape=shape)
    matrix.data[:] = 1.0
    return matrix
