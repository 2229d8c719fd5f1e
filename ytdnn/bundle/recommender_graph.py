"""The exported graphs that answer whole: candidates alone, and both stages."""

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.bundle import first_pass, graphs, shared_functions
from ytdnn.log import lookups, raw_request
from ytdnn.ranking import heads, weighted_order
from ytdnn.retrieval import exploring, live_term_source, pool, slate

Ranking = graphs.Ranking
Request = raw_request.Request
Candidates = pool.Candidates

Raw = graphs.Raw
Proposed = tuple[Candidates, tf.Tensor | None]


class AnswerGraph(tf.Module):
    """Maps a raw request to videos, best first: proposes candidates and ranks them.

    Attributes:
      videos: Ids and indices of the catalogue.
      first_pass: Keeps the candidates that are ranked; None: all are.
    """

    videos: lookups.VideoIds
    first_pass: "first_pass.FirstPass | None" = None

    def call(self, **raw: tf.Tensor) -> graphs.Outputs:
        """Returns ids, the columns of `Ranked`, and num_results."""
        request = Request(raw, self.videos)
        candidates, scores = self.leave_out(raw, *self.propose(request))
        ranked = self.rank(request, candidates, scores)
        return graphs.best(self.videos, candidates.videos, ranked, raw[schema.K])

    def propose(self, request: Request) -> Proposed:
        """Returns candidates and the candidate model's scores (None if not needed)."""
        raise NotImplementedError

    def leave_out(
        self, raw: Raw, candidates: Candidates, scores: tf.Tensor | None
    ) -> Proposed:
        """Returns the candidates that the first pass keeps, and their scores."""
        if self.first_pass is None:
            return candidates, scores
        return self.first_pass(raw, candidates, scores)

    def rank(
        self, request: Request, candidates: Candidates, scores: tf.Tensor | None
    ) -> Ranking:
        """Returns the predictions for candidates, and the slate's order.

        Args:
          request: Raw request.
          candidates: Candidates of the request.
          scores: The candidate model's scores; None where they are not needed.
        """
        raise NotImplementedError

    def on_page(self, raw: Raw, candidates: Candidates, ranked: Ranking) -> Ranking:
        """Returns the predictions, with `-inf` as order for left-out candidates.

        Args:
          raw: Requests.
          candidates: All candidates of the requests.
          ranked: Predictions for the candidates.
        """
        if self.first_pass is None:
            return ranked
        keeps = self.first_pass.keeps(raw, candidates)
        return ranked._replace(order=tf.where(keeps, ranked.order, float("-inf")))


class NearestGraph(AnswerGraph):
    """Maps a raw request to the candidates of the index, without a ranker."""

    def __init__(
        self,
        videos: lookups.VideoIds,
        user_tower: graphs.UserTowerGraph,
        source: pool.TowerSource | live_term_source.LiveSource,
        limits: graphs.FilterReader,
        caps: slate.Caps,
    ) -> None:
        """Stores the candidate model, with live terms or not, and limits of lists."""
        super().__init__()
        self.videos = videos
        self._user_tower = user_tower
        self._source, self._limits, self._caps = source, limits, caps

    def propose(self, request: Request) -> Proposed:
        """Returns the candidates and their scores."""
        vectors = self._user_tower.vectors(request)
        requests = self._limits.source_requests(request, vectors)
        indices, scores = self._source.search(requests)
        return pool.join(indices, (), (), configs.CompositionConfig()), scores

    def rank(
        self, request: Request, candidates: Candidates, scores: tf.Tensor | None
    ) -> Ranking:
        """Returns the candidate model's scores, and the order of the slate by them."""
        return Ranking(scores, self._caps(request.raw, candidates.videos, scores))


