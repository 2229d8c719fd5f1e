import dataclasses

import numpy as np
import pytest

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.lab.index_tuning import setting_search
from ytdnn.retrieval.index import ivf, scann_index

TARGET = 0.99
VECTORS, QUERIES = contract.clustered(3_000, dim=15, num_queries=80)


def _recall(index: object, k: int) -> float:
    wanted, _ = contract.exact(VECTORS, QUERIES, k)
    return contract.recall(index.search(QUERIES, k)[0], wanted)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_search, "_TIMED_QUERIES", 4)


@pytest.fixture(scope="module")
def tuned() -> setting_search.TuningResult:
    """With a default that does not reach the recall, whatever its time is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            setting_search._Search,
            "_default",
            lambda self: dataclasses.replace(self._best, recall=0.0),
        )
        return setting_search.tune(
            VECTORS, QUERIES, "ivf", TARGET, 30, lambda line: None
        )


def test_the_chosen_setting_reaches_the_recall_when_built(
    tuned: setting_search.TuningResult,
) -> None:
    assert tuned.chosen.recall >= TARGET
    built = ivf.Ivf.build(VECTORS, tuned.chosen.config)
    assert _recall(built, 30) == pytest.approx(tuned.chosen.recall, abs=1e-6)


def test_no_trial_was_faster_in_its_turn(tuned: setting_search.TuningResult) -> None:
    assert all(trial.recall >= TARGET for trial in tuned.trials)
    assert tuned.chosen.config in [trial.config for trial in tuned.trials]
    assert len({trial.config.num_lists for trial in tuned.trials}) > 1


@pytest.mark.thorough
def test_the_default_stays_where_nothing_is_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        setting_search._Search,
        "_milliseconds",
        lambda self, several: [1.0] * len(several),
    )
    found = setting_search.tune(
        VECTORS[:300], QUERIES[:10], "ivf", 0.5, 5, lambda line: None
    )
    assert found.chosen.config == found.default.config == configs.IvfConfig()


def test_the_curve_rises_with_the_effort(tuned: setting_search.TuningResult) -> None:
    recalls = [trial.recall for trial in tuned.curve]
    assert len(recalls) > 5
    assert all(np.diff(recalls) >= -0.02)
    assert recalls[-1] >= 0.99


def test_scann_is_tuned_without_another_build_for_reordering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("scann")
    space, built, lines = setting_search.SPACES["scann"], [], []

    class Counted(scann_index.Scann):
        @classmethod
        def build(cls, vectors, config):  # type: ignore[no-untyped-def]
            built.append(config)
            return super().build(vectors, config)

    small = dataclasses.replace(space, cls=Counted, powers=range(2))
    monkeypatch.setitem(setting_search.SPACES, "scann", small)
    found = setting_search.tune(VECTORS, QUERIES, "scann", 0.9, 30, lines.append)
    assert len(built) == 3  # two numbers of leaves, and the one without tuning
    assert lines[0].startswith("[1] num_leaves ")
    assert "at recall" in lines[0]
    assert len({trial.config.reorder_factor for trial in found.trials}) > 1
    index = scann_index.Scann.build(VECTORS, found.chosen.config)
    assert _recall(index, 30) >= 0.85  # ScaNN's builds differ


def test_unknown_kind_is_a_line() -> None:
    with pytest.raises(errors.UserError, match="expected --kind to be one of scann, i"):
        setting_search.tune(VECTORS, QUERIES, "exact", 0.9, 5, lambda line: None)
