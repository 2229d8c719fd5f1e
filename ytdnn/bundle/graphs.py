"""The exported graphs: plain `tf.Module`s over the trained variables, no Keras.

Each has `call(**request)`, from raw inputs by name to outputs by name. Batched answers
equal single ones: a row's answer does not depend on other rows.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.bundle import first_pass, results, shared
from ytdnn.bundle import limits as limits_room
from ytdnn.features import reading
from ytdnn.log import lookups, prepared, schema
from ytdnn.log import request as raw_request
from ytdnn.models.candidates import model as candidate_model
from ytdnn.models.ranking import heads
from ytdnn.models.ranking import inputs as ranking_inputs
from ytdnn.models.ranking import model as ranking_model
from ytdnn.models.ranking import weighing as weighing_room
from ytdnn.retrieval import caps as caps_room
from ytdnn.retrieval import exploring, nearest, page, placing, pool, rows, tower
from ytdnn.retrieval import scores as scores_room
from ytdnn.run import configs

Raw = dict[str, tf.Tensor]
Outputs = results.Outputs
Proposed = tuple[pool.Found, tf.Tensor | None]


class UserTowerGraph(tf.Module):
    """Maps a raw request to the query vector of the index."""

    def __init__(
        self,
        data: prepared.PreparedData,
        videos: lookups.VideoIds,
        model: candidate_model.Joined,
    ) -> None:
        """Stores the tower's variables and the lookups of its inputs, no layers."""
        super().__init__()
        self._videos = videos
        self._weights = model.user_variables
        self._vectors = _hidden(model.query_vectors)
        self._sequences = [e.open_request(data) for e in model.encoders]
        self._features = reading.RequestReaders(model.tower_inputs.features, data)
        self._fields = [field.name for field in model.fields(data)]
        self._of_raw = shared.Traced(self._read)

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns `user_vector [batch, vector_dim] float32`."""
        return {
            schema.USER_VECTOR: self.vectors(raw_request.Request(raw, self._videos))
        }

    def vectors(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the vectors of some requests, `[batch, vector_dim] float32`."""
        vectors: tf.Tensor = self._of_raw({n: request.raw[n] for n in self._fields})
        return vectors

    def _read(self, raw: Raw) -> tf.Tensor:
        request = raw_request.Request(raw, self._videos)
        features = self._features.of_query(request)
        tensors = {name: values[:, tf.newaxis] for name, values in features.items()}
        for sequence in self._sequences:
            tensors |= sequence(request)
        return self._vectors(tensors)[:, 0, :]


class IndexGraph(tf.Module):
    """Maps query vectors to videos."""

    def __init__(
        self,
        videos: lookups.VideoIds,
        search: nearest.Nearest,
        limits: limits_room.FilterReader | None = None,
    ) -> None:
        """Stores the search, the ids, and the limits of lists."""
        super().__init__()
        self._videos = videos
        self._search = search
        self._limits = limits or limits_room.FilterReader()

    def call(self, **request: tf.Tensor) -> Outputs:
        """Returns ids, scores (dot products) and num_results."""
        wanted = request[schema.K]
        most = tf.minimum(rows.largest(wanted), self._search.num_videos)
        nothing = tf.zeros([tf.shape(wanted)[0], 0], tf.int32)
        by = self._limits.permitted(request, self._videos, nothing)
        found, scores = self._search.search(request[schema.USER_VECTOR], most, by)
        ranked = results.Ranked(scores, scores)
        return results.best(self._videos, found, ranked, wanted)


