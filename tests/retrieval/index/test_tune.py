import dataclasses

import numpy as np
import pytest

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.retrieval.index import brute_force, ivf, scann_index, tune, tuning_spaces

TARGET = 0.99
VECTORS, QUERIES = contract.clustered(3_000, dim=15, num_queries=80)


def _recall(index: object, k: int) -> float:
    wanted, _ = contract.exact(VECTORS, QUERIES, k)
    return contract.recall(index.search(QUERIES, k)[0], wanted)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "_TIMED_QUERIES", 4)


@pytest.fixture(scope="module")
def tuned() -> tune.Tuned:
    """With a default that does not reach the recall, whatever its time is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tune._Search,
            "_default",
            lambda self: dataclasses.replace(self._best, recall=0.0),
        )
        return tune.tune(VECTORS, QUERIES, "ivf", TARGET, 30, lambda line: None)


def test_the_chosen_setting_reaches_the_recall_when_built(tuned: tune.Tuned) -> None:
    assert tuned.chosen.recall >= TARGET
    built = ivf.Ivf.build(VECTORS, tuned.chosen.config)
    assert _recall(built, 30) == pytest.approx(tuned.chosen.recall, abs=1e-6)


def test_no_trial_was_faster_in_its_turn(tuned: tune.Tuned) -> None:
    assert all(trial.recall >= TARGET for trial in tuned.trials)
    assert tuned.chosen.config in [trial.config for trial in tuned.trials]
    assert len({trial.config.num_lists for trial in tuned.trials}) > 1


@pytest.mark.thorough
def test_the_default_stays_where_nothing_is_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        tune._Search, "_milliseconds", lambda self, several: [1.0] * len(several)
    )
    found = tune.tune(VECTORS[:300], QUERIES[:10], "ivf", 0.5, 5, lambda line: None)
    assert found.chosen.config == found.default.config == configs.IvfConfig()


def test_the_curve_rises_with_the_effort(tuned: tune.Tuned) -> None:
    recalls = [trial.recall for trial in tuned.curve]
    assert len(recalls) > 5
    assert all(np.diff(recalls) >= -1e-9)
    assert recalls[-1] == 1.0


@pytest.mark.thorough
def test_progress_is_told_and_predicted_first() -> None:
    lines: list[str] = []
    tune.tune(VECTORS[:300], QUERIES[:10], "ivf", 0.5, 5, lines.append)
    assert lines[0].startswith("predicted: a build takes ")
    assert lines[1].startswith("[1] num_lists ")
    assert "at recall" in lines[1]


def test_memory_is_predicted() -> None:
    for kind, cls in (("ivf", ivf.Ivf), ("scann", scann_index.Scann)):
        if kind == "scann":
            pytest.importorskip("scann")
        config = tuning_spaces.BY_KIND[kind].start(len(VECTORS))
        built = cls.build(VECTORS, config)
        found = tune.predict(VECTORS, kind, config)
        assert found.megabytes == pytest.approx(built.num_bytes / 1e6, rel=0.1)
        assert found.build_seconds > 0.0


def test_scann_is_tuned_without_another_build_for_reordering() -> None:
    pytest.importorskip("scann")
    built: list[configs.ScannConfig] = []

    class Space(tuning_spaces.ScannSpace):
        def axes(self, num_videos: int) -> dict[str, tuple[int, ...]]:
            start = self.start(num_videos).num_leaves
            return {"num_leaves": (start, 2 * start), "dimensions_per_block": (2,)}

        def build(self, vectors, config):  # type: ignore[no-untyped-def]
            built.append(config)
            return super().build(vectors, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tuning_spaces.BY_KIND, "scann", Space())
        found = tune.tune(VECTORS, QUERIES, "scann", 0.9, 30, lambda line: None)
    # One for the prediction, two numbers of leaves, and the one without tuning.
    assert len(built) == 4
    assert len({trial.config.reorder_factor for trial in found.trials}) > 1
    index = scann_index.Scann.build(VECTORS, found.chosen.config)
    assert _recall(index, 30) >= 0.85  # ScaNN's builds differ


def test_unknown_kind_is_a_line() -> None:
    with pytest.raises(errors.UserError, match="expected --kind to be one of scann, i"):
        tune.tune(VECTORS, QUERIES, "exact", 0.9, 5, lambda line: None)


def test_exact_is_the_truth_of_the_recall() -> None:
    assert (
        _recall(brute_force.BruteForce.build(VECTORS, configs.ExactConfig()), 30) == 1.0
    )
