import dataclasses

import numpy as np
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model
from ytdnn.features import co_watch_vectors
from ytdnn.log import events, prepared
from ytdnn.training import candidates, counted_start, device_strategy, validation

CONFIG = dataclasses.replace(
    planted.tiny_config().candidates,
    initial_vectors="co_watched",
    similarity="user_cosine",
    skip_connection="linear",
    temperature=0.2,
    decay_rates=(0.5, 0.8, 0.93),
)


def made(config, data):
    found = model.build(config, data)
    return found, counted_start.set_weights(found, data)


def begun(config, data, network, vectors, work, refitted=None):
    return counted_start.begin(
        config, data, network, vectors, device_strategy.make("none"), refitted, work
    )


def quality(bag, length):
    """Best at bag 2; there, at twice the length; at another bag, at half."""
    peak = 2.0 if bag == 2 else 0.5
    return (bag == 2) * 10.0 - abs(np.log(length / peak))


@pytest.mark.parametrize(
    ("num_bags", "tries_lengths", "expected"),
    [(4, True, (2, 2.0)), (4, False, (2, 1.0)), (1, True, (0, 0.5))],
)
def test_the_best_bag_and_then_its_best_length(num_bags, tries_lengths, expected):
    found = counted_start.search(
        lambda start: quality(start.bag, start.length), num_bags, tries_lengths
    )
    assert (found.bag, found.length) == expected


def test_the_mean_is_left_only_for_a_clearly_better_bag():
    for gain, expected in ((0.02, 0), (0.04, 1)):
        found = counted_start.search(
            lambda start, g=gain: 1.0 + g * start.bag, 2, False
        )
        assert found.bag == expected


def test_the_evenness_of_the_mean_and_then_that_of_the_best_bag():
    values = {(0, 0.5): 1.2, (0, 1.0): 1.1, (1, 0.0): 9.0, (1, 0.5): 1.5, (1, 1.0): 2.0}
    found = counted_start.search(
        lambda start: values.get((start.bag, start.evenness), 1.0), 2, False
    )
    assert (found.bag, found.evenness) == (1, 0.0)
    del values[1, 0.0]
    found = counted_start.search(
        lambda start: values.get((start.bag, start.evenness), 1.0), 2, False
    )
    assert (found.bag, found.evenness) == (1, 1.0)


def test_even_vectors_keep_their_lengths(data):
    network, counted = made(CONFIG, data)
    vectors = co_watch_vectors.vectors(data, CONFIG.embedding_dim)
    spread = []
    for evenness in (0.0, 0.5, 1.0):
        counted_start.begin_at(network, counted, counted_start.Start(0, 1.0, evenness))
        rows = network.videos.table.numpy()[1:]
        np.testing.assert_allclose(
            *(np.linalg.norm(x, axis=1) for x in (rows, vectors)), rtol=1e-5
        )
        sizes = np.sqrt(np.square(rows).mean(axis=0))
        spread.append(sizes.max() / sizes.min())
    assert spread[0] > spread[1] > spread[2]


def test_watches_multiply_the_similarity_of_a_factored_start(data):
    config = dataclasses.replace(CONFIG, initial_vectors="factored")
    network, counted = made(config, data)
    counted_start.begin_at(network, counted, counted_start.Start(0, 4.0))
    rows, weights = counted.factors, counted.users[:, np.newaxis] + 5.0
    listed = network.videos.table.numpy()[1:]
    ratio = np.linalg.norm(listed) / np.linalg.norm(rows * weights)
    np.testing.assert_allclose(listed, ratio * rows * weights, rtol=1e-4, atol=1e-6)
    lengths = np.linalg.norm(listed, axis=1)  # scores of size 2, popularity of 2 / 4
    assert np.sqrt(np.square(lengths).mean()) == pytest.approx(2 * CONFIG.temperature)
    share = CONFIG.temperature * 2.0 / 4.0
    bias = network.bias.numpy()[1:]
    np.testing.assert_allclose(bias, share * counted.popularity, rtol=1e-5)


def test_a_start_is_no_worse_on_validation_than_any_that_was_tried(data, tmp_path):
    network, vectors = made(CONFIG, data)
    validate = validation.validator(CONFIG, data, network)
    found = begun(CONFIG, data, network, vectors, tmp_path)
    best = validate()[validation.METRIC]
    for bag in range(4):
        counted_start.begin_at(network, vectors, counted_start.Start(bag))
        assert network.user_tower.passed_bag is None
        value = validate()
        assert value[validation.METRIC] <= 1.03 * best
        network.user_tower.passed_bag = bag  # all that is read while starts are tried
        assert validate() == value
        network.user_tower.passed_bag = None
    assert counted_start.facts(found) == {"start": dataclasses.asdict(found)}


def test_a_training_that_resumes_counts_and_searches_nothing(
    data, tmp_path, monkeypatch
):
    config = configs.changed(planted.tiny_config(), {"candidates": CONFIG})
    expected = fit(config, data, tmp_path / "whole")
    fit(config, data, tmp_path / "parts", pause_at=0.5)
    monkeypatch.setattr(counted_start, "set_weights", None)
    found = fit(config, data, tmp_path / "parts")
    assert found[1]["start"] == expected[1]["start"]
    vectors = [network.video_vectors() for network, _ in (found, expected)]
    np.testing.assert_array_equal(*vectors)


def fit(config, data, work, **kwargs):
    work.mkdir(exist_ok=True)
    return candidates.fit_network(config, data, work, **kwargs)


def test_a_refit_begins_where_its_model_did(data, tmp_path):
    network, vectors = made(CONFIG, data)
    at_one = network.video_vectors()
    chosen = {"start": {"bag": 2, "length": 1.4}}
    found = begun(CONFIG, data, network, vectors, tmp_path, chosen)
    assert found == counted_start.Start(2, 1.4)
    ratio = network.video_vectors()[:, :-1] / at_one[:, :-1]
    np.testing.assert_allclose(ratio, 1.4, rtol=1e-5)


@pytest.mark.parametrize("similarity", ["dot", "cosine", "user_cosine"])
def test_a_network_begins_as_a_model_of_neighbours(data, similarity):
    config = dataclasses.replace(CONFIG, similarity=similarity)
    network, _ = made(config, data)
    vectors = co_watch_vectors.vectors(data, config.embedding_dim)
    users, ends = data.windows.first_watches(events.Split.TEST)
    history = data.log.shard_index.watched_before(users[:1], ends[:1]).values[
        -config.history_length :
    ]
    known = history[history <= len(vectors)] - 1
    counts = data.videos[prepared.TRAIN_COUNT].to_numpy()[: len(vectors)]
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
