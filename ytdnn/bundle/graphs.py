"""The exported graphs: plain `tf.Module`s over the trained variables, no Keras.

Each has `call(**request)`, from raw inputs by name to outputs by name. Batched answers
equal single ones: a row's answer does not depend on other rows.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.bundle import shared_functions
from ytdnn.candidates import model as candidate_model
from ytdnn.features import request_reading
from ytdnn.log import lookups, prepared, raw_request
from ytdnn.ranking import inputs as ranking_inputs
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import allowed_videos, filter_graph, filtered_search, pool, row_ops
from ytdnn.retrieval import interface as retrieval

Tensor: TypeAlias = tf.Tensor

PreparedData = prepared.PreparedData

VideoIds = lookups.VideoIds
Request = raw_request.Request

Raw = dict[str, Tensor]
Outputs = dict[str, Tensor]

_CONDITIONS = (schema.CONDITIONS, schema.CONDITION_VALUES, schema.POLICY, schema.TIME)


class Ranking(NamedTuple):
    """The second stage's predictions for candidates, all `[batch, n]`.

    Attributes:
      scores: float32, the ranker's score, before rules of the slate.
      order: float32, the order of the slate, `-inf` = not in it.
      seconds: float32 expected watch seconds; None: not predicted.
      click_probability: float32; None: not predicted.
      placed_by: int32 index in `slate.NAMES`; None: every video by its score.
      propensities: float32, of each video at its place; None: nothing is drawn.
      outcomes: float32 prediction of each outcome by name; None: there are none.
    """

    scores: Tensor
    order: Tensor
    seconds: Tensor | None = None
    click_probability: Tensor | None = None
    placed_by: Tensor | None = None
    propensities: Tensor | None = None
    outcomes: Outputs | None = None

    def columns(self) -> Outputs:
        """Returns the columns of the answer for each candidate, by name."""
        columns = {
            schema.SCORES: self.scores,
            schema.EXPECTED_WATCH_SECONDS: self.seconds,
            schema.CLICK_PROBABILITY: self.click_probability,
            schema.PLACED_BY: self.placed_by,
            schema.PROPENSITIES: self.propensities,
            **(self.outcomes or {}),
        }
        return {name: column for name, column in columns.items() if column is not None}


def best(videos: VideoIds, indices: Tensor, ranked: Ranking, wanted: Tensor) -> Outputs:
    """Returns the first videos by order, padded with finite values.

    Args:
      videos: Ids and indices of the catalogue.
      indices: `[batch, n] int32` catalogue indices.
      ranked: Predictions for the videos; ties keep their places.
      wanted: `[batch] int32`, number of results of each row.
    """
    width = tf.minimum(row_ops.largest(wanted), tf.shape(ranked.order)[1])
    first, slots = tf.math.top_k(ranked.order, width)
    num_finite = tf.reduce_sum(tf.cast(tf.math.is_finite(first), tf.int32), axis=1)
    num_results = tf.clip_by_value(wanted, 0, num_finite)
    keep = tf.sequence_mask(num_results, width)

    def kept(values: Tensor) -> Tensor:
        taken = tf.gather(values, slots, batch_dims=1)
        return tf.where(keep, taken, tf.constant(0, taken.dtype))

    columns = {name: kept(values) for name, values in ranked.columns().items()}
    ids = {schema.IDS: videos.ids(kept(indices))}
    return ids | columns | {schema.NUM_RESULTS: num_results}


class FilterReader(tf.Module):
    """Reads the limits of requests on the videos of their answers.

    Attributes:
      removed: Videos left out of every answer; None: nothing was removed.
    """

    def __init__(
        self,
        removed: lookups.RemovedVideos | None = None,
        filters: filter_graph.Filters | None = None,
        removes_watched: bool = True,
    ) -> None:
        """Stores the limits that all requests share.

        Args:
          removed: Videos left out of every answer; None: nothing was removed.
          filters: Reads conditions; None: requests have none.
          removes_watched: Whether videos of the history are left out.
        """
        super().__init__()
        self.removed = removed
        self._removes_watched = removes_watched
        self._filters = filters  # so that SavedModel finds its variables
        self._conditions = (
            shared_functions.TracedFunction(filters.read) if filters else None
        )

    def source_requests(
        self, request: Request, user_vectors: Tensor
    ) -> retrieval.SourceRequests:
        """Returns the inputs of candidate sources for a request.

        Args:
          request: The request.
          user_vectors: `[batch, vector_dim] float32`.
        """
        watched = request.watched_indices
        left_out = watched if self._removes_watched else watched[:, :0]
        by = self.permitted(request.raw, request.videos, left_out)
        more = request.times, user_vectors, by, request.last_watch_times
        return retrieval.SourceRequests(watched, *more)

    def permitted(
        self, raw: raw_request.Raw, videos: VideoIds, watched: Tensor
    ) -> allowed_videos.AllowedVideos:
        """Returns the videos that answers to requests may hold.

        Args:
          raw: The request; its lists of ids and its conditions may be left out.
          videos: Ids and indices of the catalogue.
          watched: `[batch, n] int32` watched videos, to leave out.
        """
        left_out, allowed, is_limited, conditions = watched, None, None, None
        if schema.EXCLUDE_IDS in raw:
            excluded = videos.indices(raw[schema.EXCLUDE_IDS])
            left_out = tf.concat([watched, excluded], axis=1)
        if schema.ALLOW_IDS in raw:
            allowed = videos.indices(raw[schema.ALLOW_IDS])
            is_limited = tf.reduce_any(videos.present(raw[schema.ALLOW_IDS]), axis=1)
        if self._conditions is not None and schema.CONDITIONS in raw:
            read = {name: raw[name] for name in _CONDITIONS if name in raw}
            conditions = self._conditions(read)
        return allowed_videos.AllowedVideos(
            left_out, allowed, is_limited, self.removed, conditions
        )


class UserTowerGraph(tf.Module):
    """Maps a raw request to the query vector of the index."""

    def __init__(
        self, data: PreparedData, videos: VideoIds, model: candidate_model.Joined
    ) -> None:
        """Stores the tower's variables and the lookups of its inputs, no layers."""
        super().__init__()
        self._videos = videos
        self._weights = model.user_variables
        self._vectors = _hidden(model.query_vectors)
        self._sequences = [e.open_request(data.catalogue) for e in model.encoders]
        self._features = request_reading.RequestReaders(
            model.tower_inputs.features, data
        )
        self._fields = [field.name for field in model.fields(data.catalogue)]
        self._of_raw = shared_functions.TracedFunction(self._read)

    def call(self, **raw: Tensor) -> Outputs:
        """Returns `user_vector [batch, vector_dim] float32`."""
        return {schema.USER_VECTOR: self.vectors(Request(raw, self._videos))}

    def vectors(self, request: Request) -> Tensor:
        """Returns the vectors of some requests, `[batch, vector_dim] float32`."""
        raw = {name: request.raw[name] for name in self._fields}
        return self._of_raw(raw, request.watched_indices)

    def _read(self, raw: Raw, watched: Tensor) -> Tensor:
        request = Request(raw, self._videos)
        request.watched_indices = watched  # looked up once, for all readers
        features = self._features.query_tensors(request)
        tensors = {name: values[:, tf.newaxis] for name, values in features.items()}
        for sequence in self._sequences:
            tensors |= sequence(request)
        return self._vectors(tensors)[:, 0, :]


