import json
import pathlib
import shutil

import numpy as np
import pytest

from tests import changed_log, planted
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import (
    evaluate_run,
    impression_metrics,
    measure,
    report_types,
    user_cases,
)
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import building, predictions
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.retrieval.index import artifact as index_artifact
from ytdnn.retrieval.index import brute_force

PreparedData = prepared.PreparedData

Split = events.Split
CONFIG = configs.Config(
    composition=configs.CompositionConfig(num_candidates=12),
    evaluation=configs.EvaluationConfig(ks=(1, 5), num_resamples=50, baselines=()),
)
METRICS = {
    f"{name}@{k}"
    for name in (
        "recall",
        "precision",
        "hit_rate",
        "map",
        "ndcg",
        "mrr",
        "mean_popularity",
        "coverage",
        "debiased_hit_rate",
    )
    for k in (1, 5)
} | {"novelty@1", "gini@1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    directory = tmp_path_factory.mktemp("evaluate")
    log = planted.write_log(directory / "log")
    config = configs.DataConfig(source="log", dir=str(log), protocol="leave_one_out")
    return prepare.prepare(config, directory / "data")


def _measure(
    data: PreparedData, trained: fakes.ScoresByUser, ranker: fakes.PlantedRanker | None
) -> dict:
    exact = brute_force.BruteForce.build(trained.video_vectors(), CONFIG.index)
    indexes = {"exact": exact}
    result = fakes.evaluate_models(data, trained, ranker, indexes, CONFIG, Split.TEST)
    return report_types.to_dict(result.report)


def test_a_model_that_knows_the_answers_is_perfect(data: PreparedData) -> None:
    ranker = fakes.PlantedRanker(lambda videos: np.zeros(videos.shape))
    found = _measure(data, fakes.next_watch(data), ranker)
    assert set(found["lists"]["candidates"]["values"]) == METRICS
    for name in ("recall@1", "precision@1", "hit_rate@5", "map@5", "ndcg@5", "mrr@1"):
        assert found["lists"]["candidates"]["values"][name] == 1.0, name
        assert found["lists"]["candidates"]["intervals"][name] == [1.0, 1.0]
    assert found["lists"]["candidates"]["values"]["precision@5"] == pytest.approx(1 / 5)
    # A ranker without an opinion keeps the order of the candidates.
    assert found["lists"]["system"] == found["lists"]["candidates"]
    assert found["lists"]["popularity"]["values"]["hit_rate@1"] < 0.5


def test_the_ranker_decides_the_order_of_the_system(data: PreparedData) -> None:
    # It puts the video of the highest index first, whoever asks.
    ranker = fakes.PlantedRanker(lambda videos: videos.astype(float))
    found = _measure(data, fakes.next_watch(data), ranker)
    assert (
        found["lists"]["system"]["values"]["hit_rate@1"]
        < found["lists"]["candidates"]["values"]["hit_rate@1"]
    )
    assert (
        set(found["lists"]["system"]["values"])
        == set(found["lists"]["system"]["intervals"])
        == METRICS
    )


def test_a_log_with_propensities_tells_of_other_pages(data: PreparedData) -> None:
    shown = data.impressions
    pages = np.asarray(shown.pages)
    _, first, of_row = np.unique(pages, return_index=True, return_inverse=True)
    places = np.arange(len(pages)) - first[of_row]
    known = shown.replace(
        positions=places.astype(np.int32),
        propensities=np.full(len(pages), 0.25, np.float32),
    )
    ranker = fakes.PlantedRanker(lambda videos: videos.astype(float))
    scores = np.arange(float(data.num_videos))
    trained = fakes.ScoresByUser(data.num_videos, lambda user, end: scores)
    other = changed_log.with_tables(data, impressions=known)
    found = _measure(other, trained, ranker)["off_policy"]
    assert list(found["systems"]) == ["popularity", "candidates", "system"]
    in_test = np.asarray(shown.splits) == Split.TEST
    assert found["places"] == in_test.sum()
    assert found["pages_left_out"] == 0
    of_seconds = found["systems"]["system"]["per_place"]["watch_seconds"]
    assert set(of_seconds) == {"ips", "snips", "dr"}
    brought = np.asarray(shown.seconds)[in_test].mean()
    assert found["logged_per_place"]["watch_seconds"][0] == pytest.approx(brought)
    assert _measure(data, trained, ranker)["off_policy"] is None
    without = _measure(other, trained, None)["off_policy"]["systems"]
    assert list(without) == ["popularity", "candidates"]
    assert set(without["candidates"]["per_place"]["clicks"]) == {"ips", "snips"}


def test_one_more_system_is_one_more_entry(data: PreparedData) -> None:
    # It knows the answers, and so may: it is no model that is checked for leaks.
    def know(cases: user_cases.Cases, k: int) -> np.ndarray:
        return np.asarray(data.watches.videos)[cases.ends, np.newaxis].repeat(k, axis=1)

    trained = fakes.ScoresByUser(
        data.num_videos, lambda user, end: np.zeros(data.num_videos)
    )
    exact = brute_force.BruteForce.build(trained.video_vectors(), CONFIG.index)
    others = measure.Systems(
        {"oracle": know},
        {"oracle": lambda shown: predictions.Predictions(shown.clicked.astype(float))},
    )
    ranker = fakes.PlantedRanker(lambda videos: np.zeros(videos.shape))
    result = fakes.evaluate_models(
        data, trained, ranker, {"exact": exact}, CONFIG, Split.TEST, others
    )
    report = report_types.to_dict(result.report)
    assert list(report["lists"]) == ["popularity", "candidates", "system", "oracle"]
    assert report["lists"]["oracle"]["values"]["hit_rate@1"] == 1.0
    assert report["impressions"]["oracle"]["values"]["auc"] == 1.0
    assert "oracle" in report["slices"]["activity"][0]["lists"]


def test_a_model_that_reads_the_answer_fails_the_run(data: PreparedData) -> None:
    class Leaks(fakes.ScoresByUser):
        def user_vectors(
            self, data: PreparedData, users: np.ndarray, ends: np.ndarray, _
        ) -> np.ndarray:
            return np.eye(data.num_videos, dtype=np.float32)[
                data.watches.videos[ends] - 1
            ]

    leaking = Leaks(data.num_videos, lambda user, end: np.zeros(1))
    with pytest.raises(errors.UserError, match="leak: expected vectors"):
        _measure(data, leaking, None)


def test_the_report_is_json_with_numbers_and_sibling_intervals(
    data: PreparedData,
) -> None:
    ranker = fakes.PlantedRanker(lambda videos: np.zeros(videos.shape))
    found = _measure(data, fakes.next_watch(data), ranker)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["format_version"] == 5
    for part in (*found["lists"].values(), *found["impressions"].values()):
        assert all(isinstance(value, float) for value in part["values"].values())
        assert set(part["intervals"]) == set(part["values"])
    values = found["impressions"]["ranker"]["values"]
    assert set(values) == set(impression_metrics.METRICS)
    # A constant score: both undecided.
    assert values["auc"] == values["grouped_auc"] == 0.5
    assert values["weighted_per_user_loss"] == values["xauc"] == 0.5


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run whose models have fresh weights: enough to load and measure."""
    workdir = tmp_path_factory.mktemp("run")
    data = planted.prepared_data(workdir)
    config = planted.tiny_config()
    inputs = {"data": data.manifest.fingerprint}
    trained = candidate_model.build(config.candidates, data)
    values = configs.to_dict(config)
    with artifacts.publish(
        workdir / "candidates", "candidates", values, inputs
    ) as partial:
        candidate_model.save(trained, partial)
    _publish_index(workdir, config)
    first_stage = trained_stage.load(workdir / "candidates", data)
    assert first_stage.manifest is not None
    inputs |= {"candidates": first_stage.manifest.fingerprint}
    ranker = building.build(config.ranking, data, first_stage)
    assert "candidate_score" in ranker.facts()["features"]
    ranker.predictions(data, np.arange(4))
    with artifacts.publish(workdir / "ranking", "ranking", values, inputs) as partial:
        ranking_model.save(ranker, partial)
    return workdir


def _publish_index(workdir: pathlib.Path, config: configs.Config) -> None:
    data = prepared.load(workdir / "data")
    trained = candidate_model.load(workdir / "candidates", data)
    source = artifacts.read_manifest(workdir / "candidates", "candidates")
    inputs = {"candidates": source.fingerprint}
    vectors = trained.video_vectors()
    index_artifact.build(workdir / "index", vectors, config.index, inputs)


def test_a_run_is_measured(workdir: pathlib.Path) -> None:
    config = planted.tiny_config()
    result = evaluate_run.evaluate(workdir, config)
    found = report_types.to_dict(result.report)
    assert result.inputs == {
        name: artifacts.read_manifest(workdir / name, name).fingerprint
        for name in ("data", "candidates", "index", "ranking")
    }
    assert set(found["lists"]) == {"popularity", "candidates", "system"}
    assert set(found["lists"]["system"]["values"]) == set(
        found["lists"]["candidates"]["values"]
    )
    again = report_types.to_dict(evaluate_run.evaluate(workdir, config).report)
    for part in ("lists", "impressions", "protocol"):
        assert again[part] == found[part], part


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("stage", "others", "left_out", "needed"),
    [
        ("candidates", "ranking", "impressions", {"data", "candidates"}),
        ("ranking", "candidates", "latency", {"data", "candidates", "ranking"}),
    ],
)
def test_a_stage_is_measured_without_the_others(
    workdir: pathlib.Path,
    tmp_path: pathlib.Path,
    stage: str,
    others: str,
    left_out: str,
    needed: set[str],
) -> None:
    config = planted.tiny_config()
    whole = report_types.to_dict(evaluate_run.evaluate(workdir, config).report)
    for name in needed:
        shutil.copytree(workdir / name, tmp_path / name)
    result = evaluate_run.evaluate(tmp_path, config, stage=stage)
    found = report_types.to_dict(result.report)
    assert set(result.inputs) == needed
    kind = "lists" if stage == "candidates" else "impressions"
    assert found[kind] == {
        name: whole[kind][name] for name in whole[kind] if name != "system"
    }
    assert found[left_out] == {}
    assert others not in found["lists"]


def test_a_ranker_alone_needs_impressions(tmp_path: pathlib.Path) -> None:
    watches = [(f"u{u}", f"v{(u + t) % 3}", t) for u in range(3) for t in range(4)]
    fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    with pytest.raises(errors.UserError, match="expected a ranker to evaluate"):
        evaluate_run.evaluate(tmp_path, planted.tiny_config(), stage="ranking")


def test_the_ranker_orders_no_lists_of_validation(workdir: pathlib.Path) -> None:
    result = evaluate_run.evaluate(workdir, planted.tiny_config(), split="validation")
    found = report_types.to_dict(result.report)
    assert found["protocol"]["split"] == "validation"
    # The ranker is trained on what comes after: it may not order these lists.
    assert set(found["lists"]) == {"popularity", "candidates"}
    assert "after the evaluated window" in found["protocol"]["system_left_out"]


def test_an_index_of_other_candidates_is_refused(workdir: pathlib.Path) -> None:
    manifest = workdir / "index" / artifacts.MANIFEST
    kept = manifest.read_text()
    values = json.loads(kept)
    values["inputs"]["candidates"] = "0" * 16
    values["checksum"] = ""  # as of a manifest of before
    manifest.write_text(json.dumps(values))
    try:
        with pytest.raises(errors.UserError, match="was made from candidates 0000"):
            evaluate_run.evaluate(workdir, planted.tiny_config())
    finally:
        manifest.write_text(kept)
