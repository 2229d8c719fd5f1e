"""`export`: trained models and index to a bundle of SavedModels (DESIGN §8).

    bundle/{user_tower,index,index_exact,ranker,recommender,recommender_exact}/N/
    bundle/{index,recommender}_KIND/N/ of another kind of index
    bundle/versions/N/titles.parquet, vocabularies.json, manifest.json
    bundle/manifest.json, bundle/serving/

N is the version, one number for all models (`ytdnn.bundle.versions`). The manifest
lists the inputs and outputs of each model and whether it needs ScaNN's ops. Stock
TensorFlow (and TF Serving) loads the other models.
"""

import dataclasses
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import polars as pl
import tensorflow as tf

from ytdnn.base import (
    artifacts,
    configs,
    errors,
    formats,
    machine_facts,
    progress,
    registries,
    schema,
)
from ytdnn.bundle import (
    added_videos_table,
    bundle,
    first_pass_distillation,
    graphs,
    models_for_export,
    own_features,
    recommender_graph,
    removed_videos,
    request_shorthand,
    saved_models,
    tf_serving,
    versions,
)
from ytdnn.features import counter_sums, counters
from ytdnn.log import lookups, prepared, vectors
from ytdnn.ranking import model as ranking_model
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import filter_graph, filter_schema, trained_stage
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval.index import artifact as index_artifact
from ytdnn.retrieval.index import brute_force

Parts = models_for_export.Parts
Model = saved_models.Model


@dataclasses.dataclass(frozen=True)
class Refit:
    """Models of a run that have learned more than the measured ones.

    Attributes:
      name: Path in the workdir of the models and their prepared set.
      facts: Facts about the models for the bundle's manifest.
      evaluation: Evaluation of the run; None where there was none.
      inputs: Fingerprints of what models that went on learning are made from; none:
        those of the models themselves are recorded.
    """

    name: str
    facts: Mapping[str, Any]
    evaluation: Mapping[str, Any] | None
    inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def step_config(config: configs.Config) -> dict[str, Any]:
    """Returns the settings that a bundle depends on, apart from its inputs."""
    values = {
        bundle.LAYOUT: bundle.NEWEST_LAYOUT,
        "composition": configs.to_dict(config.composition),
    }
    return values | ({bundle.REFIT: True} if config.refit else {})


def export(
    workdir: pathlib.Path, config: configs.Config, refit: Refit | None = None
) -> pathlib.Path:
    """Writes the bundle of a run as a new version; earlier ones stay.

    Without impressions in the log there is no ranker, and the recommender answers with
    the candidates and their scores. Without ScaNN there are only the exact models.

    Args:
      workdir: Directory of the run, with `data`, `candidates`, `index` and, unless the
        log has no impressions, `ranking`; and the list of removed videos, if there is
        one.
      config: Config of the run; its `composition` sets the candidates and their order.
      refit: Models that learned more; None: those of the workdir.

    Returns:
      The bundle's directory.

    Raises:
      errors.UserError: An artefact is missing or does not fit another.
    """
    workdir = pathlib.Path(workdir)
    directory = workdir / bundle.KIND
    with tempfile.TemporaryDirectory() as root:
        asset = pathlib.Path(root) / removed_videos.ASSET
        home = workdir if refit is None else workdir / refit.name
        parts, inputs = _load(workdir, config, asset, home)
        models = models_for_export.make(parts)
        facts = _facts(parts, models) | _with_first_pass(parts, models)
        if refit is not None:
            facts[bundle.REFIT] = dict(refit.facts)
            if refit.inputs:  # and not those of the models themselves
                own = f"{refit.name}/"
                kept = {k: v for k, v in inputs.items() if not k.startswith(own)}
                inputs = kept | dict(refit.inputs)
        with versions.publish(
            directory, bundle.KIND, step_config(config), inputs, facts
        ) as draft:
            _write(parts, models, draft)
            if refit is not None:
                artifacts.write_json(draft.common / bundle.EVALUATION, refit.evaluation)
    tf_serving.write(directory, models)
    return directory


