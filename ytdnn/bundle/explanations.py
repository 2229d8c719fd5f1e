"""Graphs that explain an answer: its candidates, and the features' effect on a score.

They are further signatures of each recommender, over the same variables: `candidates`
returns the scores of both stages for every candidate, `explain` the change of a video's
ranker score when one feature is set to a neutral value.
"""

from collections.abc import Collection

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.bundle import bundle, graphs, recommender_graph, shared_functions
from ytdnn.log import raw_request
from ytdnn.retrieval import pool, row_ops

EXPLAIN = "explain"
NEAREST_IDS = "nearest_watched_ids"
NEAREST_COSINES = "nearest_watched_cosines"
WITHOUT = "without."
VALUE = "value."
NUM_NEAREST = 3  # watched videos that explain a candidate
_HISTORY = 50  # most recent watches among which the nearest are
_UNKNOWN = -2.0  # below every cosine


class CandidatesGraph(tf.Module):
    """Maps a raw request to every candidate, with the scores of each stage."""

    def __init__(
        self,
        stages: recommender_graph.AnswerGraph,
        user_tower: graphs.UserTowerGraph,
        scores: pool.Scores,
    ) -> None:
        """Stores a recommender, and the function for the candidate model's scores."""
        super().__init__()
        self._stages = stages
        self._user_tower = user_tower
        self._scores = scores

    def call(self, **raw: tf.Tensor) -> graphs.Outputs:
        """Returns the candidates in the order of their sources.

        Most outputs are `[batch, n]`: `ids`, `scores` that order them and the other
        columns of `graphs.Ranking`, `candidate_scores` (none: lowest float32),
        `sources` (place among `CompositionConfig.source_names`, from 1), `seed_ids`,
        and `ranks` in the slate (from 1; 0: not in it). `num_results [batch]` is the
        number of candidates. `stage_seconds [batch, 2]` is the time of proposing and of
        ranking in this run of the graph.
        """
        started = tf.timestamp()
        with tf.control_dependencies([started]):
            raw = {name: tf.identity(values) for name, values in raw.items()}
        request = raw_request.Request(raw, self._stages.videos)
        candidates, scores = self._stages.propose(request)
        if scores is None:
            scores = self._scores(self._user_tower.vectors(request), candidates.videos)
        with tf.control_dependencies([scores]):
            proposed = tf.timestamp()
        with tf.control_dependencies([proposed]):
            candidates = pool.Candidates(*map(tf.identity, candidates))
            scores = tf.identity(scores)
        ranked = self._stages.rank(request, candidates, scores)
        ranked = self._stages.on_page(raw, candidates, ranked)
        with tf.control_dependencies([ranked.order]):
            ended = tf.timestamp()
        seconds = tf.stack([proposed - started, ended - proposed])
        times = tf.tile(seconds[tf.newaxis], [tf.shape(ranked.order)[0], 1])
        return self._outputs(candidates, scores, ranked) | {bundle.STAGE_SECONDS: times}

    def _outputs(
        self, candidates: pool.Candidates, scores: tf.Tensor, ranked: graphs.Ranking
    ) -> graphs.Outputs:
        is_there = candidates.videos > 0
        on_page = is_there & tf.math.is_finite(ranked.order)
        shown = (schema.PROPENSITIES, schema.PLACED_BY)
        columns = {
            name: tf.where(
                on_page if name in shown else is_there, values, tf.zeros_like(values)
            )
            for name, values in ranked.columns().items()
        }
        ranks = 1 + row_ops.ranks(ranked.order)
        return columns | {
            schema.IDS: self._stages.videos.ids(candidates.videos),
            bundle.CANDIDATE_SCORES: tf.where(is_there, scores, tf.zeros_like(scores)),
            bundle.SOURCES: candidates.sources,
            bundle.SEED_IDS: self._stages.videos.ids(candidates.seeds),
            bundle.RANKS: tf.where(on_page, ranks, tf.zeros_like(ranks)),
            schema.NUM_RESULTS: tf.reduce_sum(tf.cast(is_there, tf.int32), axis=1),
        }


