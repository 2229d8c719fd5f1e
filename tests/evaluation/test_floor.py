import dataclasses

import numpy as np
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model
from ytdnn.evaluation import floor
from ytdnn.training import candidates

CONFIG = planted.tiny_config()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    data = planted.prepared_data(directory)
    training = dataclasses.replace(CONFIG.candidates.training, epochs=1)
    own = dataclasses.replace(CONFIG.candidates, training=training)
    config = dataclasses.replace(CONFIG, candidates=own)
    candidates.train(config, data, directory / "candidates")
    return directory


def floor_of(name="user_neighbours", value=0.2, network=0.1):
    return floor.Floor(name, value, network, 0.01, 500)


@pytest.fixture
def _knows_nothing(monkeypatch):
    """Users' vectors are those of a network that learned nothing."""
    monkeypatch.setattr(
        model.CandidateModel,
        "user_vectors",
        lambda self, data, users, *_: np.zeros((len(users), self.vector_dim)),
    )


@pytest.mark.usefixtures("_knows_nothing")
def test_a_network_that_knows_less_than_counting_is_told(workdir, monkeypatch):
    monkeypatch.setattr(floor, "_LEAST_USERS", 10)
    (line,) = floor.warnings(workdir)
    assert "has a validation nDCG@10 of" in line
    assert "--config.candidates.training.epochs=2" in line


def test_nothing_is_said_of_a_network_that_is_above(workdir, monkeypatch):
    monkeypatch.setattr(floor, "measure", lambda *_: floor_of(value=0.1, network=0.2))
    assert floor.warnings(workdir) == []


@pytest.mark.usefixtures("_knows_nothing")
def test_few_users_tell_nothing(workdir):
    assert floor.warnings(workdir) == []


@pytest.mark.parametrize(
    ("found", "epochs", "best", "settings", "words"),
    [
        ("popularity", 4, 4, {}, "training.epochs=8"),
        ("user_neighbours", 4, 2, {}, "initial_vectors=co_watched"),
        ("popularity", 4, 1, {}, "table_learning_rate=0.025"),
        ("co_watch", 3, 0, {"initial_vectors": "co_watched"}, "before the first epoch"),
        ("co_watch", 4, 3, {"initial_vectors": "co_watched"}, "embedding_dim=128"),
        ("popularity", 4, 3, {}, "--min_item_count=5"),
    ],
)
def test_the_likely_cause(found, epochs, best, settings, words):
    config = configs.CandidatesConfig(
        training=configs.TrainingConfig(epochs=4), **settings
    )
    facts = {"epochs": epochs, "best_epoch": best}
    assert words in floor._cause(floor_of(found), facts, config)