def _facts(parts: Parts, models: dict[str, Model]) -> dict[str, Any]:
    """Returns the facts about the bundle for its manifest."""
    return {
        "models": {name: model.describe() for name, model in models.items()},
        "ranking": parts.ranker is not None,
        "num_candidates": parts.first_stage.composition.num_candidates,
        "sources": _source_places(parts),
        bundle.SOURCE_NAMES: list(parts.first_stage.composition.source_names),
        "videos": parts.first_stage.candidates.num_listed,
        "catalogue": parts.data.num_videos,
        removed_videos.FACT: len(parts.removed_ids),
        added_videos_table.FACT: parts.data.catalogue.num_added,
        "statistics_as_of": _statistics_as_of(parts),
        bundle.COUNTED_TO: models_for_export.counted_to(parts),
        bundle.REMOVES_WATCHED: parts.first_stage.composition.remove_watched,
        bundle.BIAS_COORDINATES: parts.first_stage.candidates.bias_coordinates,
        vectors.FACT: parts.data.catalogue.vectors.served,
    }


def _with_first_pass(parts: Parts, models: dict[str, Model]) -> dict[str, Any]:
    """Adds a first pass to the recommenders, if any; returns facts about it."""
    if parts.ranker is None:
        return {}
    served = models.get(bundle.RECOMMENDER, models[bundle.RECOMMENDER + bundle.EXACT])
    distilled = first_pass_distillation.distilled(
        parts.data,
        parts.ranker,
        served.graph,
        {field.name: field for field in served.inputs},
        parts.first_stage.composition,
    )
    if distilled is None:
        return {}
    progress.say(distilled.words)
    if distilled.module is not None:
        for model in models.values():
            if isinstance(model.graph, recommender_graph.RecommenderGraph):
                model.graph.first_pass = distilled.module
    return {first_pass_distillation.FACT: distilled.facts}


def _write(parts: Parts, models: dict[str, Model], draft: versions.Draft) -> None:
    """Writes the files of a version."""
    video_ids = parts.data.videos[schema.VIDEO_ID].head(tf_serving.NUM_VIDEOS).to_list()
    example = tf_serving.example(video_ids, parts.first_stage.candidates.vector_dim)
    for name, model in models.items():
        saved_models.save(model, draft.part(name))
        tf_serving.write_warm_up(name, model, example, draft.part(name))
        machine_facts.collect()
    names = [n for n in (schema.VIDEO_ID, schema.TITLE) if n in parts.data.videos]
    parts.data.videos.select(names).write_parquet(draft.common / bundle.TITLES)
    parts.data.catalogue.vectors.write_served(draft.common)
    operands = parts.filters.operands
    most = max(map(len, operands.values()), default=0)
    padded = {k: v.extend_constant(None, most - len(v)) for k, v in operands.items()}
    pl.DataFrame(padded).write_parquet(draft.common / bundle.OPERANDS)
    artifacts.write_json(
        draft.common / prepared.VOCABULARIES_FILE, _vocabularies(parts.data, models)
    )


def _vocabularies(
    data: prepared.PreparedData, models: Mapping[str, Model]
) -> dict[str, list[str]]:
    """Returns the values of each text that is a column of events or of users."""
    vocabularies = dict(data.catalogue.vocabularies)
    for field in models[bundle.RECOMMENDER + bundle.EXACT].inputs:
        column = field.name.removeprefix(f"{schema.USERS}.")
        is_text = field.dtype == "string" and not field.is_list
        if is_text and data.users.schema.get(column) == pl.String:
            vocabularies[field.name] = (
                data.users[column].drop_nulls().unique().sort().to_list()
            )
    return vocabularies


def _filters(
    composition: configs.CompositionConfig, data: prepared.PreparedData
) -> filter_graph.Filters:
    """Returns the reader of the conditions of requests."""
    columns = filter_schema.from_catalogue(data.catalogue)
    keys = [key for column in columns for key in column.keys]
    policies = request_shorthand.policies(composition.policies, keys)
    return filter_graph.Filters(data, policies)


def _require_composition(config: configs.Config, data: prepared.PreparedData) -> None:
    """Checks the composition before models are loaded.

    Raises:
      errors.UserError: It names something that the log lacks.
    """
    predictions: tuple[str, ...] = ()
    if not data.windows.ranker_left_out(config.ranking):
        outcomes = [outcome.name for outcome in data.catalogue.outcomes]
        predictions = (schema.WATCH_SECONDS, schema.CLICKED, *outcomes)
    request_shorthand.require(config.composition, data.catalogue, predictions)


