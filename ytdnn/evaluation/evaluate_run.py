"""Evaluates a run: loads its artefacts and measures them."""

import dataclasses
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.util import event_pb2

from ytdnn.base import artifacts, configs, errors, formats, registries
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import (
    boosted_trees,
    continued_models,
    index_search,
    leaks,
    lists,
    measure,
    models,
    order_choice_artifact,
    report_files,
    report_parts,
    report_types,
    request_measure,
    run_systems,
    run_warnings,
    tuned_baselines,
    user_cases,
)
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval.index import artifact as index_artifact

Protocol = report_parts.Protocol

Config = configs.Config

_RECALL_K = 100
_TIMED_USERS = 200
_CONTEST = "contest"
_TIMED_VECTORS = 1_000  # so many that opening the log hardly counts
_SYSTEM_LEFT_OUT = (
    "the ranker was trained on impressions after the evaluated window, so it has seen "
    "the answers"
)


def evaluate(
    workdir: pathlib.Path, config: Config, split: str = "test", stage: str = ""
) -> report_files.Result:
    """Measures a run.

    Args:
      workdir: Directory of the run, with `data`, `candidates`, `index` and, where the
        log has impressions, `ranking`; and `to_test`, of models that go on learning,
        which are measured on the test.
      config: Config of the run.
      split: Evaluated split, `test` or `validation`.
      stage: `candidates` or `ranking`: only that stage; later outputs need not exist.

    Returns:
      The report and its inputs.

    Raises:
      errors.UserError: An artefact is missing or stale, an input leaks, or there are no
        users to test.
    """
    workdir, given = pathlib.Path(workdir), config
    is_test = split == "test" and not stage
    served = order_choice_artifact.composition(config, workdir)
    config = dataclasses.replace(config, composition=served)
    home = continued_models.home(config, workdir) if is_test else workdir
    loaded = run_systems.load(workdir, config, stage, home)
    has_vectors = loaded.trained is not None and not stage
    indexes = _load_indexes(home) if has_vectors else {}
    code = events.Split[split.upper()]
    result = measure_models(loaded, indexes, config, code, is_whole=not stage)
    has_ranker = loaded.ranking is not None
    is_chosen = config.ranking.enabled and config.data.protocol == "temporal"
    if has_ranker:
        is_chosen = config.ranking.enabled == "auto"
    chosen = order_choice_artifact.read(workdir) if is_chosen and not stage else None
    stages = (stage,) if stage else (candidate_model.KIND, ranking_model.KIND)
    rules = _with_choices(result.report.protocol, chosen, workdir, config)
    inputs = result.inputs | registries.versions_of_evaluation(config)
    if home != workdir:
        later = artifacts.read_manifest(
            home / continued_models.KIND, continued_models.KIND
        )
        inputs[f"{home.name}/{continued_models.KIND}"] = later.fingerprint
        rules = _learned_on(rules, later, config)
    report = dataclasses.replace(
        result.report,
        protocol=rules,
        name=workdir.resolve().name,
        training=training_curves(workdir, stages),
        config=formats.plain(configs.to_dict(given)),
    )
    if stage != ranking_model.KIND:
        whole = dataclasses.replace(result, report=report)
        lines = run_warnings.warn_of_baselines(workdir, loaded.data.log, whole, config)
        if loaded.baselines is not None:
            lines = (*lines, *tuned_baselines.left_out(workdir))
        if not has_ranker and not stage:
            lines = (*lines, *boosted_trees.left_out(config.evaluation))
        report = dataclasses.replace(report, warnings=lines)
    is_used = {
        prepared.KIND: True,
        candidate_model.KIND: True,
        index_artifact.KIND: has_vectors,
        ranking_model.KIND: has_ranker,
        order_choice_artifact.KIND: chosen is not None,
        tuned_baselines.KIND: loaded.baselines is not None,
    }
    for kind in (kind for kind, used in is_used.items() if used):
        inputs[kind] = artifacts.read_manifest(workdir / kind, kind).fingerprint
    return report_files.Result(report, result.users, inputs)