class Effects(tf.Module):
    """Computes the ranker's scores with each feature neutral, for all models."""

    def __init__(
        self,
        scorer: graphs.Scorer,
        neutral: dict[str, float],
        vectors: Collection[str] = (),
    ) -> None:
        """Takes the ranker.

        Args:
          scorer: Network of the ranker.
          neutral: Neutral value of each tensor.
          vectors: Names of tensors that are not single numbers, with no value in
            answers.
        """
        super().__init__()
        self.scorer = scorer
        self._neutral = dict(neutral)
        self._vectors = frozenset(vectors)
        self._traced = shared_functions.TracedFunction(self._changed)

    def __call__(self, tensors: graphs.Raw) -> graphs.Outputs:
        """Returns the scores and the values of the network's tensors, by name."""
        return self._traced(tensors)

    def _changed(self, tensors: graphs.Raw) -> graphs.Outputs:
        changed = [tensors] + [
            tensors | {name: tf.fill(tf.shape(read), tf.cast(value, read.dtype))}
            for name, value in self._neutral.items()
            for read in [tensors[name]]
        ]
        joined = {
            n: tf.concat([tensor[n] for tensor in changed], axis=0) for n in tensors
        }
        scores = self.scorer.score_of(self.scorer.predict_of(joined).order)
        own, *others = tf.split(scores, len(changed), axis=0)
        effects = {schema.SCORES: own}
        for name, without in zip(self._neutral, others, strict=True):
            effects[WITHOUT + name] = without
            if tensors[name].dtype.is_floating and name not in self._vectors:
                values = tensors[name]  # of a query, or of its videos
                values = values[:, tf.newaxis] if values.shape.rank == 1 else values
                effects[VALUE + name] = tf.broadcast_to(values, tf.shape(own))
        return effects


class Explanation(tf.Module):
    """Maps a request and videos to the ranker's scores with each feature neutral."""

    def __init__(
        self, ranker: graphs.RankerGraph, effects: Effects, scores: pool.Scores
    ) -> None:
        """Takes the ranker.

        Args:
          ranker: Graph that reads requests.
          effects: Scores with each feature neutral.
          scores: Scores of the candidate model, with the vectors of videos.
        """
        super().__init__()
        self._ranker = ranker
        self._effects = effects
        self._scores = scores

    def call(self, **raw: tf.Tensor) -> graphs.Outputs:
        """Returns explanations of the scores of the given videos.

        `scores [batch, k]`; for each tensor of the network `without.NAME [batch, k]`,
        the score with that tensor neutral, all in one batch; the value of each
        number, `value.NAME [batch, k]`; and the last watches that are nearest by the
        vectors of videos, `nearest_watched_ids` and `nearest_watched_cosines
        [batch, k, 3]`.
        """
        videos = self._effects.scorer.videos
        request = raw_request.Request(raw, videos, raw[schema.VIDEO_IDS])
        return self._effects(self._ranker.tensors(raw)) | self._nearest(request)

    def _nearest(self, request: raw_request.Request) -> graphs.Outputs:
        watched = request.last_watches(_HISTORY)
        cosines = self._scores.cosines(request.video_indices, watched)
        is_first = (row_ops.occurrence(watched) == 0) & (watched > 0)
        cosines = tf.where(is_first[:, tf.newaxis, :], cosines, _UNKNOWN)
        best, places = tf.math.top_k(cosines, NUM_NEAREST)
        videos = tf.gather(watched, places, batch_dims=1)
        videos = tf.where(best > _UNKNOWN, videos, tf.zeros_like(videos))
        return {
            NEAREST_IDS: self._effects.scorer.videos.ids(videos),
            NEAREST_COSINES: tf.where(best > _UNKNOWN, best, tf.zeros_like(best)),
        }