def _load(
    workdir: pathlib.Path,
    config: configs.Config,
    asset: pathlib.Path,
    home: pathlib.Path,
) -> tuple[Parts, dict[str, str]]:
    """Returns the parts of the models, and the fingerprints of their artefacts.

    Args:
      workdir: Directory of the run.
      config: Config of the run.
      asset: File to write the removed videos into.
      home: Directory of the models.
    """
    data = added_videos_table.extended(prepared.load(home / prepared.KIND), workdir)
    _require_composition(config, data)
    first_stage = trained_stage.load(
        home / trained_stage.KIND, data, config.composition
    )
    ranker = None
    kinds = [prepared.KIND, trained_stage.KIND, index_artifact.KIND]
    if not data.windows.ranker_left_out(config.ranking):
        ranker = ranking_model.load(
            home / ranking_model.KIND,
            data,
            first_stage,
            config.composition.ranker_precision,
        )
        own_features.require_same(data, ranker.features)
        kinds.append(ranking_model.KIND)
    manifests = {kind: artifacts.read_manifest(home / kind, kind) for kind in kinds}
    searchers = _searchers(home, manifests, first_stage)
    first_stage.candidates.forget_videos()
    removed_ids = removed_videos.read(workdir)
    catalogue = data.videos[schema.VIDEO_ID].cast(pl.String)
    asset.write_text(
        removed_videos.text(removed_videos.indices(catalogue, removed_ids))
    )
    filters = _filters(config.composition, data)
    limits = graphs.FilterReader(
        lookups.RemovedVideos(asset), filters, config.composition.remove_watched
    )
    parts = Parts(
        data,
        first_stage,
        ranker,
        searchers,
        manifests[index_artifact.KIND].facts["served"],
        removed_ids,
        limits,
        filters,
        _weighing(ranker, config.composition),
    )
    made_from = {
        (home / kind).relative_to(workdir).as_posix(): manifest.fingerprint
        for kind, manifest in manifests.items()
        if kind != prepared.KIND
    }
    # Users are looked up in the run's own set, whatever the models were trained on.
    own = artifacts.read_manifest(workdir / prepared.KIND, prepared.KIND)
    made_from = {prepared.KIND: own.fingerprint} | made_from
    made_from |= removed_videos.inputs(workdir) | added_videos_table.inputs(workdir)
    return parts, made_from | registries.versions_of_bundle(config)


def _weighing(
    ranker: ranking_model.RankingModel | None, composition: configs.CompositionConfig
) -> weighted_order.Weighing | None:
    """Returns the module that orders by weights; None without anything to weigh.

    Raises:
      errors.UserError: Saved weights name something that is not predicted.
    """
    default, saved = composition.default_weights, composition.weights_of_policies
    if ranker is None:
        if default or saved or composition.ordered_by != "ranker":
            raise errors.UserError(
                "expected no config.composition.weights, none in its policies, and no "
                "ordered_by for a run without a ranker, received some: leave them out, "
                "or set config.ranking.enabled=true"
            )
        return None
    if not (ranker.head.outcomes or default or saved):
        return None
    return weighted_order.Weighing(weighted_order.names_of(ranker.head), default, saved)


def _searchers(
    home: pathlib.Path,
    manifests: Mapping[str, artifacts.Manifest],
    first_stage: trained_stage.FirstStage,
) -> dict[str, tf.Module]:
    """Returns the built indexes, with a delta part if the model has added videos."""
    facts = manifests[index_artifact.KIND].facts
    candidates = manifests[trained_stage.KIND]
    directory = home / index_artifact.KIND
    modules = {
        name: index_artifact.load(directory, name, candidates).module
        for name in facts["indexes"]
    }
    if first_stage.num_videos == facts["num_videos"]:
        return modules  # the vectors of the index serve: no copy is made
    added = first_stage.candidates.video_vectors()[facts["num_videos"] :]
    return {name: brute_force.WithDelta(main, added) for name, main in modules.items()}


def _source_places(parts: Parts) -> dict[str, int]:
    """Returns the places of each candidate source; the tower has those left, too."""
    others = parts.first_stage.other_sources if parts.ranker else ()
    places = {source.kind: source.num for source in others}
    number = parts.first_stage.composition.num_candidates
    return {retrieval.TOWER: number - sum(places.values())} | places


def _statistics_as_of(parts: Parts) -> dict[str, Any] | None:
    """Returns the moment of a bundle's counters; None without any."""
    read = parts.ranker.features if parts.ranker else ()
    if not any(isinstance(f, counters.Counter) for f in read):
        return None
    moment = counter_sums.serving_moment(parts.data)
    return {"seconds": moment, "utc": formats.utc(moment)}
