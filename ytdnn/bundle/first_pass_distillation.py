"""Distils the first pass from the ranker (`first_pass`), when a bundle is exported.

The value of a video is linear in the ranker's own encoding of the video's features: its
embedding, channel, topic and statistics. Together with weights of places and sources it
is fitted by least squares to the ranker's order of candidates of users of the log,
after subtracting each user's mean. On other users the share of the ranker's best videos
that the first pass keeps is measured; if it is too low, the bundle has no first pass.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.bundle import batches, first_pass, graphs, recommender_graph, user_requests
from ytdnn.log import prepared, raw_request
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import pool

FACT = "first_pass"
BEST = 20  # first videos of the ranker's order
LEAST = 0.95  # share of the ranker's best that must be kept
_KEEP = 100  # candidates, of 300 by default
_MANY_VIDEOS = 50_000  # with fewer the ranker scores all candidates by default
_FITTED, _JUDGED = 256, 128  # users
_USERS_A_PART = 16
_VIDEOS_A_PART = 2_048
_RIDGE = 1e-3  # of the mean square of the inputs
_SEED = 0

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Distillation:
    """A first pass, and the measurement of its quality.

    Attributes:
      module: The first pass; None: it would lose too many of the best videos.
      kept_of_best: Mean share of the ranker's first 20 videos that it keeps.
      keep: Number of candidates that it keeps.
      users: Number of users it was measured on.
    """

    module: first_pass.FirstPass | None
    kept_of_best: float
    keep: int
    users: int

    @property
    def words(self) -> str:
        """The measurement as a sentence."""
        scored = "all candidates" if self.module is None else "these"
        return (
            f"{self.keep} candidates, kept by a first pass, hold "
            f"{self.kept_of_best:.1%} of the ranker's first {BEST} "
            f"(composition.first_pass, {self.users} users): the ranker scores {scored}"
        )

    @property
    def facts(self) -> dict[str, object]:
        """Facts for the manifest of a bundle."""
        kept = {"keep": self.keep} if self.module is not None else {}
        return {**kept, "kept_of_best_20": self.kept_of_best, "users": self.users}


@dataclasses.dataclass(frozen=True)
class OrderedCandidates:
    """The candidates of some requests.

    Attributes:
      videos: `[n, candidates] int32`, 0 = none.
      sources: `[n, candidates] int32`.
      order: `[n, candidates] float32`, the ranker's; `-inf` = not in the slate.
      coordinates: `[n, candidates, d] float32`, encoding of each video.
    """

    videos: npt.NDArray[np.int32]
    sources: npt.NDArray[np.int32]
    order: npt.NDArray[np.float32]
    coordinates: npt.NDArray[np.float32]


def wanted(composition: configs.CompositionConfig, num_videos: int) -> int:
    """Returns the number of candidates that the first pass keeps; 0: no first pass.

    There is none where not the ranker alone decides the order (counts, caps,
    exploration, diversity), which needs all candidates.

    Args:
      composition: Settings of the slate.
      num_videos: Number of videos that can be listed.
    """
    is_plain = composition.ordered_by == "ranker" and not (
        composition.explores or composition.max_per_channel or composition.reranks
    )
    num_kept = composition.first_pass
    if num_kept == "auto":
        num_kept = _KEEP if num_videos >= _MANY_VIDEOS else 0
    return num_kept if is_plain and num_kept < composition.num_candidates else 0


def distilled(
    data: prepared.PreparedData,
    ranker: ranking_model.RankingModel,
    graph: recommender_graph.RecommenderGraph,
    fields: batches.Fields,
    composition: configs.CompositionConfig,
) -> Distillation | None:
    """Returns the first pass of a recommender; None where the settings exclude one.

    Args:
      data: The prepared set.
      ranker: The ranker.
      graph: Graph of both stages.
      fields: Inputs of the recommender, by name.
      composition: Settings of the slate.
    """
    keep = wanted(composition, data.num_videos)
    if not keep:
        return None
    num_sources = len(composition.source_names)
    read = _Reader(data, ranker, graph, fields)
    users = read.some_users(_FITTED + _JUDGED)
    half = max(1, len(users) * _FITTED // (_FITTED + _JUDGED))
    weights = fitted(read.parts(users[:half]), num_sources)
    if weights is None:
        return None
    width = len(weights) - 2 - num_sources
    first = first_pass.FirstPass(
        read.video_values(weights[:width]),
        float(weights[width]),
        weights[width + 1 :].astype(np.float32),
        keep,
    )
    judged = users[half:] if half < len(users) else users
    kept = [_kept_of_best(first, part) for part in read.parts(judged)]
    share = float(np.mean(np.concatenate(kept)))
    holds = share >= LEAST or composition.first_pass != "auto"
    return Distillation(first if holds else None, share, keep, len(judged))


class _Reader:
    """Reads candidates, the ranker's order and the coordinates of videos."""

    def __init__(
        self,
        data: prepared.PreparedData,
        ranker: ranking_model.RankingModel,
        graph: recommender_graph.RecommenderGraph,
        fields: batches.Fields,
    ) -> None:
        """Opens the log for requests at its end."""
        self._data, self._network, self._fields = data, ranker.network, fields
        self._log = user_requests.LoggedRequests(data)
        self._graph = graph
        self._ask = tf.function(self._candidates, reduce_retracing=True)
        self._encode = tf.function(self._encoded, reduce_retracing=True)

    def some_users(self, number: int) -> npt.NDArray[np.integer]:
        """Returns users with watches, drawn at random."""
        watched = self._log.num_watches(np.arange(self._data.num_users)) > 0
        users = np.flatnonzero(watched)
        return np.random.default_rng(_SEED).permutation(users)[:number]

    def parts(self, users: npt.NDArray[np.integer]) -> Iterator[OrderedCandidates]:
        """Yields the candidates of users, a few users at a time."""
        for start in range(0, len(users), _USERS_A_PART):
            some = users[start : start + _USERS_A_PART]
            outputs = self._ask(self._log.inputs(some, self._fields))
            videos, sources, order, coordinates = (tensor.numpy() for tensor in outputs)
            laid_out = coordinates.reshape(*videos.shape, -1)
            yield OrderedCandidates(videos, sources, order, laid_out)

    def video_values(self, weights: Floats) -> npt.NDArray[np.float32]:
        """Returns the value of each video, `[num_videos + 1] float32`."""
        known = weights.astype(np.float32)
        raw = self._log.inputs(self.some_users(1), self._fields)
        every = np.arange(1 + self._data.num_videos, dtype=np.int32)
        values = np.empty(len(every), np.float32)
        for start in range(0, len(every), _VIDEOS_A_PART):
            part = every[np.newaxis, start : start + _VIDEOS_A_PART]
            encoded = self._encode(raw, tf.constant(part)).numpy()
            values[start : start + _VIDEOS_A_PART] = encoded @ known
        return values

    def _candidates(self, raw: graphs.Raw) -> tuple[tf.Tensor, ...]:
        request = raw_request.Request(raw, self._graph.videos)
        candidates, scores = self._graph.propose(request)
        order = self._graph.rank(request, candidates, scores).order
        return (
            candidates.videos,
            candidates.sources,
            order,
            self._encoded(raw, candidates.videos),
        )

    def _encoded(self, raw: graphs.Raw, videos: tf.Tensor) -> tf.Tensor:
        request = raw_request.Request(raw, self._graph.videos)
        nothing = tf.zeros_like(videos)
        candidates = pool.Candidates(videos, nothing, nothing)
        scores = tf.zeros(tf.shape(videos), tf.float32)
        tensors = self._graph.scorer.tensors_of(request, candidates, scores)
        return self._network.video_coordinates(tensors)