def _with_choices(
    rules: Protocol,
    chosen: order_choice_artifact.Choice | None,
    workdir: pathlib.Path,
    config: Config,
) -> Protocol:
    """Returns the rules with the words for the served order, and of the contest."""
    own, lines = config.candidates, ()
    if own.auto and own.contest and (workdir / _CONTEST).exists():
        lines = artifacts.read_manifest(workdir / _CONTEST, _CONTEST).facts["lines"]
    words = (chosen.words or None) if chosen is not None else None
    return dataclasses.replace(rules, served_order=words, contest=tuple(lines))


def _learned_on(rules: Protocol, later: artifacts.Manifest, config: Config) -> Protocol:
    """Returns the rules of a report on models that went on learning."""
    return dataclasses.replace(
        rules,
        learned_to=int(later.facts["learned_to"]),
        trains_on_validation=config.candidates.train_on_validation,
    )


def training_curves(
    workdir: pathlib.Path, stages: tuple[str, ...]
) -> dict[str, report_types.TrainingReport]:
    """Returns the TensorBoard logs of each stage that has some, epoch by epoch.

    A training that was killed and resumed logs an epoch again; the later value counts.
    An epoch without a value of a scalar has None.
    """
    reports = {}
    for stage in stages:
        by_epoch: dict[int, dict[str, float]] = {}
        paths = sorted((workdir / stage / artifacts.LOGS).glob("events.*"))
        files = tf.constant([str(path) for path in paths], tf.string)
        for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
            event = event_pb2.Event.FromString(record)
            for value in event.summary.value:
                scalar = float(tf.make_ndarray(value.tensor))
                by_epoch.setdefault(int(event.step), {})[value.tag] = scalar
        epochs = sorted(by_epoch)
        names = sorted({name for scalars in by_epoch.values() for name in scalars})
        of_epochs = {n: tuple(by_epoch[e].get(n) for e in epochs) for n in names}
        if by_epoch:
            reports[stage] = report_types.TrainingReport(
                epochs=tuple(epochs), scalars=of_epochs
            )
    return reports


def measure_models(
    loaded: run_systems.TrainedModels,
    indexes: Mapping[str, models.SearchIndex],
    config: Config,
    split: events.Split,
    is_whole: bool = True,
) -> report_files.Result:
    """Measures models that have the methods of those in `models`.

    Args:
      loaded: The models.
      indexes: `exact` and further indexes; empty if one stage is measured.
      config: Config of the run.
      split: `TEST` or `VALIDATION`.
      is_whole: Whether both stages are measured, by requests too.

    Raises:
      errors.UserError: A model reads its labels or was trained on them, or there are no
        users to test.
    """
    _require_other_labels(loaded.trained, split)
    run = run_systems.build(loaded, config, split)
    data, cases, trained, ranking = run.data, run.cases, run.trained, run.ranking
    num_changed = leaks.in_models(data, cases, trained, ranking, config.evaluation.seed)
    own = run.systems
    result = measure.measure(
        data,
        cases,
        own.makers,
        own.scorers,
        split,
        config.evaluation,
        own.orders,
        run.windows,
    )
    if is_whole:
        result = request_measure.added(
            result,
            data,
            own.makers,
            split,
            config.evaluation,
            run.windows,
            (lists.CANDIDATES, lists.SYSTEM),
            run.cases.num_listed,
        )
    report = _stated(result.report, config, trained, ranking, num_changed)
    if trained is not None:
        timed = _timed(data, cases, trained, ranking, indexes, config)
        report = dataclasses.replace(report, **timed)
    if trained is not None and run.video_vectors is not None:
        judge = None if leaks.ranker_learns_later(data, cases) else ranking
        measured = models.RunModels(
            data, trained, run.video_vectors, judge, loaded.sources, config
        )
        part = registries.HOOKS.get("off_policy")
        if part is not None:
            judged = part.make(measured, split)
            report = dataclasses.replace(report, off_policy=judged)
    return dataclasses.replace(result, report=report)