class RecommenderGraph(AnswerGraph):
    """Maps a raw request to recommendations: both stages in one graph.

    Attributes:
      scorer: The second stage.
    """

    def __init__(
        self,
        user_tower: graphs.UserTowerGraph,
        sources: pool.Pool,
        scorer: graphs.Scorer,
        order: slate.SlateOrder,
        scores: pool.Scores | None = None,
        limits: graphs.FilterReader | None = None,
        explorer: exploring.Explorer | None = None,
        caps: slate.Caps | None = None,
        weighing: weighted_order.Weighing | None = None,
    ) -> None:
        """Joins the stages.

        Args:
          user_tower: Computes the query.
          sources: All candidate sources.
          scorer: Ranker of the candidates.
          order: Order of the slate by the ranker's scores.
          scores: Candidate model's scores, if the ranker needs them.
          limits: Videos that answers may hold.
          explorer: Changes the order to explore; None: there is no exploration.
          caps: Reads the caps of requests; None: requests have none.
          weighing: Orders by weighted predictions; None: requests have no weights.
        """
        super().__init__()
        self.videos = scorer.videos
        self._caps, self._explorer, self._weighing = caps, explorer, weighing
        self._user_tower, self._sources = user_tower, sources
        self.scorer, self._order = scorer, order
        self._scores = scores if scorer.asks_scores else None
        self._limits = limits or graphs.FilterReader()
        self._proposed = shared_functions.TracedFunction(self._propose)

    def propose(self, request: Request) -> Proposed:
        """Returns the candidates, and the candidate model's scores where needed.

        The request is given the indices of its history, which are looked up here.
        """
        raw = {name: values for name, values in request.raw.items() if name != schema.K}
        candidates, scores, request.watched_indices = self._proposed(raw)
        return candidates, scores

    def _propose(self, raw: Raw) -> tuple[Candidates, tf.Tensor | None, tf.Tensor]:
        request = Request(raw, self.videos)
        vectors = self._user_tower.vectors(request)
        candidates = self._sources(self._limits.source_requests(request, vectors))
        scores = None
        if self._scores is not None:
            scores = self._scores(vectors, candidates.videos)
        return candidates, scores, request.watched_indices

    def rank(
        self, request: Request, candidates: Candidates, scores: tf.Tensor | None
    ) -> Ranking:
        """Returns the ranker's predictions for candidates, and the slate's order."""
        tensors = self.scorer.tensors_of(request, candidates, scores)
        predicted = self.scorer.predict_of(tensors)
        videos = candidates.videos
        order = self._order.uncapped(videos, predicted.order)
        score_of = tf.exp if self._order.is_counted else self.scorer.score_of
        ordered_by = score_of(order)
        if self._weighing is not None:
            raw = request.raw
            order, ordered_by = self._weighing(raw, predicted, order, ordered_by)
        return self._slate(request, videos, predicted, order)._replace(
            scores=ordered_by
        )

    def _slate(
        self,
        request: Request,
        videos: tf.Tensor,
        predicted: heads.HeadPredictions,
        order: tf.Tensor,
    ) -> Ranking:
        """Returns the predictions with the slate's order, and the reason of each place.

        Args:
          request: Raw request.
          videos: `[batch, n] int32` candidates.
          predicted: Their predictions.
          order: `[batch, n] float32`, before rules of the slate.
        """
        by_score, rule = order, self._order
        if self._caps is None:
            order = rule.cap(videos, order)
        else:
            order = self._caps(request.raw, videos, order, rule)
        cap = slate.risen(by_score, order) if rule.most else None
        moved: dict[str, tf.Tensor] = {}
        for name, rerank in rule.rerankers:
            by_score, order = order, rerank(videos, order)
            risen = slate.risen(by_score, order)
            moved[name] = moved[name] | risen if name in moved else risen
        sampled = reserved = propensities = None
        if self._explorer is not None:
            by_score = order
            order, propensities = self._explorer(
                videos, by_score, request.times, request.watched_indices
            )
            if self._explorer.samples:
                sampled = self._explorer.drawn(by_score)
            else:
                reserved = slate.risen(by_score, order)
        return Ranking(
            predicted.order,
            order,
            predicted.seconds,
            predicted.click_probability,
            slate.codes(sampled, reserved, cap, moved),
            propensities,
            predicted.outcomes,
        )