class IndexGraph(tf.Module):
    """Maps query vectors to videos."""

    def __init__(
        self,
        videos: VideoIds,
        search: filtered_search.Nearest,
        limits: FilterReader | None = None,
    ) -> None:
        """Stores the search, the ids, and the limits of lists."""
        super().__init__()
        self._videos = videos
        self._search = search
        self._limits = limits or FilterReader()

    def call(self, **request: Tensor) -> Outputs:
        """Returns ids, scores (dot products) and the number of results."""
        wanted = request[schema.K]
        most = tf.minimum(row_ops.largest(wanted), self._search.num_videos)
        nothing = tf.zeros([tf.shape(wanted)[0], 0], tf.int32)
        by = self._limits.permitted(request, self._videos, nothing)
        videos, scores = self._search.search(request[schema.USER_VECTOR], most, by)
        return best(self._videos, videos, Ranking(scores, scores), wanted)


class Scorer(tf.Module):
    """The ranking network, from raw requests to scores of videos."""

    def __init__(
        self, data: PreparedData, videos: VideoIds, model: ranking_model.RankingModel
    ) -> None:
        """Stores the network's variables and the lookups of its inputs, no layers.

        Args:
          data: The prepared set.
          videos: Ids and indices of the catalogue.
          model: The trained ranker.
        """
        super().__init__()
        self.videos = videos
        self.asks_scores = model.first_stage is not None
        self.asks_sources = self.asks_scores and model.asks_sources
        self._weights = list(model.network.variables)
        self.predict_of = shared_functions.TracedFunction(model.predict)
        self.score_of = _hidden(model.head.score)
        length = model.config.history_length
        self._inputs = ranking_inputs.RequestInputs(data, model.features, length)
        self._fields = [field.name for field in model.request_fields(data.catalogue)]
        self._read = shared_functions.TracedFunction(self._answer, any_size=True)

    def tensors_of(
        self, request: Request, candidates: pool.Candidates, scores: Tensor | None
    ) -> dict[str, Tensor]:
        """Returns the network's inputs for candidates; for arguments see `score`."""
        named = Request(request.raw, self.videos)
        named.watched_indices = request.watched_indices
        named.name_videos(candidates.videos)
        if self.asks_scores:
            named.candidate_scores = scores
        if self.asks_sources:
            named.candidate_sources = candidates.sources
            named.seed_videos = candidates.seeds
        return self.tensors(named)

    def tensors(self, request: Request) -> dict[str, Tensor]:
        """Returns the network's inputs for a request and its videos."""
        raw = {name: request.raw[name] for name in self._fields}
        return self._read(
            raw,
            request.video_ids,
            request.video_indices,
            request.watched_indices,
            request.candidate_scores,
            request.candidate_sources,
            request.seed_videos,
        )

    def _answer(
        self,
        raw: Raw,
        ids: Tensor,
        indices: Tensor,
        watched: Tensor,
        scores: Tensor | None,
        sources: Tensor | None,
        seeds: Tensor | None,
    ) -> Raw:
        request = Request(raw, self.videos, ids)
        request.video_indices, request.watched_indices = indices, watched
        request.candidate_scores = scores
        request.candidate_sources, request.seed_videos = sources, seeds
        return self._inputs(request)


