"""`export`: trained models and index to a bundle of SavedModels (DESIGN §8).

    bundle/{user_tower,index,index_exact,ranker,recommender,recommender_exact}/1/
    bundle/titles.parquet, bundle/vocabularies.json, bundle/manifest.json

The manifest tells of each model its inputs and outputs and whether it needs ScaNN's
ops. Stock TensorFlow (and TF Serving) loads the others.
"""

import dataclasses
import datetime
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import polars as pl
import tensorflow as tf

from ytdnn import artifacts, configs, schema
from ytdnn.data import lookups, prepared
from ytdnn.features import corpus, interface
from ytdnn.index import artifact as index_artifact
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval import page
from ytdnn.retrieval import stage as retrieval_stage
from ytdnn.serving import bundle, graphs, signatures

Fields = tuple[signatures.Field, ...]


class Graph(Protocol):
    """A `tf.Module` of `ytdnn.serving.graphs`."""

    def call(self, **request: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns outputs by name."""


@dataclasses.dataclass(frozen=True)
class Model:
    """One SavedModel of the bundle.

    Attributes:
      graph: What it computes.
      inputs: Its signature's inputs.
      outputs: Its signature's outputs.
      needs_scann: Whether ScaNN's ops are in it.
    """

    graph: Graph
    inputs: Fields
    outputs: Fields
    needs_scann: bool = False

    def describe(self) -> dict[str, Any]:
        """Returns what the manifest says of it."""
        return {
            "needs": ["scann"] if self.needs_scann else [],
            "inputs": signatures.describe(self.inputs),
            "outputs": signatures.describe(self.outputs),
        }


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What the models of a bundle are made of.

    Attributes:
      data: The prepared set.
      first_stage: The trained candidate model and the other candidate sources.
      ranker: The trained ranking model, None where the log has no impressions.
      searchers: Index modules by kind.
    """

    data: prepared.PreparedData
    first_stage: retrieval_stage.Stage
    ranker: ranking_model.RankingModel | None
    searchers: dict[str, tf.Module]


def step_config(config: configs.Config) -> dict[str, Any]:
    """Returns the part of the config that a bundle depends on."""
    return {"composition": configs.to_dict(config.composition)}


def export(workdir: pathlib.Path, config: configs.Config) -> pathlib.Path:
    """Writes the bundle of a run.

    Without impressions in the log there is no ranker, and the recommender answers
    with the candidates and their scores. Without ScaNN there are the exact models
    alone.

    Args:
      workdir: With `data`, `candidates`, `index` and, unless the log has no
        impressions, `ranking`.
      config: Its `composition` says what goes to the ranker, and how it is ordered.

    Returns:
      The bundle's directory.

    Raises:
      errors.UserError: An artefact is missing or does not fit another.
    """
    workdir = pathlib.Path(workdir)
    parts, inputs = _load(workdir, config)
    models = make_models(parts)
    directory = workdir / bundle.KIND
    facts = {
        "models": {name: model.describe() for name, model in models.items()},
        "scores": _score_meaning(parts.ranker),
        "ranking": parts.ranker is not None,
        "num_candidates": config.composition.num_candidates,
        "sources": _source_places(parts),
        "videos": parts.data.vocabulary_size,
        "catalogue": parts.data.num_videos,
        "statistics_as_of": _statistics_as_of(parts),
    }
    with artifacts.publish(
        directory, bundle.KIND, step_config(config), inputs, facts
    ) as partial:
        for name, model in models.items():
            save(model, partial / name / bundle.VERSION)
        _write_titles(parts.data, partial / bundle.TITLES)
        artifacts.write_json(
            partial / prepared.VOCABULARIES_FILE, _vocabularies(parts.data, models)
        )
    return directory


def _vocabularies(
    data: prepared.PreparedData, models: Mapping[str, Model]
) -> dict[str, list[str]]:
    """Returns the values of each text that is a column of events or of users."""
    found = dict(data.vocabularies)
    for field in models[bundle.RECOMMENDER + bundle.EXACT].inputs:
        column = field.name.removeprefix(f"{schema.USERS}.")
        is_text = field.dtype == "string" and not field.is_list
        if is_text and data.users.schema.get(column) == pl.String:
            found[field.name] = (
                data.users[column].drop_nulls().unique().sort().to_list()
            )
    return found


def _load(
    workdir: pathlib.Path, config: configs.Config
) -> tuple[_Parts, dict[str, str]]:
    """Returns what the models are made of, and the fingerprints of where it lies."""
    data = prepared.load(workdir / prepared.KIND)
    first_stage = retrieval_stage.load(
        workdir / retrieval_stage.KIND, data, config.composition
    )
    ranker = None
    kinds = [prepared.KIND, retrieval_stage.KIND, index_artifact.KIND]
    if not data.ranker_left_out(config.ranking):
        ranker = ranking_model.load(workdir / ranking_model.KIND, data, first_stage)
        kinds.append(ranking_model.KIND)
    manifests = {kind: artifacts.read_manifest(workdir / kind, kind) for kind in kinds}
    searchers = {
        name: index_artifact.load(
            workdir / index_artifact.KIND, name, manifests[retrieval_stage.KIND]
        ).module
        for name in manifests[index_artifact.KIND].facts["indexes"]
    }
    parts = _Parts(data, first_stage, ranker, searchers)
    return parts, {kind: m.fingerprint for kind, m in manifests.items()}


def make_models(parts: _Parts) -> dict[str, Model]:
    """Returns every model of the bundle by name.

    Raises:
      errors.UserError: The log lacks columns that the composition needs.
    """
    data = parts.data
    videos = lookups.VideoIds(data)
    user_tower = graphs.UserTower(data, videos, parts.first_stage.candidates)
    user = parts.first_stage.fields(data)
    vector = signatures.vector_field(parts.first_stage.candidates.vector_dim)
    models = {bundle.USER_TOWER: Model(user_tower, user, (vector,))}
    recommend = _recommender(parts, videos, user_tower, models)
    k = signatures.k_field()
    found = signatures.result_fields(data, bundle.DOT_PRODUCT)
    results = signatures.result_fields(data, _score_meaning(parts.ranker))
    query = user
    if parts.ranker:
        query = signatures.union(
            parts.first_stage.fields(data, with_sources=True),
            parts.ranker.request_fields(data),
        )
    for kind, searcher in parts.searchers.items():
        suffix = bundle.EXACT if kind == "exact" else ""
        index = graphs.Index(videos, searcher, data.vocabulary_size)
        both, scann = recommend(searcher), kind == "scann"
        models[bundle.INDEX + suffix] = Model(index, (vector, k), found, scann)
        models[bundle.RECOMMENDER + suffix] = Model(both, (*query, k), results, scann)
    return models


def _recommender(
    parts: _Parts,
    videos: lookups.VideoIds,
    user_tower: graphs.UserTower,
    models: dict[str, Model],
) -> Callable[[tf.Module], Graph]:
    """Returns what makes the recommender of an index; adds the ranker to the models."""
    stage, data = parts.first_stage, parts.data
    if parts.ranker is None:
        return lambda searcher: graphs.Nearest(
            videos, user_tower, stage.tower(searcher)
        )
    ranker = graphs.Ranker(data, videos, parts.ranker, user_tower)
    asked = (*parts.ranker.request_fields(data), signatures.video_ids_field(data))
    scores = signatures.score_field(_score_meaning(parts.ranker))
    models[bundle.RANKER] = Model(ranker, asked, (scores,))
    rule = page.Rule(stage.composition, data)
    blend = stage.scores() if rule.needs_scores else None
    return lambda searcher: graphs.Recommender(
        videos, user_tower, stage.pool(searcher), ranker, rule, blend
    )


def save(model: Model, directory: pathlib.Path) -> None:
    """Writes one SavedModel with the signature `serving_default`."""
    specs = {field.name: field.spec() for field in model.inputs}
    function = tf.function(model.graph.call).get_concrete_function(**specs)
    tf.saved_model.save(model.graph, str(directory), {bundle.SIGNATURE: function})


def _source_places(parts: _Parts) -> dict[str, int]:
    """Returns the places of each candidate source; the tower has those left, too."""
    others = parts.first_stage.other_sources if parts.ranker else ()
    places = {source.kind: source.num for source in others}
    number = parts.first_stage.composition.num_candidates
    return {retrieval.TOWER: number - sum(places.values())} | places


def _score_meaning(ranker: ranking_model.RankingModel | None) -> str:
    if ranker is None:
        return bundle.DOT_PRODUCT
    return ranker.head.meaning


def _statistics_as_of(parts: _Parts) -> dict[str, Any] | None:
    """Returns the moment of the corpus statistics in it, None where it has none."""
    read = parts.ranker.features if parts.ranker else ()
    if not any(isinstance(f, interface.CorpusStatistic) for f in read):
        return None
    moment = corpus.serving_moment(parts.data)
    time = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return {"seconds": moment, "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _write_titles(data: prepared.PreparedData, path: pathlib.Path) -> None:
    names = [schema.VIDEO_ID, schema.TITLE]
    data.videos.select(n for n in names if n in data.videos.columns).write_parquet(path)
