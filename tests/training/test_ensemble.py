"""Several networks as one: trained apart, saved, resumed, and scored by their mean."""

import dataclasses

import numpy as np
import pytest

from tests import planted
from tests.training import kills
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.candidates import model
from ytdnn.log import events
from ytdnn.training import candidates, validation

EPOCHS = 2


def _config(seed, ensemble_size, **settings):
    config = planted.tiny_config()
    training = configs.TrainingConfig(epochs=EPOCHS, batch_size=64, patience=EPOCHS)
    settings = dataclasses.replace(
        config.candidates, ensemble_size=ensemble_size, training=training, **settings
    )
    return dataclasses.replace(config, candidates=settings, seed=seed)


@pytest.fixture(scope="module")
def pair(data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pair") / "candidates"
    candidates.train(_config(seed=1, ensemble_size=2), data, directory)
    return directory


def _scores(trained, data):
    users, ends = data.windows.first_watches(events.Split.TEST)
    return trained.user_vectors(data, users, ends) @ trained.video_vectors().T


@pytest.mark.thorough
def test_its_scores_are_the_mean_of_the_single_networks(data, pair, tmp_path):
    single = []
    for seed in (2, 3):  # of seed 1 and two members
        directory = tmp_path / str(seed)
        candidates.train(_config(seed, ensemble_size=1), data, directory)
        single.append(_scores(model.load(directory, data), data))
    assert np.any(single[0] != single[1])
    joined = model.load(pair, data)
    assert joined.video_vectors().shape == (data.vocabulary_size, joined.vector_dim)
    np.testing.assert_allclose(
        _scores(joined, data), (single[0] + single[1]) / 2, atol=1e-5
    )


@pytest.mark.thorough
def test_its_manifest_tells_of_each_network_and_of_all(data, pair):
    facts = artifacts.read_manifest(pair, model.KIND).facts
    assert [one["epochs"] for one in facts["members"]] == [EPOCHS, EPOCHS]
    assert facts["epochs"] == 2 * EPOCHS
    assert validation.METRIC in facts["validation"]
    assert facts["features"] == model.load(pair, data).facts()["features"]


@pytest.mark.thorough
def test_refitted_each_network_has_its_own_number_of_epochs(data, pair, tmp_path):
    chosen = artifacts.read_manifest(pair, model.KIND)
    of_members = [dict(one) for one in chosen.facts["members"]]
    for number, one in enumerate(of_members, 1):
        one["best_epoch"] = number
    chosen = dataclasses.replace(chosen, facts=chosen.facts | {"members": of_members})
    directory = tmp_path / "candidates"
    candidates.train(_config(seed=1, ensemble_size=2), data, directory, chosen)
    facts = artifacts.read_manifest(directory, model.KIND).facts
    assert [one["epochs"] for one in facts["members"]] == [1, 2]
    assert facts["validation"] == {}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "killed_after",
    [
        pytest.param(5, marks=pytest.mark.thorough),
        40,
        pytest.param(None, marks=pytest.mark.thorough),
    ],
)
def test_killed_in_either_network_it_ends_with_the_same_numbers(
    data, pair, tmp_path, monkeypatch, killed_after
):
    """Also where all are trained already, and no step is left to make."""
    config = _config(seed=1, ensemble_size=2)
    with monkeypatch.context() as patched:
        if killed_after is None:
            patched.setattr(model, "save", kills.kill)
        else:
            kills.kill_once_after(patched, killed_after)
        with pytest.raises(kills.KilledError):
            candidates.train(config, data, tmp_path / "killed")
    with kills.log_of_tensorflow() as messages:
        candidates.train(config, data, tmp_path / "killed")
    assert messages == []  # all that was kept is restored
    np.testing.assert_array_equal(
        model.load(tmp_path / "killed", data).video_vectors(),
        model.load(pair, data).video_vectors(),
    )


NUM_TAUGHT = 3
TAUGHT = _config(1, NUM_TAUGHT, loss=configs.FullSoftmaxConfig(), distillation=0.5)


@pytest.fixture(scope="module")
def taught(data, tmp_path_factory):
    """Three networks, of which the last has two teachers."""
    directory = tmp_path_factory.mktemp("taught") / "candidates"
    candidates.train(TAUGHT, data, directory)
    return directory


@pytest.mark.thorough
def test_with_distillation_the_last_learns_from_the_others(
    data, taught, tmp_path, monkeypatch
):
    """The others are what they were; killed in the last, its teachers are read back.

    The last alone is kept.
    """
    alone = _config(1, NUM_TAUGHT, loss=configs.FullSoftmaxConfig())
    candidates.train(alone, data, tmp_path / "alone")
    of_alone, of_taught = (
        artifacts.read_manifest(directory, model.KIND).facts["members"]
        for directory in (tmp_path / "alone", taught)
    )
    assert [one["validation"] for one in of_alone[:-1]] == [
        one["validation"] for one in of_taught[:-1]
    ]
    found = model.load(taught, data)
    assert isinstance(found, model.CandidateModel)
    wanted = found.video_vectors()
    without = model.load(tmp_path / "alone", data).members[-1].video_vectors()
    assert np.abs(without - wanted).max() > 1e-3
    kills.kill_once_after(monkeypatch, 55)  # of 22 steps a network
    with pytest.raises(kills.KilledError):
        candidates.train(TAUGHT, data, tmp_path / "killed")
    candidates.train(TAUGHT, data, tmp_path / "killed")
    found = model.load(tmp_path / "killed", data).video_vectors()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.thorough
def test_of_several_the_last_is_measured_and_refitted(data, taught, tmp_path):
    chosen = artifacts.read_manifest(taught, model.KIND)
    of_last = chosen.facts["members"][-1]["validation"][validation.METRIC]
    assert chosen.facts["validation"][validation.METRIC] == pytest.approx(of_last)
    # A refit trains all again, and keeps the last.
    candidates.train(TAUGHT, data, tmp_path / "refit", chosen)
    facts = artifacts.read_manifest(tmp_path / "refit", model.KIND).facts
    assert len(facts["members"]) == NUM_TAUGHT
    assert isinstance(model.load(tmp_path / "refit", data), model.CandidateModel)
