"""The exported graphs that answer whole: candidates alone, and both stages."""

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.bundle import filter_reader, first_pass, graphs, results, traced
from ytdnn.log import lookups
from ytdnn.log import request as raw_request
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import caps as caps_room
from ytdnn.retrieval import exploring, page, placing, pool, tower
from ytdnn.retrieval import scores as scores_room

Raw = graphs.Raw
Outputs = results.Outputs
Proposed = tuple[pool.Found, tf.Tensor | None]


class NearestGraph(tf.Module):
    """Maps a raw request to the candidates of the index, without a ranker.

    Attributes:
      videos: Ids and indices of the catalogue.
    """

    def __init__(
        self,
        videos: lookups.VideoIds,
        user_tower: graphs.UserTowerGraph,
        source: tower.TowerSource,
        limits: filter_reader.FilterReader | None = None,
        caps: caps_room.Caps | None = None,
    ) -> None:
        """Stores the candidate model as a source, and the limits of lists."""
        super().__init__()
        self._caps = caps
        self.videos = videos
        self._user_tower = user_tower
        self._source = source
        self._limits = limits or filter_reader.FilterReader()

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
        user_tower: graphs.UserTowerGraph,
        sources: pool.Pool,
        scorer: graphs.Scorer,
        rule: page.Rule,
        scores: scores_room.Scores | None = None,
        limits: filter_reader.FilterReader | None = None,
        explorer: exploring.Explorer | None = None,
        caps: caps_room.Caps | None = None,
        weighing: weighted_order.Weighing | None = None,
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
        self._limits = limits or filter_reader.FilterReader()
        self._proposed = traced.Traced(self._propose)
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
        """Returns the candidates, and the candidate model's scores where needed.

        The request is given the indices of its history, which are looked up here.
        """
        raw = {name: values for name, values in request.raw.items() if name != schema.K}
        *columns, scores, request.watched_indices = self._proposed(raw)
        return pool.Found(*columns), scores

    def _propose(self, raw: Raw) -> tuple[tf.Tensor | None, ...]:
        request = raw_request.Request(raw, self.videos)
        vectors = self._user_tower.vectors(request)
        found = self._sources(self._limits.source_requests(request, vectors))
        scores = None
        if self._scores is not None:
            scores = self._scores(vectors, found.videos)
        return *_columns(found), scores, request.watched_indices

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


def _columns(found: pool.Found) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    return found.videos, found.sources, found.seeds
