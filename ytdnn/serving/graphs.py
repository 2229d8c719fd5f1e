"""The exported graphs: plain `tf.Module`s over the trained variables, no Keras.

Each has `call(**request)`, its raw inputs by name to its outputs by name. Batched
answers equal single ones: nothing in a row's answer depends on another row.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn import schema
from ytdnn.candidates import model as candidate_model
from ytdnn.data import lookups, prepared
from ytdnn.data import request as raw_request
from ytdnn.features import reading
from ytdnn.ranking import heads
from ytdnn.ranking import inputs as ranking_inputs
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval import page, pool, rows, tower
from ytdnn.retrieval import scores as scores_room

Raw = dict[str, tf.Tensor]
Outputs = dict[str, tf.Tensor]
Network = Callable[[dict[str, tf.Tensor]], Any]


class UserTower(tf.Module):
    """Raw request to the query vector of the index."""

    def __init__(
        self,
        data: prepared.PreparedData,
        videos: lookups.VideoIds,
        model: candidate_model.CandidateModel | candidate_model.Ensemble,
    ) -> None:
        """Holds the tower's variables and the lookups of what it reads, no layers."""
        super().__init__()
        self._videos = videos
        self._weights = model.user_variables
        self._vectors = _hidden(model.query_vectors)
        self._sequences = [e.open_request(data) for e in model.encoders]
        self._features = reading.RequestReaders(model.tower_inputs.features, data)

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns `user_vector [batch, vector_dim] float32`."""
        request = raw_request.Request(raw, self._videos)
        features = self._features.of_query(request)
        tensors = {name: values[:, tf.newaxis] for name, values in features.items()}
        for sequence in self._sequences:
            tensors |= sequence(request)
        return {schema.USER_VECTOR: self._vectors(tensors)[:, 0, :]}


class Index(tf.Module):
    """Query vectors to videos, nothing excluded."""

    def __init__(
        self, videos: lookups.VideoIds, searcher: tf.Module, num_videos: int
    ) -> None:
        """Holds the search module and the ids."""
        super().__init__()
        self._videos = videos
        self._searcher = searcher
        self._num_videos = num_videos

    def call(self, **request: tf.Tensor) -> Outputs:
        """Returns ids, scores (dot products) and num_results."""
        wanted = request[schema.K]
        most = tf.minimum(rows.largest(wanted), self._num_videos)
        indices, scores = self._searcher.search(request[schema.USER_VECTOR], most)
        valid = tf.math.is_finite(scores) & (indices > 0)
        scores = tf.where(valid, scores, _minus_infinity(scores))
        return _results(self._videos, indices, scores, scores, wanted)


class Ranker(tf.Module):
    """Raw request and videos to scores."""

    def __init__(
        self,
        data: prepared.PreparedData,
        videos: lookups.VideoIds,
        model: ranking_model.RankingModel,
        user_tower: UserTower,
    ) -> None:
        """Holds the network's variables and the lookups of what it reads, no layers.

        Args:
          data: The prepared set.
          videos: Ids and indices of the catalogue.
          model: The trained ranker.
          user_tower: Of the first stage, asked where a feature needs it.
        """
        super().__init__()
        self._videos = videos
        self._weights = list(model.network.variables)
        self._predict = _hidden(model.predict)
        length = model.config.history_length
        self._inputs = ranking_inputs.RequestInputs(data, model.features, length)
        self._user_tower = user_tower
        self._scores, self._pool = None, None
        if model.first_stage is not None:
            self._scores = model.first_stage.scores()
            if model.asks_sources:
                self._pool = model.first_stage.pool()

    def predict(
        self,
        raw: Raw,
        video_ids: tf.Tensor,
        user_vectors: tf.Tensor | None = None,
        found: pool.Found | None = None,
    ) -> heads.Predicted:
        """Returns predictions `[batch, k]`; query features are computed once.

        Args:
          raw: The request.
          video_ids: `[batch, k]`.
          user_vectors: `[batch, vector_dim] float32` where they are known already.
          found: The candidates that `video_ids` are, where they are known already.
        """
        request = raw_request.Request(raw, self._videos, video_ids)
        if self._scores is not None:
            if user_vectors is None:
                user_vectors = self._user_tower.call(**raw)[schema.USER_VECTOR]
            request.candidate_scores = self._scores(user_vectors, request.video_indices)
        if self._pool is not None:
            if found is None:
                found = self._pool(asked(request, user_vectors))
                sources, seeds = found.of(request.video_indices)
            else:
                sources, seeds = found.sources, found.seeds
            request.candidate_sources, request.seed_videos = sources, seeds
        return self._predict(self._inputs(request))

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns `scores [batch, k] float32`, 0 where the video id is missing."""
        video_ids = raw[schema.VIDEO_IDS]
        scores = self.predict(raw, video_ids).served
        present = self._videos.present(video_ids)
        return {schema.SCORES: tf.where(present, scores, tf.zeros_like(scores))}


