"""Builds the models of a bundle from the trained models of a run.

Models share objects where possible: a stage that is also a model of its own is one
object, used as a signature of the recommender too, so that it is traced once.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.bundle import (
    bundle,
    explanations,
    graphs,
    recommender_graph,
    saved_models,
    shared_functions,
    signatures,
)
from ytdnn.log import io_fields, lookups, prepared
from ytdnn.ranking import heads, weighted_order
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import (
    exploring,
    filter_graph,
    filtered_search,
    impression_rates,
    live_term_source,
    live_terms,
    pool,
    slate,
    trained_stage,
)
from ytdnn.retrieval.index import artifact as index_artifact
from ytdnn.retrieval.index import interface

_BY_COUNTS = ", times the video's counted mean seconds to the power {:g}"
_OR_WEIGHED = "; where there are weights, the weighted sum of the predictions"
_LIVE = "weighted sum of logarithms of recent watches and of the dot product"
_PROPENSITY = "probability of each in its place, given the places before it"


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts that the models of a bundle are built from.

    Attributes:
      data: The prepared set, added videos at the end of its catalogue.
      first_stage: The trained candidate model and the other candidate sources.
      ranker: The trained ranking model; None where the log has no impressions.
      searchers: Index modules by kind.
      served: Kind of index of the models without a suffix.
      removed_ids: Videos left out of every answer, as text.
      limits: Reader of the limits of requests.
      filters: Reader of the conditions of requests.
      weighing: Orders by weighted predictions; None: requests have no weights.
    """

    data: prepared.PreparedData
    first_stage: trained_stage.FirstStage
    ranker: ranking_model.RankingModel | None
    searchers: dict[str, tf.Module]
    served: str
    removed_ids: list[str]
    limits: graphs.FilterReader
    filters: filter_graph.Filters
    weighing: weighted_order.Weighing | None = None


def make(parts: Parts) -> dict[str, saved_models.Model]:
    """Returns every model of the bundle by name.

    Raises:
      errors.UserError: The log lacks columns that the composition needs.
    """
    maker = _Maker(parts)
    models = {bundle.USER_TOWER: maker.user_tower}
    if parts.ranker is not None:
        models[bundle.RANKER] = maker.ranker(parts.searchers[index_artifact.EXACT])
    for kind, searcher in parts.searchers.items():
        suffix = "" if kind == parts.served != index_artifact.EXACT else f"_{kind}"
        needs_scann = kind == index_artifact.SCANN
        index = maker.index(searcher, needs_scann)
        both = maker.recommender(searcher, index, needs_scann)
        models |= {bundle.INDEX + suffix: index, bundle.RECOMMENDER + suffix: both}
    return models