def fitted(parts: Iterator[OrderedCandidates], num_sources: int) -> Floats | None:
    """Returns the weights of coordinates, place and sources, `[d + 2 + sources]`.

    The result is None if no user has a candidate.
    """
    squares: Floats | float = 0.0
    products: Floats | float = 0.0
    for part in parts:
        for row, videos in enumerate(part.videos):
            here = np.flatnonzero((videos > 0) & np.isfinite(part.order[row]))
            if not len(here):
                continue
            inputs = _inputs(part, row, here, num_sources)
            order = part.order[row, here].astype(np.float64)
            inputs -= inputs.mean(axis=0)
            squares = squares + inputs.T @ inputs
            products = products + inputs.T @ (order - order.mean())
    regular = np.asarray(squares)
    if not regular.ndim:
        return None
    ridge = _RIDGE * max(float(np.mean(np.diag(regular))), 1e-12)
    regular = regular + ridge * np.eye(len(regular))
    return np.asarray(np.linalg.solve(regular, products), np.float64)


def _inputs(
    part: OrderedCandidates, row: int, here: npt.NDArray[np.intp], num_sources: int
) -> Floats:
    sources = np.eye(num_sources + 1)[part.sources[row, here]]
    places = np.log(first_pass.SHARPNESS + here)[:, np.newaxis]
    columns = [part.coordinates[row, here], places, sources]
    return np.concatenate(columns, axis=1, dtype=np.float64)


def _kept_of_best(first: first_pass.FirstPass, part: OrderedCandidates) -> Floats:
    """Returns the share of the ranker's best videos that is kept, `[n]`."""
    candidates = pool.Candidates(part.videos, part.sources, tf.zeros_like(part.videos))
    keeps = first.keeps({}, candidates).numpy()
    order = np.where(part.videos > 0, part.order, -np.inf)
    best = np.argsort(-order, axis=1, kind="stable")[:, :BEST]
    is_there = np.take_along_axis(np.isfinite(order), best, axis=1)
    kept = np.take_along_axis(keeps, best, axis=1) & is_there
    number = np.maximum(is_there.sum(axis=1), 1)
    return np.asarray(kept.sum(axis=1) / number, np.float64)
