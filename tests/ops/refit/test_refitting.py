"""A refit: the same settings and epochs, to the end of the log, and then exported."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

import ytdnn
from tests import planted, refusals
from tests.run.pipeline import conftest
from tests.training import kills
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.bundle import bundle as bundle_room
from ytdnn.candidates import model
from ytdnn.log import events, prepared, slice_batches
from ytdnn.ops.refit import refitting
from ytdnn.run.pipeline import external_evaluations, graph, runner, workdir

refused = refusals.line
PLACES = [step.name for step in refitting.STEPS]


@dataclasses.dataclass(frozen=True)
class Refitted:
    """A run and its refit."""

    workdir: pathlib.Path
    lines: list[str]

    def facts(self, place: str) -> dict:
        return artifacts.peek(self.workdir / place / "manifest.json")

    def inputs(self, place: str) -> dict:
        return artifacts.peek(self.workdir / place / "manifest.json", "inputs")

    def data(self, place: str) -> prepared.PreparedData:
        return prepared.load(self.workdir / place)


@pytest.fixture(scope="module")
def refitted(made: conftest.Made, tmp_path_factory: pytest.TempPathFactory) -> Refitted:
    directory = tmp_path_factory.mktemp("refit") / "run"
    shutil.copytree(made.workdir, directory)
    # So many epochs that the best is not the last.
    ytdnn.train(directory, planted.tiny_config(ranking_epochs=20))
    ytdnn.evaluate(directory)
    lines: list[str] = []
    assert ytdnn.refit(directory, verbose=lines.append) == directory / "bundle"
    return Refitted(directory, lines)


def fingerprint(refitted: Refitted, place: str) -> str:
    kind = pathlib.PurePath(place).name
    return artifacts.read_manifest(refitted.workdir / place, kind).fingerprint


@pytest.mark.thorough
def test_the_candidates_learn_from_all_of_the_log(refitted: Refitted) -> None:
    own, later = refitted.data("data"), refitted.data("refit/data")
    assert len(slice_batches.training_set(later).watches) == len(own.watches)
    assert len(slice_batches.training_set(own).watches) < len(own.watches)
    found = model.load(refitted.workdir / "refit/candidates", later)
    assert len(found.video_vectors()) == later.vocabulary_size > own.vocabulary_size


@pytest.mark.thorough
def test_the_rankers_scores_are_of_candidates_that_have_not_seen_its_window(
    refitted: Refitted,
) -> None:
    asked = refitted.inputs("refit/earlier/ranking")["candidates"]
    assert asked == fingerprint(refitted, "refit/earlier/candidates")
    read = refitted.inputs("refit/earlier/candidates")["data"]
    assert read == fingerprint(refitted, "refit/earlier/data")
    data = refitted.data("refit/earlier/data")
    learned = np.asarray(data.impressions.splits) == events.Split.TRAIN
    begins = np.asarray(data.impressions.times)[learned].min()
    assert np.asarray(slice_batches.training_set(data).watches.times).max() < begins


@pytest.mark.thorough
def test_no_model_has_more_epochs_than_the_measured_ones_best(
    refitted: Refitted,
) -> None:
    for place in ("refit/earlier/candidates", "refit/candidates"):
        assert (
            refitted.facts(place)["epochs"]
            == (refitted.facts("candidates")["best_epoch"])
        )
    best = refitted.facts("ranking")["best_epoch"]
    assert best < refitted.facts("ranking")["epochs"]
    assert refitted.facts("refit/earlier/ranking")["epochs"] == best
    assert refitted.facts("refit/ranking")["validation"] == {}


@pytest.mark.thorough
def test_the_bundle_says_what_it_is_and_what_was_measured(refitted: Refitted) -> None:
    end = refitted.data("data").windows.end_of_log + 1
    stated = refitted.facts("bundle")["refit"]
    assert stated["trained_to"]["seconds"] == end
    assert stated["epochs"] == {
        name: refitted.facts(f"refit/{name}")["epochs"]
        for name in ("candidates", "ranking")
    }
    assert refitted.facts("bundle")["statistics_as_of"]["seconds"] == end
    read = refitted.inputs("bundle")
    assert read["data"] == fingerprint(refitted, "data")
    for place in ("refit/candidates", "refit/index", "refit/ranking"):
        assert read[place] == fingerprint(refitted, place)
    path = refitted.workdir / "bundle" / "versions" / "2" / bundle_room.EVALUATION
    carried = json.loads(path.read_text())
    assert carried["note"] == stated["evaluation"]
    assert carried["note"].startswith("measured on the run whose training ended at ")
    assert carried["note"].endswith(f"trained to {stated['trained_to']['utc']}")
    values = carried["lists"]["candidates"]["values"]
    report = json.loads((refitted.workdir / "evaluation/report.json").read_text())
    assert values == report["lists"]["candidates"]["values"]
    assert set(carried) == {"note", "protocol", "lists", "impressions"}


@pytest.mark.thorough
def test_the_bundle_answers_with_what_was_watched_last(refitted: Refitted) -> None:
    recommender = ytdnn.Recommender.load(refitted.workdir / "bundle")
    assert recommender.recommend(["u0", "u1"], k=5).height == 10
    own, later = refitted.data("data"), refitted.data("refit/data")
    new = set(later.videos["video_id"][: later.vocabulary_size]) - set(
        own.videos["video_id"][: own.vocabulary_size]
    )
    assert new
    request = {"watched_video_ids": ["video 1"], "allow_ids": sorted(new)}
    assert set(recommender.recommend(request, k=len(new))["video_id"].to_list()) == new
    before = ytdnn.Recommender.load(refitted.workdir / "bundle", version=1)
    assert before.recommend(request, k=len(new)).height == 0


@pytest.mark.thorough
def test_a_changed_setting_makes_stale_what_depends_on_it(refitted: Refitted) -> None:
    made = workdir.require_config(refitted.workdir)

    def stale(config: configs.Config) -> list[str]:
        return [
            step.name
            for step in (*refitting.STEPS, graph.bundle(config))
            if runner.staleness(step, config, refitted.workdir)
        ]

    assert stale(made) == []
    ranking = dataclasses.replace(made.ranking, dropout=0.5)
    assert stale(dataclasses.replace(made, ranking=ranking)) == [
        "refit/earlier/ranking",
        "refit/ranking",
    ]
    assert stale(dataclasses.replace(made, refit=False)) == ["bundle"]
    error = refused(ytdnn.refit, refitted.workdir, dataclasses.replace(made, seed=7))
    assert "config.seed was 0, is 7" in error
    assert "run `ytdnn train --workdir=" in error


@pytest.mark.thorough
def test_models_that_have_seen_the_answers_are_not_measured(
    refitted: Refitted, tmp_path: pathlib.Path
) -> None:
    part = refitted.workdir / "refit"
    error = refused(ytdnn.evaluate, part)
    assert error == (
        f"expected a run in {part}, found a part of one (models of a refit were "
        f"trained on every answer, and cannot be evaluated): give "
        f"--workdir={refitted.workdir}"
    )
    from ytdnn.evaluation import evaluate_run

    made = workdir.require_config(refitted.workdir)
    assert "were trained on every answer" in refused(evaluate_run.evaluate, part, made)
    bundle, data = refitted.workdir / "bundle", refitted.workdir / "data"
    asked = ("bundle", bundle, data, made.evaluation, "test", tmp_path / "out")
    error = refused(external_evaluations.evaluate, *asked)
    assert error.startswith(
        "expected the test window to begin after the training data of bundle"
    )
    assert "knows what was watched up to" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.thorough
def test_a_killed_refit_goes_on(
    refitted: Refitted, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "run"
    shutil.copytree(refitted.workdir, directory)
    shutil.rmtree(directory / "refit/candidates")
    with monkeypatch.context() as patched:
        kills.kill_once_after(patched, 7)  # in the second epoch
        with pytest.raises(kills.KilledError):
            ytdnn.refit(directory)
    assert not (directory / "refit/candidates").exists()
    assert (directory / "refit/.candidates.training").is_dir()
    lines: list[str] = []
    ytdnn.refit(directory, verbose=lines.append)
    made = [line.split()[1] for line in lines if "done in" in line]
    assert made == ["refit/candidates:"]  # what is made of the same weights is kept
    assert artifacts.read_manifest(
        directory / "refit/candidates", "candidates"
    ).fingerprint == fingerprint(refitted, "refit/candidates")


@pytest.mark.thorough
def test_without_a_ranker_the_candidates_alone_are_refitted(
    made: conftest.Made, refitted: Refitted, tmp_path: pathlib.Path
) -> None:
    directory = tmp_path / "run"
    shutil.copytree(made.workdir, directory, ignore=shutil.ignore_patterns("eval*"))
    shutil.copytree(refitted.workdir / "evaluation", directory / "evaluation")
    ranking = dataclasses.replace(made.config.ranking, enabled=False)
    config = dataclasses.replace(workdir.require_config(directory), ranking=ranking)
    lines: list[str] = []
    ytdnn.refit(directory, config, verbose=lines.append)
    out = [line.split()[1] for line in lines if "left out: config.ranking" in line]
    assert out == [f"{place}:" for place in [*PLACES[:3], "refit/ranking"]]
    bundle = ytdnn.Recommender.load(directory / "bundle").bundle
    assert not bundle.has_ranker
    path = directory / "bundle" / "versions" / str(bundle.version)
    measured_with_a_ranker = json.loads((path / bundle_room.EVALUATION).read_text())
    assert measured_with_a_ranker is None