def asked(request: raw_request.Request, user_vectors: tf.Tensor) -> retrieval.Asked:
    """Returns a request as candidate sources read it."""
    watched = request.videos.indices(request.watched_ids)
    return retrieval.Asked(watched, request.times, user_vectors)


class Nearest(tf.Module):
    """Raw request to the candidates of the index alone, where there is no ranker."""

    def __init__(
        self, videos: lookups.VideoIds, user_tower: UserTower, source: tower.Tower
    ) -> None:
        """Takes the candidate model as a source."""
        super().__init__()
        self._videos = videos
        self._user_tower = user_tower
        self._source = source

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns ids, scores (dot products) and num_results."""
        vectors = self._user_tower.call(**raw)[schema.USER_VECTOR]
        request = raw_request.Request(raw, self._videos)
        indices, scores = self._source.search(asked(request, vectors))
        return _results(self._videos, indices, scores, scores, raw[schema.K])


class Recommender(tf.Module):
    """Raw request to recommendations: both stages in one graph."""

    def __init__(
        self,
        videos: lookups.VideoIds,
        user_tower: UserTower,
        sources: pool.Pool,
        ranker: Ranker,
        rule: page.Rule,
        scores: scores_room.Scores | None = None,
    ) -> None:
        """Joins the stages.

        Args:
          videos: Ids and indices of the catalogue.
          user_tower: Makes the query.
          sources: Propose the candidates.
          ranker: Scores them.
          rule: Orders them by these scores.
          scores: The candidate model's, where the rule needs them.
        """
        super().__init__()
        self._videos = videos
        self._user_tower = user_tower
        self._sources = sources
        self._ranker = ranker
        self._rule = rule
        self._scores = scores

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns ids, scores (the ranker's) and num_results."""
        vectors = self._user_tower.call(**raw)[schema.USER_VECTOR]
        request = raw_request.Request(raw, self._videos)
        found = self._sources(asked(request, vectors))
        video_ids = self._videos.ids(found.videos)
        predicted = self._ranker.predict(raw, video_ids, vectors, found)
        scores = None
        if self._scores is not None:
            scores = self._scores(vectors, found.videos)
        order = self._rule(found.videos, predicted.order, scores)
        served = predicted.served
        return _results(self._videos, found.videos, order, served, raw[schema.K])


def _hidden(function: Network) -> Network:
    """Hides a Keras object from `tf.Module`'s and SavedModel's tracking."""
    return lambda features: function(features)


def _minus_infinity(like: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(like), tf.constant(float("-inf"), like.dtype))


def _results(
    videos: lookups.VideoIds,
    indices: tf.Tensor,
    order: tf.Tensor,
    scores: tf.Tensor,
    wanted: tf.Tensor,
) -> Outputs:
    """Returns the first of a list by `order`, padded finitely.

    Args:
      videos: Knows the ids.
      indices: `[batch, n] int32`.
      order: `[batch, n] float32`, higher is better, `-inf` = no result; ties keep
        their places.
      scores: `[batch, n] float32`, returned.
      wanted: `[batch] int32`, results of each row.
    """
    width = tf.minimum(rows.largest(wanted), tf.shape(order)[1])
    best, slots = tf.math.top_k(order, width)
    found = tf.reduce_sum(tf.cast(tf.math.is_finite(best), tf.int32), axis=1)
    num_results = tf.clip_by_value(wanted, 0, found)
    keep = tf.sequence_mask(num_results, width)
    kept = tf.gather(indices, slots, batch_dims=1)
    kept = tf.where(keep, kept, tf.zeros_like(kept))
    values = tf.gather(scores, slots, batch_dims=1)
    return {
        schema.IDS: videos.ids(kept),
        schema.SCORES: tf.where(keep, values, tf.zeros_like(values)),
        schema.NUM_RESULTS: num_results,
    }