class _Maker:
    """Creates the models; models of the same index share its vectors."""

    def __init__(self, parts: Parts) -> None:
        """Creates the parts that all models share."""
        self._parts = parts
        self._stage, self._data = parts.first_stage, parts.data
        self._videos = lookups.VideoIds(parts.data.catalogue)
        model = self._stage.candidates
        self._tower = graphs.UserTowerGraph(self._data, self._videos, model)
        self._vector = signatures.vector_field(model.vector_dim)
        self._permitting = (
            *io_fields.permitting(self._data.catalogue),
            *signatures.filter_fields(parts.filters),
        )
        self._limits = (*self._permitting, signatures.k_field())
        self._caps = slate.Caps(parts.filters)
        self._capping = signatures.cap_fields(self._caps)
        self._searches: dict[tf.Module, shared_functions.SharedNearest] = {}
        self._score_vectors = shared_functions.TracedFunction(
            filtered_search.score_vectors
        )
        self._weights = signatures.weight_fields(parts.weighing, parts.filters)
        self._rankers: dict[Any, saved_models.Model[graphs.RankerGraph]] = {}
        self._scorer: graphs.Scorer | None = None
        if parts.ranker is not None:
            self._scorer = graphs.Scorer(self._data, self._videos, parts.ranker)
            self._effects = explanations.Effects(
                self._scorer,
                parts.ranker.neutral,
                [f.name for f in parts.ranker.features if f.inner_shape],
            )
            config = self._stage.composition
            self._order = slate.SlateOrder(config, self._data)
            self._explorer = None
            if config.explores:
                self._explorer = exploring.Explorer(config, self._data.catalogue)

    @functools.cached_property
    def user_tower(self) -> saved_models.Model:
        """From raw requests to the user's vectors."""
        inputs = self._stage.fields(self._data.catalogue)
        return saved_models.Model(self._tower, inputs, (self._vector,))

    def index(self, searcher: tf.Module, needs_scann: bool) -> saved_models.Model:
        """Returns the model from vectors to videos."""
        search = self._search(searcher)
        index = graphs.IndexGraph(self._videos, search, self._parts.limits)
        result_fields = signatures.result_fields(self._data.catalogue, meanings(None))
        inputs = (self._vector, *self._limits)
        vectors = interface.variables(searcher.vectors)
        return saved_models.Model(
            index, inputs, result_fields, needs_scann, vectors=vectors
        )

    def _search(self, searcher: tf.Module) -> shared_functions.SharedNearest:
        """Returns the search among permitted videos, one for all models of an index."""
        if searcher not in self._searches:
            number = self._stage.num_videos
            search = filtered_search.Nearest(searcher, number, self._score_vectors)
            self._searches[searcher] = shared_functions.SharedNearest(search)
        return self._searches[searcher]

    def _live(
        self, searcher: tf.Module
    ) -> pool.TowerSource | live_term_source.LiveSource:
        """Returns the candidate model, with live terms if the run has chosen some."""
        number = self._stage.composition.num_candidates
        source = pool.TowerSource(number, self._search(searcher))
        weights = self._stage.composition.live_weights
        if not weights:
            return source
        return live_term_source.LiveSource(
            source, self._live_state, live_terms.weights(np.array(weights))
        )

    @property
    def _live_fields(self) -> io_fields.Fields:
        """Request fields that live terms read; none without any."""
        if not self._stage.composition.live_weights:
            return ()
        watched = io_fields.watched(self._data.catalogue)
        return watched, io_fields.watch_times(), io_fields.time()

    @functools.cached_property
    def _live_state(self) -> live_term_source.LiveState:
        return live_term_source.state(self._data, counted_to(self._parts) or 0)

    @functools.cached_property
    def _others(self) -> list[shared_functions.SharedSource]:
        """The other candidate sources, which do not depend on the index."""
        return [
            shared_functions.SharedSource(source)
            for source in self._stage.other_sources
        ]

    def _pool(self, searcher: tf.Module) -> pool.Pool:
        composition = self._stage.composition
        own = self._live(searcher)
        if not composition.live_weights:
            own = self._stage.tower(self._search(searcher))
        return pool.Pool(own, self._others, composition)

    def ranker(self, searcher: tf.Module) -> saved_models.Model[graphs.RankerGraph]:
        """Returns the model from raw requests and videos to scores.

        All kinds of index share one, if no feature reads the first stage.
        """
        scorer = self._scorer
        if scorer is None:
            raise ValueError("expected a trained ranker, found none")
        key = searcher if scorer.asks_scores else None
        if key not in self._rankers:
            sources = self._pool(searcher) if scorer.asks_sources else None
            scores, limits = self._stage.scores(searcher), self._parts.limits
            self._rankers[key] = saved_models.Model(
                graphs.RankerGraph(scorer, self._tower, scores, sources, limits),
                self._ranker_inputs,
                signatures.columns(meanings(self._parts.ranker)),
            )
        return self._rankers[key]

    @property
    def _ranker_inputs(self) -> saved_models.Fields:
        ranker = self._parts.ranker
        ranker_fields = ranker.request_fields(self._data.catalogue) if ranker else ()
        of_videos = signatures.video_ids_field(self._data.catalogue)
        asks = self._scorer is not None and self._scorer.asks_sources
        live = self._live_fields if asks else ()
        return (*io_fields.union(ranker_fields, live), of_videos)

    def recommender(
        self, searcher: tf.Module, index: saved_models.Model, needs_scann: bool
    ) -> saved_models.Model:
        """Returns the model of both stages, or of the first stage without a ranker."""
        stage, data, may = self._stage, self._data, self._parts.limits
        stages = {bundle.USER_TOWER: self.user_tower, bundle.INDEX: index}
        said = meanings(self._parts.ranker, stage.composition, self._parts.weighing)
        results = signatures.result_fields(data.catalogue, said)
        scores, live = stage.scores(searcher), self._live_fields
        if self._parts.ranker is None or self._scorer is None:
            alone = recommender_graph.NearestGraph(
                self._videos, self._tower, self._live(searcher), may, self._caps
            )
            query = io_fields.union(stage.fields(data.catalogue), live)
            stages |= self._candidates(alone, query, scores)
            inputs = io_fields.union(query, self._limits, self._capping)
            return saved_models.Model(alone, inputs, results, needs_scann, stages)
        graph = recommender_graph.RecommenderGraph(
            self._tower,
            self._pool(searcher),
            self._scorer,
            self._order,
            scores,
            may,
            self._explorer,
            self._caps,
            self._parts.weighing,
        )
        ranker_fields = self._parts.ranker.request_fields(data.catalogue)
        query = io_fields.union(
            stage.fields(data.catalogue, with_sources=True), ranker_fields, live
        )
        ranker = self.ranker(searcher)
        why = explanations.Explanation(ranker.graph, self._effects, scores)
        stages |= self._candidates(graph, query, scores) | {
            bundle.RANKER: ranker,
            explanations.EXPLAIN: saved_models.Model(why, self._ranker_inputs, ()),
        }
        inputs = io_fields.union(query, self._limits, self._capping, self._weights)
        return saved_models.Model(graph, inputs, results, needs_scann, stages)

    def _candidates(
        self,
        graph: recommender_graph.AnswerGraph,
        query: saved_models.Fields,
        scores: pool.Scores,
    ) -> dict[str, saved_models.Model]:
        """Returns the signature that lists all candidates."""
        candidates_graph = explanations.CandidatesGraph(graph, self._tower, scores)
        inputs = io_fields.union(query, self._permitting, self._capping, self._weights)
        return {bundle.CANDIDATES: saved_models.Model(candidates_graph, inputs, ())}


