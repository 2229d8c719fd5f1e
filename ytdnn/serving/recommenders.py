"""Builds the models of a bundle from the trained models of a run.

Models share objects where possible: a stage that is a model of its own is the same
object as a signature of a recommender, so that it is traced once.
"""

import dataclasses
import functools

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.data import fields, lookups, prepared
from ytdnn.index import artifact as index_artifact
from ytdnn.ranking import heads
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import caps, exploring, filters, page, placing
from ytdnn.retrieval import scores as scores_room
from ytdnn.retrieval import stage as retrieval_stage
from ytdnn.serving import (
    bundle,
    explained,
    graphs,
    limits,
    saved_models,
    signatures,
)

_PROPENSITY = "probability of each in its place, given the places before it"


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts that the models of a bundle are built from.

    Attributes:
      data: The prepared set, added videos at the end of its catalogue.
      first_stage: The trained candidate model and the other candidate sources.
      ranker: The trained ranking model, None where the log has no impressions.
      searchers: Index modules by kind.
      served: The kind that the models without a suffix search.
      removed_ids: Videos left out of every answer, as text.
      limits: Which videos answers hold, as the models read it.
      filters: What of it reads conditions.
    """

    data: prepared.PreparedData
    first_stage: retrieval_stage.Stage
    ranker: ranking_model.RankingModel | None
    searchers: dict[str, tf.Module]
    served: str
    removed_ids: list[str]
    limits: limits.Limits
    filters: filters.Filters


def make(parts: Parts) -> dict[str, saved_models.Model]:
    """Returns every model of the bundle by name.

    Raises:
      errors.UserError: The log lacks columns that the composition needs.
    """
    made = _Maker(parts)
    models = {bundle.USER_TOWER: made.user_tower}
    if parts.ranker is not None:
        models[bundle.RANKER] = made.ranker(parts.searchers[index_artifact.EXACT])
    for kind, searcher in parts.searchers.items():
        suffix = _suffix(kind, parts.served)
        needs_scann = kind == index_artifact.SCANN
        index = made.index(searcher, needs_scann)
        both = made.recommender(searcher, index, needs_scann)
        models |= {bundle.INDEX + suffix: index, bundle.RECOMMENDER + suffix: both}
    return models


def _suffix(kind: str, served: str) -> str:
    """Returns the suffix of a kind of index: empty for the served one, except exact."""
    return "" if kind == served != index_artifact.EXACT else f"_{kind}"


class _Maker:
    """Makes the models; those of one index share its vectors."""

    def __init__(self, parts: Parts) -> None:
        """Creates the parts that all models share."""
        self._parts = parts
        self._stage, self._data = parts.first_stage, parts.data
        self._videos = lookups.VideoIds(parts.data)
        model = self._stage.candidates
        self._tower = graphs.UserTower(self._data, self._videos, model)
        self._vector = signatures.vector_field(model.vector_dim)
        self._permitting = (
            *fields.permitting(self._data),
            *signatures.filter_fields(parts.filters),
        )
        self._limits = (*self._permitting, signatures.k_field())
        self._caps = caps.Caps(parts.filters)
        self._capping = signatures.cap_fields(self._caps)
        self._rankers: dict[tf.Module | None, saved_models.Model[graphs.Ranker]] = {}
        self._scorer: graphs.Scorer | None = None
        if parts.ranker is not None:
            self._scorer = graphs.Scorer(self._data, self._videos, parts.ranker)
            self._rule = page.Rule(self._stage.composition, self._data)
            self._explorer = exploring.from_config(self._stage.composition, self._data)

    @functools.cached_property
    def user_tower(self) -> saved_models.Model:
        """From raw requests to the user's vectors."""
        inputs = self._stage.fields(self._data)
        return saved_models.Model(self._tower, inputs, (self._vector,))

    def index(self, searcher: tf.Module, needs_scann: bool) -> saved_models.Model:
        """Returns the model from vectors to videos."""
        search = self._stage.nearest(searcher)
        index = graphs.Index(self._videos, search, self._parts.limits)
        found = signatures.result_fields(self._data, meanings(None))
        inputs = (self._vector, *self._limits)
        return saved_models.Model(index, inputs, found, needs_scann)

    def ranker(self, searcher: tf.Module) -> saved_models.Model[graphs.Ranker]:
        """Returns the model from raw requests and videos to scores.

        There is one for all kinds of index where no feature asks the first stage.
        """
        asks = self._scorer is not None and self._scorer.asks_scores
        key = searcher if asks else None
        if key not in self._rankers:
            self._rankers[key] = saved_models.Model(
                self._ranker_graph(searcher),
                self._ranker_inputs,
                signatures.columns(meanings(self._parts.ranker)),
            )
        return self._rankers[key]

    def _ranker_graph(self, searcher: tf.Module) -> graphs.Ranker:
        if self._scorer is None:
            raise ValueError("expected a trained ranker, found none")
        pool = self._stage.pool(searcher) if self._scorer.asks_sources else None
        scores = self._stage.scores(searcher)
        return graphs.Ranker(
            self._scorer, self._tower, scores, pool, self._parts.limits
        )

    @property
    def _ranker_inputs(self) -> saved_models.Fields:
        ranker = self._parts.ranker
        asked = ranker.request_fields(self._data) if ranker else ()
        return (*asked, signatures.video_ids_field(self._data))

    def recommender(
        self, searcher: tf.Module, index: saved_models.Model, needs_scann: bool
    ) -> saved_models.Model:
        """Returns the model of both stages; of the first alone without a ranker."""
        stage, data, may = self._stage, self._data, self._parts.limits
        stages = {bundle.USER_TOWER: self.user_tower, bundle.INDEX: index}
        said = meanings(self._parts.ranker, stage.composition)
        results = signatures.result_fields(data, said)
        scores = stage.scores(searcher)
        if self._parts.ranker is None or self._scorer is None:
            source = stage.tower(searcher)
            nearest = graphs.Nearest(self._videos, self._tower, source, may, self._caps)
            query = stage.fields(data)
            stages |= self._candidates(nearest, query, scores)
            inputs = fields.union(query, self._limits, self._capping)
            return saved_models.Model(nearest, inputs, results, needs_scann, stages)
        graph = graphs.Recommender(
            self._tower,
            stage.pool(searcher),
            self._scorer,
            self._rule,
            scores,
            may,
            self._explorer,
            self._caps,
        )
        asked = self._parts.ranker.request_fields(data)
        query = fields.union(stage.fields(data, with_sources=True), asked)
        ranker = self.ranker(searcher)
        why = explained.Explanation(
            ranker.graph,
            self._scorer,
            self._parts.ranker.neutral,
            scores,
            [f.name for f in self._parts.ranker.features if f.inner_shape],
        )
        stages |= self._candidates(graph, query, scores) | {
            bundle.RANKER: ranker,
            explained.EXPLAIN: saved_models.Model(why, self._ranker_inputs, ()),
        }
        inputs = fields.union(query, self._limits, self._capping)
        return saved_models.Model(graph, inputs, results, needs_scann, stages)

    def _candidates(
        self,
        graph: explained.TwoStages,
        query: saved_models.Fields,
        scores: scores_room.Scores,
    ) -> dict[str, saved_models.Model]:
        """Returns the signature that lists all candidates."""
        found = explained.Candidates(graph, self._tower, scores)
        inputs = fields.union(query, self._permitting, self._capping)
        return {explained.CANDIDATES: saved_models.Model(found, inputs, ())}


def meanings(
    ranker: ranking_model.RankingModel | None,
    composition: configs.CompositionConfig | None = None,
) -> dict[str, str]:
    """Returns the meaning of each column of an answer, by name.

    Args:
      ranker: None: the candidates are answered.
      composition: Composition of the page; None: videos are scored, and make no page.
    """
    if ranker is None:
        return {schema.SCORES: bundle.DOT_PRODUCT}
    head = ranker.head
    has_seconds, has_clicks = head.predicts
    weight = composition.blend_weight if composition else 0.0
    blended = f", blended with the candidate score (weight {weight:g})"
    found = {schema.SCORES: head.meaning + (blended if weight else "")}
    if has_seconds:
        found[schema.EXPECTED_WATCH_SECONDS] = head.seconds_meaning
    if has_clicks:
        found[schema.CLICK_PROBABILITY] = heads.PROBABILITY
    if composition and (
        composition.explores or composition.max_per_channel or composition.diversifies
    ):
        found[schema.PLACED_BY] = placing.MEANING
    if composition and composition.temperature:
        found[schema.PROPENSITIES] = _PROPENSITY
    return found
