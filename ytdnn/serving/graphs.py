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
        most = tf.minimum(_largest(wanted), self._num_videos)
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
        self._candidate_scores = None
        if model.first_stage is not None:
            self._user_tower = user_tower
            self._candidate_scores = model.first_stage.open_request()

    def predict(
        self, raw: Raw, video_ids: tf.Tensor, user_vectors: tf.Tensor | None = None
    ) -> heads.Predicted:
        """Returns predictions `[batch, k]`; query features are computed once.

        Args:
          raw: The request.
          video_ids: `[batch, k]`.
          user_vectors: `[batch, vector_dim] float32` where they are known already.
        """
        request = raw_request.Request(raw, self._videos, video_ids)
        if self._candidate_scores is not None:
            if user_vectors is None:
                user_vectors = self._user_tower.call(**raw)[schema.USER_VECTOR]
            request.candidate_scores = self._candidate_scores(
                user_vectors, request.video_indices
            )
        return self._predict(self._inputs(request))

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns `scores [batch, k] float32`, 0 where the video id is missing."""
        video_ids = raw[schema.VIDEO_IDS]
        scores = self.predict(raw, video_ids).served
        present = self._videos.present(video_ids)
        return {schema.SCORES: tf.where(present, scores, tf.zeros_like(scores))}


class Recommender(tf.Module):
    """Raw request to recommendations: both stages in one graph."""

    def __init__(
        self,
        videos: lookups.VideoIds,
        user_tower: UserTower,
        searcher: tf.Module,
        ranker: Ranker | None,
        num_candidates: int,
        num_videos: int,
    ) -> None:
        """Joins the stages.

        Args:
          videos: Ids and indices of the catalogue.
          user_tower: Makes the query.
          searcher: Has `search(queries [batch, dim + 1], k)`.
          ranker: Orders the candidates; without one the index does.
          num_candidates: Unwatched videos that go to the ranker.
          num_videos: Size of the corpus.
        """
        super().__init__()
        self._videos = videos
        self._user_tower = user_tower
        self._searcher = searcher
        self._ranker = ranker
        self._num_candidates = num_candidates
        self._num_videos = num_videos

    def call(self, **request: tf.Tensor) -> Outputs:
        """Returns ids, scores and num_results."""
        wanted = request[schema.K]
        queries = self._user_tower.call(**request)[schema.USER_VECTOR]
        indices, scores = self._candidates(request, queries)
        if self._ranker is None:
            return _results(self._videos, indices, scores, scores, wanted)
        predicted = self._ranker.predict(request, self._videos.ids(indices), queries)
        order = tf.where(tf.math.is_finite(scores), predicted.order, scores)
        return _results(self._videos, indices, order, predicted.served, wanted)

    def _candidates(
        self, request: Raw, queries: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best unwatched videos, best first.

        The index is asked for as many more as the request has watched, so that enough
        are left when those are removed.

        Returns:
          indices `[batch, n] int32` and scores `[batch, n] float32`, `-inf` where
          there is no candidate.
        """
        watched = self._videos.indices(request[schema.WATCHED_VIDEO_IDS])
        num_watched = tf.reduce_sum(tf.cast(watched > 0, tf.int32), axis=1)
        width = self._num_candidates + _largest(num_watched)
        width = tf.minimum(width, self._num_videos)
        indices, scores = self._searcher.search(queries, width)
        valid = tf.math.is_finite(scores) & (indices > 0)
        valid &= ~_contains(watched, indices)
        scores = tf.where(valid, scores, _minus_infinity(scores))
        scores, slots = tf.math.top_k(scores, tf.minimum(self._num_candidates, width))
        return tf.gather(indices, slots, batch_dims=1), scores


def _hidden(function: Network) -> Network:
    """Hides a Keras object from `tf.Module`'s and SavedModel's tracking."""
    return lambda features: function(features)


def _minus_infinity(like: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(like), tf.constant(float("-inf"), like.dtype))


def _largest(counts: tf.Tensor) -> tf.Tensor:
    """Returns the largest of `[batch] int32`, at least 0."""
    return tf.maximum(tf.reduce_max(tf.concat([[0], counts], axis=0)), 0)


def _contains(sets: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns whether each value is in its row's set, by bisection.

    Args:
      sets: `[batch, n] int32`.
      values: `[batch, k] int32`, not 0.

    Returns:
      `[batch, k] bool`.
    """
    ordered = tf.sort(tf.pad(sets, [[0, 0], [1, 0]]), axis=1)
    places = tf.searchsorted(ordered, values, side="left")
    places = tf.minimum(places, tf.shape(ordered)[1] - 1)
    return tf.equal(tf.gather(ordered, places, batch_dims=1), values)


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
    width = tf.minimum(_largest(wanted), tf.shape(order)[1])
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
