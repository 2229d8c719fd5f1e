import dataclasses

import numpy as np
import pytest

from tests import planted
from ytdnn.candidates import co_watching, initial, model
from ytdnn.log import catalogues, events

CONFIG = dataclasses.replace(
    planted.tiny_config().candidates,
    initial_vectors="co_watched",
    similarity="user_cosine",
    skip_connection="linear",
    temperature=0.2,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def made(config, data):
    found = model.build(config, data)
    initial.set_weights(found, data)
    return found


@pytest.mark.parametrize("similarity", ["dot", "cosine", "user_cosine"])
def test_a_network_begins_as_a_model_of_neighbours(data, similarity):
    config = dataclasses.replace(CONFIG, similarity=similarity)
    network = made(config, data)
    vectors = co_watching.vectors(data, config.embedding_dim)
    users, ends = data.windows.first_watches(events.Split.TEST)
    history = data.log.shard_index.watched_before(users[:1], ends[:1]).values[
        -config.history_length :
    ]
    known = history[history <= len(vectors)] - 1
    counts = data.videos[catalogues.TRAIN_COUNT].to_numpy()[: len(vectors)]
    weights = np.sqrt(counts + 5) / (counts + 2)  # a rare video says more
    weights /= (weights * counts).sum() / counts.sum()
    own = (vectors[known] * weights[known, np.newaxis]).mean(axis=0)
    if similarity != "dot":
        own /= np.linalg.norm(own)
    if similarity == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    logs = np.log1p(counts)
    expected = vectors @ own / 0.2 + logs - logs.mean()
    found = network.video_vectors() @ network.user_vectors(data, users[:1], ends[:1])[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_random_start_is_left_as_it_is(data):
    config = dataclasses.replace(CONFIG, initial_vectors="random")
    network = model.build(config, data)
    before = network.video_vectors()
    initial.set_weights(network, data)
    np.testing.assert_array_equal(network.video_vectors(), before)