def _require_other_labels(
    trained: models.RetrievalModel | None, split: events.Split
) -> None:
    """Checks that a candidate model was not trained on the evaluated watches.

    Raises:
      errors.UserError: It was.
    """
    is_final = trained is not None and trained.trains_on_validation
    if split == events.Split.VALIDATION and is_final:
        raise errors.UserError(
            "expected a candidate model that did not train on validation watches for "
            "--split=validation, found one with config.candidates.train_on_validation: "
            "evaluate it on --split=test"
        )


def _stated(
    report: report_types.Report,
    config: Config,
    trained: models.RetrievalModel | None,
    ranking: models.RankingModel | None,
    num_changed: int,
) -> report_types.Report:
    """Returns the report with notes that apply only to runs."""
    is_composed = lists.SYSTEM in report.lists or None in (trained, ranking)
    rules = dataclasses.replace(
        report.protocol,
        num_candidates=config.composition.num_candidates,
        sees_request_time=trained is not None and trained.sees_request_time,
        trains_on_validation=trained is not None and trained.trains_on_validation,
        system_left_out=None if is_composed else _SYSTEM_LEFT_OUT,
    )
    return dataclasses.replace(
        report,
        protocol=rules,
        leaks=dataclasses.replace(report.leaks, users_with_changed_future=num_changed),
        config=formats.plain(configs.to_dict(config)),
    )


def _timed(
    data: prepared.PreparedData,
    cases: user_cases.Cases,
    trained: models.RetrievalModel,
    ranking: models.RankingModel | None,
    indexes: Mapping[str, models.SearchIndex],
    config: Config,
) -> dict[str, Any]:
    """Returns the index's recall, the latency of each stage, and a vector's width."""
    k = min(_RECALL_K, data.vocabulary_size)
    number = config.composition.num_candidates
    vectors, vector_time = timed_vectors(data, trained, cases)
    latency = {"user_vector_batched_ms": vector_time}
    latency |= index_search.latency(indexes, vectors, number)
    if ranking is not None:
        latency["ranker_batched_ms"] = ranker_ms(data, ranking, cases, number)
    return {
        "index": index_search.evaluate(indexes, vectors, k),
        "latency": latency,
        "vector_width": int(vectors.shape[1]),
    }


def _load_indexes(home: pathlib.Path) -> dict[str, models.SearchIndex]:
    directory = home / index_artifact.KIND
    source = artifacts.read_manifest(home / candidate_model.KIND, candidate_model.KIND)
    held = artifacts.read_manifest(directory, index_artifact.KIND).facts["indexes"]
    return {name: index_artifact.load(directory, name, source) for name in held}


def timed_vectors(
    data: prepared.PreparedData, trained: models.RetrievalModel, cases: user_cases.Cases
) -> tuple[models.Vectors, float]:
    """Returns the vectors of the first users, and the milliseconds of one."""
    number = min(_TIMED_VECTORS, len(cases))
    positions = cases.users[:number], cases.ends[:number], cases.times[:number]
    started = time.perf_counter()
    vectors = trained.user_vectors(data, *positions)
    return vectors, 1_000.0 * (time.perf_counter() - started) / max(1, number)


def ranker_ms(
    data: prepared.PreparedData,
    ranking: models.RankingModel,
    cases: user_cases.Cases,
    num_candidates: int,
) -> float:
    """Returns the ranker's milliseconds for one user, scored in a batch."""
    timed_cases = user_cases.take(cases, np.arange(min(_TIMED_USERS, len(cases))))
    makers = lists.popularity(data.catalogue)
    chosen = makers(timed_cases, num_candidates)
    started = time.perf_counter()
    lists.reordered(data, ranking, timed_cases, chosen)
    return 1_000.0 * (time.perf_counter() - started) / len(timed_cases)
