"""A run that is not above popularity says so, and why; another says nothing."""

import dataclasses
import pathlib
import random
from collections.abc import Sequence

import numpy as np
import pytest

from tests.evaluation import example, fakes
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.evaluation import report_files, report_summary, report_types, run_warnings
from ytdnn.log import events, prepared
from ytdnn.retrieval.index import brute_force
from ytdnn.run.pipeline import graph, runner

EVALUATION = configs.EvaluationConfig(ks=(5,), num_resamples=100, baselines=())
CONFIG = configs.Config(evaluation=EVALUATION)
NUM_VIDEOS = 30


def noise(num_users: int = 40) -> list[fakes.Watch]:
    """Returns watches of which each is drawn alike, whatever was watched before."""
    rng = random.Random(0)
    return [
        (f"u{user}", f"v{video}", 1_600_000_000 + 60 * place)
        for user in range(num_users)
        for place, video in enumerate(rng.sample(range(NUM_VIDEOS), 8))
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("noise")
    return fakes.prepared_data(directory, noise(), protocol="leave_one_out")


def constant(data: prepared.PreparedData) -> fakes.ScoresByUser:
    scores = np.zeros(data.num_videos)
    return fakes.ScoresByUser(data.num_videos, lambda user, end: scores)


def measured(
    data: prepared.PreparedData,
    trained: fakes.ScoresByUser,
    config: configs.Config = CONFIG,
) -> report_files.Result:
    exact = brute_force.BruteForce.build(trained.video_vectors(), config.index)
    return fakes.evaluate_models(
        data, trained, None, {"exact": exact}, config, events.Split.TEST
    )


def said(
    workdir: pathlib.Path,
    data: prepared.PreparedData,
    result: report_files.Result,
    curve: Sequence[float] = (0.1, 0.2, 0.2, 0.2, 0.2),
    limit: int = 5,
) -> str:
    """Returns the warnings of a run whose candidates were trained along a curve."""
    facts = {"epochs": len(curve), "best_epoch": int(np.argmax(curve)) + 1}
    with artifacts.publish(workdir / "candidates", "candidates", {}, {}, facts):
        pass
    training = report_types.TrainingReport(
        epochs=tuple(range(1, len(curve) + 1)), scalars={"ndcg@10": tuple(curve)}
    )
    report = dataclasses.replace(result.report, training={"candidates": training})
    whole = dataclasses.replace(result, report=report)
    own = configs.CandidatesConfig(training=configs.TrainingConfig(epochs=limit))
    config = dataclasses.replace(CONFIG, candidates=own)
    return "\n".join(run_warnings.warn_of_baselines(workdir, data.log, whole, config))


def test_a_model_above_popularity_is_not_doubted(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    assert said(tmp_path, data, measured(data, fakes.next_watch(data))) == ""


def test_a_model_without_a_signal_is_and_the_numbers_are_said(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    result = measured(data, constant(data))
    found = said(tmp_path, data, result)
    values = [result.report.lists[m].values for m in ("candidates", "popularity")]
    own, popular = (v["ndcg@5"] for v in values)
    assert f"above popularity: nDCG@5 {own:.4f} against {popular:.4f}" in found
    assert "Few users: 40 were asked" in found
    # 40 users of 8 watches, two of each held out.
    assert f"Few watches: {40 * 6 / 30:.1f} training watches for each of 30" in found
    assert "epochs" not in found
    assert "The split" not in found


def test_a_training_that_was_stopped_too_early_is_said(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    result = measured(data, constant(data))
    rising = (0.1, 0.2, 0.3, 0.4)
    found = said(tmp_path, data, result, rising, limit=4)
    assert "Too few epochs: validation nDCG@10 still rose at the end, to 0.4" in found
    assert "--config.candidates.training.epochs=8" in found
    # Stopped by patience, or level at the end.
    assert "Too few" not in said(tmp_path, data, result, (*rising, 0.3), limit=9)
    assert "Too few" not in said(tmp_path, data, result, (0.1, 0.4, 0.4), limit=3)
    falling = said(tmp_path, data, result, (0.4, 0.3, 0.2))
    assert "best after the first of 3 epochs" in falling


def test_a_window_of_videos_that_nobody_trained_on_is_said(
    tmp_path: pathlib.Path,
) -> None:
    new = [(f"u{i % 40}", f"new {i}", 1_700_000_000 + i) for i in range(80)]
    data = fakes.prepared_data(tmp_path, noise() + new, test_fraction=0.1)
    found = said(tmp_path, data, measured(data, constant(data)))
    assert "right answers (100%) are videos without a training watch" in found
    assert "--config.data.test_fraction" in found


def test_a_ranker_behind_an_order_that_it_must_beat_is_said(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    result = measured(data, fakes.next_watch(data))

    def of_lists(popularity: float) -> str:
        found = example.shown_lists()
        own = found["systems"]["ranker"]["list_ndcg"][0]
        found["systems"]["popularity"]["list_ndcg"] = [popularity, 0.6, 0.9]
        found["ahead"]["popularity"]["list_ndcg"] = [own - popularity, -0.03, 0.01]
        shown = example.typed(example.bare() | {"shown_lists": found}).shown_lists
        report = dataclasses.replace(result.report, shown_lists=shown)
        return said(tmp_path, data, dataclasses.replace(result, report=report))

    assert of_lists(0.852).startswith(
        "The ranker is not above popularity (0.852; difference -0.010, -0.030 to "
        "+0.010) on this window: nDCG by watch seconds of all videos shown to each "
        "user is 0.842 in its order. Give it more impressions"
    )
    assert of_lists(0.832) == ""


def test_estimates_that_rest_on_little_are_said(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    result = measured(data, fakes.next_watch(data))

    def of_log(effective: float, weight: float) -> str:
        found = example.report()["off_policy"]
        found["systems"]["system"] |= {
            "effective_places": effective,
            "mean_weight": [weight, weight - 0.1, weight + 0.1],
        }
        whole = example.typed(example.report() | {"off_policy": found})
        report = dataclasses.replace(result.report, off_policy=whole.off_policy)
        return said(tmp_path, data, dataclasses.replace(result, report=report))

    assert of_log(2_000.0, 0.95) == ""
    few = of_log(42.0, 1.0)
    assert "worth of 42 of 16,000 logged places" in few
    assert "--config.composition.temperature" in few


def test_a_whole_run_on_noise_says_so_on_its_page(tmp_path: pathlib.Path) -> None:
    fakes.prepared_data(tmp_path / "made", noise(), protocol="leave_one_out")
    source = configs.DataConfig(
        source="log", dir=str(tmp_path / "made" / "log"), protocol="leave_one_out"
    )
    training = configs.TrainingConfig(epochs=2, batch_size=64)
    own = configs.CandidatesConfig(embedding_dim=4, tower=(8,), training=training)
    config = dataclasses.replace(CONFIG, data=source, candidates=own)
    steps = [graph.DATA, graph.CANDIDATES, graph.evaluation("test", "candidates")]
    runner.run(steps, config, tmp_path / "run", lambda line: None)
    report = report_files.read(tmp_path / "run").report
    assert "above popularity" in report.warnings[0]
    assert set(report.warnings) <= set(report_summary.notes(report))
    page = (tmp_path / "run" / "evaluation" / report_files.PAGE).read_text()
    assert "above popularity: nDCG@5" in page


def test_a_baseline_that_reads_histories_and_is_above_blames_the_settings(
    tmp_path: pathlib.Path,
) -> None:
    watches = [
        (f"u{user}", f"v{(7 * user + place) % NUM_VIDEOS}", 1_600_000_000 + 60 * place)
        for user in range(40)
        for place in range(8)
    ]
    data = fakes.prepared_data(tmp_path / "set", watches, protocol="leave_one_out")
    config = configs.changed(CONFIG, {"evaluation.baselines": ("markov",)})
    found = said(tmp_path, data, measured(data, constant(data), config))
    assert "not above markov" in found
    assert "The network: markov reads the same histories" in found