def counted_to(parts: Parts) -> int | None:
    """Returns the second up to which live terms count; None without any."""
    is_live = parts.first_stage.composition.live_weights
    return parts.data.windows.end_of_log + 1 if is_live else None


def meanings(
    ranker: ranking_model.RankingModel | None,
    composition: configs.CompositionConfig | None = None,
    weighing: weighted_order.Weighing | None = None,
) -> dict[str, str]:
    """Returns the meaning of each column of an answer, by name.

    Args:
      ranker: The ranker; None: answers are the candidates.
      composition: Composition of the slate; None: given videos are scored, without a
        slate.
      weighing: Orders by weighted predictions; None: requests have no weights.
    """
    if ranker is None:
        is_live = composition is not None and composition.live_weights
        return {schema.SCORES: _LIVE if is_live else bundle.DOT_PRODUCT}
    head = ranker.head
    has_seconds, has_clicks = head.predicts
    counted = composition.ordered_by if composition else ""
    power = ranker.measured.calibration.counted
    by_counts = _BY_COUNTS.format(power) if power else ""
    meaning = impression_rates.MEANINGS.get(counted, head.meaning + by_counts)
    texts = {schema.SCORES: meaning}
    if weighing is not None:
        texts[schema.SCORES] += _OR_WEIGHED
    if has_seconds:
        texts[schema.EXPECTED_WATCH_SECONDS] = head.seconds_meaning
    if has_clicks:
        texts[schema.CLICK_PROBABILITY] = heads.PROBABILITY
    texts |= {outcome.name: outcome.meaning for outcome in head.outcomes}
    if composition and (
        composition.explores or composition.max_per_channel or composition.reranks
    ):
        texts[schema.PLACED_BY] = slate.MEANING
    if composition and composition.temperature:
        texts[schema.PROPENSITIES] = _PROPENSITY
    return texts
