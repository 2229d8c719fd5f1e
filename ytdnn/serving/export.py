"""`export`: trained models and index to a bundle of SavedModels (DESIGN §8).

    bundle/{user_tower,index,index_exact,ranker,recommender,recommender_exact}/1/
    bundle/titles.parquet, bundle/vocabularies.json, bundle/manifest.json

The manifest tells of each model its inputs and outputs and whether it needs ScaNN's
ops. Stock TensorFlow (and TF Serving) loads the others.
"""

import dataclasses
import datetime
import pathlib
import shutil
from typing import Any, Protocol

import tensorflow as tf

from ytdnn import artifacts, configs, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.data import lookups, prepared
from ytdnn.features import corpus, interface
from ytdnn.index import artifact as index_artifact
from ytdnn.ranking import model as ranking_model
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
      candidates: The trained candidate model.
      ranker: The trained ranking model, None where the log has no impressions.
      searchers: Index modules by kind.
      num_candidates: Videos that go to the ranker.
    """

    data: prepared.PreparedData
    candidates: candidate_model.CandidateModel | candidate_model.Ensemble
    ranker: ranking_model.RankingModel | None
    searchers: dict[str, tf.Module]
    num_candidates: int


def step_config(config: configs.Config) -> dict[str, Any]:
    """Returns the part of the config that a bundle depends on."""
    return configs.to_dict(config.index)


def export(workdir: pathlib.Path, config: configs.Config) -> pathlib.Path:
    """Writes the bundle of a run.

    Without impressions in the log there is no ranker, and the recommender answers
    with the candidates and their scores. Without ScaNN there are the exact models
    alone.

    Args:
      workdir: With `data`, `candidates`, `index` and, unless the log has no
        impressions, `ranking`.
      config: Its `index` says how many candidates go to the ranker.

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
        "num_candidates": parts.num_candidates,
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
        shutil.copyfile(
            parts.data.directory / prepared.VOCABULARIES_FILE,
            partial / prepared.VOCABULARIES_FILE,
        )
    return directory


def _load(
    workdir: pathlib.Path, config: configs.Config
) -> tuple[_Parts, dict[str, str]]:
    """Returns what the models are made of, and the fingerprints of where it lies."""
    data = prepared.load(workdir / prepared.KIND)
    first_stage = retrieval_stage.load(workdir / retrieval_stage.KIND, data)
    ranker = None
    kinds = [prepared.KIND, candidate_model.KIND, index_artifact.KIND]
    if data.has_impressions:
        ranker = ranking_model.load(workdir / ranking_model.KIND, data, first_stage)
        kinds.append(ranking_model.KIND)
    manifests = {kind: artifacts.read_manifest(workdir / kind, kind) for kind in kinds}
    searchers = {
        name: index_artifact.load(
            workdir / index_artifact.KIND, name, manifests[candidate_model.KIND]
        ).module
        for name in manifests[index_artifact.KIND].facts["indexes"]
    }
    parts = _Parts(
        data,
        first_stage.candidates,
        ranker,
        searchers,
        config.index.num_candidates,
    )
    return parts, {kind: m.fingerprint for kind, m in manifests.items()}


def make_models(parts: _Parts) -> dict[str, Model]:
    """Returns every model of the bundle by name."""
    data = parts.data
    videos = lookups.VideoIds(data)
    tower = graphs.UserTower(data, videos, parts.candidates)
    ranker = graphs.Ranker(data, videos, parts.ranker, tower) if parts.ranker else None
    user = query = parts.candidates.fields(data)
    if parts.ranker:
        query = parts.ranker.request_fields(data)
    vector = signatures.vector_field(parts.candidates.vector_dim)
    meaning = _score_meaning(parts.ranker)
    models = {bundle.USER_TOWER: Model(tower, user, (vector,))}
    if ranker:
        asked = signatures.video_ids_field(data)
        scores = signatures.score_field(meaning)
        models[bundle.RANKER] = Model(ranker, (*query, asked), (scores,))
        query = signatures.union(user, query)
    k = signatures.k_field()
    for kind, searcher in parts.searchers.items():
        suffix = bundle.EXACT if kind == "exact" else ""
        index = graphs.Index(videos, searcher, data.vocabulary_size)
        both = graphs.Recommender(
            videos, tower, searcher, ranker, parts.num_candidates, data.vocabulary_size
        )
        found = signatures.result_fields(data, bundle.DOT_PRODUCT)
        results = signatures.result_fields(data, meaning)
        scann = kind == "scann"
        models[bundle.INDEX + suffix] = Model(index, (vector, k), found, scann)
        models[bundle.RECOMMENDER + suffix] = Model(both, (*query, k), results, scann)
    return models


def save(model: Model, directory: pathlib.Path) -> None:
    """Writes one SavedModel with the signature `serving_default`."""
    specs = {field.name: field.spec() for field in model.inputs}
    function = tf.function(model.graph.call).get_concrete_function(**specs)
    tf.saved_model.save(model.graph, str(directory), {bundle.SIGNATURE: function})


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
