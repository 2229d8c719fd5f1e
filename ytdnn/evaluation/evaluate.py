"""Evaluates a run: loads its artefacts, measures, writes `evaluation.json`."""

import pathlib
import time
from collections.abc import Mapping
from typing import Any, Literal

from ytdnn import artifacts, configs
from ytdnn.candidates import model as candidate_model
from ytdnn.data import prepared
from ytdnn.evaluation import (
    candidates,
    models,
    protocol,
    ranker,
    search,
    summary,
    system,
)
from ytdnn.index import artifact as index_artifact
from ytdnn.ranking import model as ranking_model

FILES = {
    "test": "evaluation.json",
    "validation": "evaluation_validation.json",
}
_RECALL_K = 100


def evaluate(
    workdir: pathlib.Path,
    config: configs.Config,
    split: Literal["test", "validation"] = "test",
) -> dict[str, Any]:
    """Measures a run and writes the report into its directory.

    Args:
      workdir: With `data`, `candidates`, `index` and, where the log has impressions,
        `ranking`.
      config: The run's.
      split: What is evaluated; `validation` is written to a file of its own.

    Returns:
      The report, as JSON has it: `candidates`, `ranking`, `system` and `protocol`,
      with intervals and baselines in sibling keys; `ranking` and `system` only where
      there is a ranker.

    Raises:
      errors.UserError: An artefact is missing or stale, or there is nobody to ask.
    """
    workdir = pathlib.Path(workdir)
    data = prepared.load(workdir / prepared.KIND)
    trained = candidate_model.load(workdir / candidate_model.KIND, data)
    ranking = None
    if data.has_impressions:
        ranking = ranking_model.load(workdir / ranking_model.KIND, data)
    report = measure(
        data,
        trained,
        ranking,
        _load_indexes(workdir),
        config,
        prepared.Split[split.upper()],
    )
    manifest = artifacts.read_manifest(
        workdir / candidate_model.KIND, candidate_model.KIND
    )
    if manifest.facts.get("sees_request_time"):
        report["protocol"]["request_time"] = protocol.SEES_REQUEST_TIME
    artifacts.write_json(workdir / FILES[split], report)
    return report


def measure(
    data: prepared.PreparedData,
    trained: models.Candidates,
    ranking: models.Ranker | None,
    indexes: Mapping[str, models.Index],
    config: configs.Config,
    split: prepared.Split,
) -> dict[str, Any]:
    """Returns the report on models that fit the interfaces of `models`.

    Args:
      data: The prepared set.
      trained: The candidate model.
      ranking: The ranker, None without impressions.
      indexes: `exact` and, where it was built, `scann`.
      config: The run's.
      split: `TEST` or `VALIDATION`.
    """
    cases = protocol.cases(data, split)
    vectors = trained.user_vectors(data, cases.users, cases.ends)
    report = _candidates(data, trained, cases, vectors, config.evaluation)
    k = min(_RECALL_K, data.num_videos)
    report["index"] = search.evaluate(indexes, vectors, k)
    report["latency"] = search.latency(indexes, vectors, config.index.num_candidates)
    report["protocol"] = protocol.describe(data, cases, split, config.evaluation)
    if ranking is not None:
        report |= _ranking(data, ranking, split, report["protocol"])
        exact = indexes[search.EXACT]
        lists, milliseconds = _lists(data, ranking, exact, cases, vectors, config)
        values = system.evaluate(lists, cases, config.evaluation)
        report["system"] = summary.means(values)
        report["system_intervals"] = summary.intervals(values)
        report["latency"]["ranker_batched_ms"] = milliseconds
        report["protocol"]["num_candidates"] = config.index.num_candidates
    plain: dict[str, Any] = summary.plain(report)
    return plain


def _load_indexes(workdir: pathlib.Path) -> dict[str, models.Index]:
    directory = workdir / index_artifact.KIND
    source = artifacts.read_manifest(
        workdir / candidate_model.KIND, candidate_model.KIND
    )
    held = artifacts.read_manifest(directory, index_artifact.KIND).facts["indexes"]
    return {name: index_artifact.load(directory, name, source) for name in held}


def _candidates(
    data: prepared.PreparedData,
    trained: models.Candidates,
    cases: protocol.Cases,
    user_vectors: models.Vectors,
    config: configs.Evaluation,
) -> dict[str, Any]:
    values = candidates.evaluate_vectors(
        cases, user_vectors, trained.video_vectors(), config
    )
    baseline = candidates.popularity(data, cases, config)
    return {
        "candidates": summary.means(values),
        "candidates_intervals": summary.intervals(values),
        "popularity": summary.means(baseline),
        "popularity_intervals": summary.intervals(baseline),
    }


def _ranking(
    data: prepared.PreparedData,
    ranking: models.Ranker,
    split: prepared.Split,
    described: dict[str, Any],
) -> dict[str, Any]:
    impressions = ranker.Impressions(data, split)
    values, intervals = ranker.evaluate(data, ranking, impressions)
    baseline = ranker.popularity_logits(data, impressions)
    described["impressions"] = len(impressions.rows)
    described["impression_users"] = impressions.num_users
    described["watch_time_weights"] = data.has_watch_seconds
    return {
        "ranking": values,
        "ranking_intervals": intervals,
        "ranking_popularity": ranker.measure(impressions, baseline),
        "ranking_popularity_intervals": ranker.intervals(impressions, baseline),
    }


def _lists(
    data: prepared.PreparedData,
    ranking: models.Ranker,
    index: models.Index,
    cases: protocol.Cases,
    user_vectors: models.Vectors,
    config: configs.Config,
) -> tuple[system.Lists, float]:
    """Returns the composed lists, and the ranker's milliseconds for one user."""
    removed = protocol.removed(cases, config.evaluation)
    lists = system.candidates_of(
        index, user_vectors, removed, config.index.num_candidates
    )
    started = time.perf_counter()
    lists = system.reordered(data, ranking, cases, lists)
    seconds = time.perf_counter() - started
    return lists, 1_000.0 * seconds / len(cases)