class RankerGraph(tf.Module):
    """Maps a raw request and videos to scores."""

    def __init__(
        self,
        scorer: Scorer,
        user_tower: UserTowerGraph,
        scores: pool.Scores | None = None,
        sources: pool.Pool | None = None,
        limits: FilterReader | None = None,
    ) -> None:
        """Stores the network, and the parts of the first stage that its features need.

        Args:
          scorer: The network.
          user_tower: User tower of the first stage.
          scores: Scores of the candidate model; None: no feature needs them.
          sources: The candidate sources; None: no feature needs them.
          limits: Videos that sources may propose.
        """
        super().__init__()
        self._scorer = scorer
        self._user_tower = user_tower
        self._scores = scores if scorer.asks_scores else None
        self._sources = sources if scorer.asks_sources else None
        self._limits = limits or FilterReader()
        self.tensors = shared_functions.TracedFunction(self._read)

    def call(self, **raw: Tensor) -> Outputs:
        """Returns `scores [batch, k] float32` and predictions, 0 without a video id."""
        predicted = self._scorer.predict_of(self.tensors(raw))
        present = self._scorer.videos.present(raw[schema.VIDEO_IDS])
        ranked = Ranking(
            self._scorer.score_of(predicted.order),
            predicted.order,
            predicted.seconds,
            predicted.click_probability,
            outcomes=predicted.outcomes,
        )
        return {
            name: tf.where(present, values, tf.zeros_like(values))
            for name, values in ranked.columns().items()
        }

    def _read(self, raw: Raw) -> Raw:
        """Returns the network's inputs for requests about videos."""
        request = Request(raw, self._scorer.videos, raw[schema.VIDEO_IDS])
        if self._scores is not None:
            vectors = self._user_tower.vectors(request)
            request.candidate_scores = self._scores(vectors, request.video_indices)
            if self._sources is not None:
                candidates = self._sources(
                    self._limits.source_requests(request, vectors)
                )
                of_videos = candidates.sources_of(request.video_indices)
                request.candidate_sources, request.seed_videos = of_videos
        return self._scorer.tensors(request)


def _hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hides a Keras object from `tf.Module`'s and SavedModel's tracking."""
    return lambda *arguments: function(*arguments)