class Scorer(tf.Module):
    """The ranking network, from raw requests to scores of videos."""

    def __init__(
        self,
        data: prepared.PreparedData,
        videos: lookups.VideoIds,
        model: ranking_model.RankingModel,
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
        self._predict = shared.Traced(model.predict)
        self.score_of = _hidden(model.head.score)
        length = model.config.history_length
        self._inputs = ranking_inputs.RequestInputs(data, model.features, length)
        self._fields = [field.name for field in model.request_fields(data)]
        self._read = shared.Traced(self._of_request, any_size=True)

    def score(
        self,
        request: raw_request.Request,
        found: pool.Found,
        scores: tf.Tensor | None,
    ) -> heads.Predicted:
        """Returns predictions of the candidates of a request, `[batch, n]` each.

        Args:
          request: Raw request.
          found: Candidates of the request.
          scores: `[batch, n] float32` scores of the candidate model; None where the
            ranker does not read them.
        """
        return self.predict_of(self.tensors_of(request, found, scores))

    def tensors_of(
        self,
        request: raw_request.Request,
        found: pool.Found,
        scores: tf.Tensor | None,
    ) -> dict[str, tf.Tensor]:
        """Returns the network's inputs for candidates; for arguments see `score`."""
        named = raw_request.Request(request.raw, self.videos)
        named.name_videos(found.videos)
        if self.asks_scores:
            named.candidate_scores = scores
        if self.asks_sources:
            named.candidate_sources, named.seed_videos = found.sources, found.seeds
        return self.tensors(named)

    def tensors(self, request: raw_request.Request) -> dict[str, tf.Tensor]:
        """Returns the network's inputs for a request and its videos."""
        raw = {name: request.raw[name] for name in self._fields}
        found: dict[str, tf.Tensor] = self._read(
            raw,
            request.video_ids,
            request.video_indices,
            request.candidate_scores,
            request.candidate_sources,
            request.seed_videos,
        )
        return found

    def _of_request(
        self,
        raw: Raw,
        ids: tf.Tensor,
        indices: tf.Tensor,
        scores: tf.Tensor | None,
        sources: tf.Tensor | None,
        seeds: tf.Tensor | None,
    ) -> Raw:
        request = raw_request.Request(raw, self.videos, ids)
        request.video_indices = indices
        request.candidate_scores = scores
        request.candidate_sources, request.seed_videos = sources, seeds
        return self._inputs(request)

    def predict_of(self, tensors: dict[str, tf.Tensor]) -> heads.Predicted:
        """Returns predictions `[batch, k]` from the network's inputs."""
        return self._predict(tensors)


class RankerGraph(tf.Module):
    """Maps a raw request and videos to scores."""

    def __init__(
        self,
        scorer: Scorer,
        user_tower: UserTowerGraph,
        scores: scores_room.Scores | None = None,
        sources: pool.Pool | None = None,
        limits: limits_room.FilterReader | None = None,
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
        self._limits = limits or limits_room.FilterReader()
        self._tensors = shared.Traced(self._read)

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns `scores [batch, k] float32` and predictions, 0 without a video id."""
        predicted = self._scorer.predict_of(self.tensors(raw))
        present = self._scorer.videos.present(raw[schema.VIDEO_IDS])
        ranked = results.Ranked(
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

    def tensors(self, raw: Raw) -> Raw:
        """Returns the network's inputs for requests and their videos."""
        found: Raw = self._tensors(raw)
        return found

    def _read(self, raw: Raw) -> Raw:
        return self._scorer.tensors(self._request(raw))

    def _request(self, raw: Raw) -> raw_request.Request:
        """Returns a request about videos, with the first stage's scores and sources."""
        request = raw_request.Request(raw, self._scorer.videos, raw[schema.VIDEO_IDS])
        if self._scores is not None:
            vectors = self._user_tower.vectors(request)
            request.candidate_scores = self._scores(vectors, request.video_indices)
            if self._sources is not None:
                found = self._sources(self._limits.source_requests(request, vectors))
                of_videos = found.sources_of(request.video_indices)
                request.candidate_sources, request.seed_videos = of_videos
        return request


class NearestGraph(tf.Module):
    """Maps a raw request to the candidates of the index, without a ranker.

    Attributes:
      videos: Ids and indices of the catalogue.
    """

    def __init__(
        self,
        videos: lookups.VideoIds,
        user_tower: UserTowerGraph,
        source: tower.TowerSource,
        limits: limits_room.FilterReader | None = None,
        caps: caps_room.Caps | None = None,
    ) -> None:
        """Stores the candidate model as a source, and the limits of lists."""
        super().__init__()
        self._caps = caps
        self.videos = videos
        self._user_tower = user_tower
        self._source = source
        self._limits = limits or limits_room.FilterReader()

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns ids, scores (dot products) and num_results."""
        indices, scores = self._search(raw_request.Request(raw, self.videos))
        ranked = results.Ranked(scores, self._capped(raw, indices, scores))
        return results.best(self.videos, indices, ranked, raw[schema.K])

    def propose(self, request: raw_request.Request) -> Proposed:
        """Returns the candidates and their scores."""
        indices, scores = self._search(request)
        return pool.join(indices, (), (), configs.CompositionConfig()), scores

    def rank(
        self, request: raw_request.Request, found: pool.Found, scores: tf.Tensor
    ) -> results.Ranked:
        """Returns the candidate model's scores, and the order of the slate by them."""
        order = self._capped(request.raw, found.videos, scores)
        return results.Ranked(scores, order)

    def on_page(
        self, raw: Raw, found: pool.Found, ranked: results.Ranked
    ) -> results.Ranked:
        """Returns the predictions as they are: no candidate is left out."""
        del raw, found
        return ranked

    def _capped(self, raw: Raw, videos: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        return order if self._caps is None else self._caps(raw, videos, order)

    def _search(self, request: raw_request.Request) -> tuple[tf.Tensor, tf.Tensor]:
        vectors = self._user_tower.vectors(request)
        return self._source.search(self._limits.source_requests(request, vectors))


class RecommenderGraph(tf.Module):
    """Maps a raw request to recommendations: both stages in one graph.

    Attributes:
      scorer: The second stage.
    """

    def __init__(
        self,
        user_tower: UserTowerGraph,
        sources: pool.Pool,
        scorer: Scorer,
        rule: page.Rule,
        scores: scores_room.Scores | None = None,
        limits: limits_room.FilterReader | None = None,
        explorer: exploring.Explorer | None = None,
        caps: caps_room.Caps | None = None,
        weighing: weighing_room.Weighing | None = None,
    ) -> None:
        """Joins the stages.

        Args:
          user_tower: Computes the query.
          sources: All candidate sources.
          scorer: Ranker of the candidates.
          rule: Order of the slate by the ranker's scores.
          scores: Candidate model's scores, if ranker or rule need them.
          limits: Videos that answers may hold.
          explorer: Changes the order to explore; None: there is no exploration.
          caps: Reads the caps of requests; None: requests have none.
          weighing: Orders by weighted predictions; None: requests have no weights.
        """
        super().__init__()
        self._caps = caps
        self._explorer = explorer
        self._weighing = weighing
        self._user_tower = user_tower
        self._sources = sources
        self.scorer = scorer
        self._rule = rule
        needed = scorer.asks_scores or rule.needs_scores
        self._scores = scores if needed else None
        self._limits = limits or limits_room.FilterReader()
        self._proposed = shared.Traced(self._propose)
        self._first_pass: first_pass.FirstPass | None = None

    def leave_out_by(self, light: first_pass.FirstPass) -> None:
        """Adds a first pass, which leaves candidates out before the ranker scores.

        Args:
          light: The first pass, which was distilled from this graph.
        """
        self._first_pass = light

    def call(self, **raw: tf.Tensor) -> Outputs:
        """Returns ids, the columns of `Ranked`, and num_results."""
        request = raw_request.Request(raw, self.videos)
        found, scores = self.propose(request)
        if self._first_pass is not None:
            found, scores = self._first_pass(raw, found, scores)
        ranked = self.rank(request, found, scores)
        return results.best(self.videos, found.videos, ranked, raw[schema.K])

    @property
    def videos(self) -> lookups.VideoIds:
        """Ids and indices of the catalogue."""
        return self.scorer.videos

    def propose(self, request: raw_request.Request) -> Proposed:
        """Returns the candidates, and the candidate model's scores where needed."""
        raw = {name: values for name, values in request.raw.items() if name != schema.K}
        *columns, scores = self._proposed(raw)
        return pool.Found(*columns), scores

    def _propose(self, raw: Raw) -> tuple[tf.Tensor | None, ...]:
        request = raw_request.Request(raw, self.videos)
        vectors = self._user_tower.vectors(request)
        found = self._sources(self._limits.source_requests(request, vectors))
        scores = None
        if self._scores is not None:
            scores = self._scores(vectors, found.videos)
        return *_columns(found), scores

    def on_page(
        self, raw: Raw, found: pool.Found, ranked: results.Ranked
    ) -> results.Ranked:
        """Returns the predictions, with `-inf` as order for left-out candidates.

        Args:
          raw: Requests.
          found: All candidates of the requests.
          ranked: Predictions for the candidates.
        """
        if self._first_pass is None:
            return ranked
        keeps = self._first_pass.keeps(raw, found)
        return ranked._replace(order=tf.where(keeps, ranked.order, float("-inf")))

    def rank(
        self,
        request: raw_request.Request,
        found: pool.Found,
        scores: tf.Tensor | None,
    ) -> results.Ranked:
        """Returns the ranker's predictions for candidates, and the slate's order.

        Args:
          request: Raw request.
          found: Candidates of the request.
          scores: The candidate model's scores; None where they are not needed.
        """
        predicted = self.scorer.score(request, found, scores)
        order = self._rule.blend(found.videos, predicted.order, scores)
        ordered_by = self.scorer.score_of(order)
        if self._weighing is not None:
            order, ordered_by = self._weighing(
                request.raw, predicted, order, ordered_by
            )
        page_order, cap = self._rule.cap(found.videos, order), None
        if self._caps is not None:
            page_order = self._caps(request.raw, found.videos, page_order)
        if self._rule.caps:
            cap = placing.risen(order, page_order)
        moved: dict[str, tf.Tensor] = {}
        for name, reranked in self._rule.rerankers:
            by_score = page_order
            page_order = reranked(found.videos, by_score)
            risen = placing.risen(by_score, page_order)
            moved[name] = moved[name] | risen if name in moved else risen
        sampled = reserved = propensities = None
        if self._explorer is not None:
            by_score = page_order
            page_order, propensities = self._explorer(
                found.videos, by_score, request.times, request.watched_indices
            )
            if self._explorer.samples:
                sampled = self._explorer.drawn(by_score)
            else:
                reserved = placing.risen(by_score, page_order)
        return results.Ranked(
            ordered_by,
            page_order,
            predicted.seconds,
            predicted.click_probability,
            placing.codes(sampled, reserved, cap, moved),
            propensities,
            predicted.outcomes,
        )


def _hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hides a Keras object from `tf.Module`'s and SavedModel's tracking."""
    return lambda *arguments: function(*arguments)


def _columns(found: pool.Found) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    return found.videos, found.sources, found.seeds
