"""Candidate models with fewer rows than videos: their vectors, start and training."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.candidates import co_watching, initial, model, shared_rows
from ytdnn.log import catalogues
from ytdnn.training import candidates

CONFIG = dataclasses.replace(planted.tiny_config().candidates, hashed_rows=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def test_without_them_each_video_has_a_row(data):
    found = model.build(dataclasses.replace(CONFIG, hashed_rows=0), data)
    names = {variable.name for variable in found.variables}
    assert {"videos/table:0", "watched_videos/table:0"} <= names
    assert not any("row_numbers" in name for name in names)


@pytest.mark.parametrize("tied", [False, True])
def test_both_tables_have_the_rows_and_share_who_has_which(data, tied):
    found = model.build(dataclasses.replace(CONFIG, tied_tables=tied), data)
    tables = [t for t in found.tables if "videos" in t.name]
    assert [t.shape for t in tables] == [[16 + 1, 8]] * (1 if tied else 2)
    watched = found.user_tower.watches.videos
    assert watched.row_numbers is found.videos.row_numbers
    assert watched.row_numbers.shape == [data.vocabulary_size + 1, 2]
    assert (watched is found.videos) == tied


def test_served_vectors_are_the_sums_of_rows_and_a_bias_of_each_video(data):
    found = model.build(CONFIG, data)
    size = data.vocabulary_size
    found.bias.assign(tf.range(size + 1.0))
    vectors = found.video_vectors()
    pairs = found.videos.row_numbers.numpy()[1:]
    expected = found.videos.table.numpy()[pairs].sum(axis=1)
    np.testing.assert_allclose(vectors[:, :-1], expected, rtol=1e-6)
    np.testing.assert_array_equal(vectors[:, -1], np.arange(1, size + 1))
    assert len(np.unique(vectors[:, :-1], axis=0)) == len(
        np.unique(np.sort(pairs, axis=1), axis=0)
    )
    whole, bias = found.columns()
    np.testing.assert_allclose(whole[1:], expected, rtol=1e-6)
    np.testing.assert_array_equal(bias[1:], vectors[:, -1])


def test_as_many_rows_as_videos_are_refused(data):
    config = dataclasses.replace(CONFIG, hashed_rows=data.vocabulary_size)
    with pytest.raises(errors.UserError, match=r"candidates\.hashed_rows below"):
        model.build(config, data)


def test_vectors_that_are_sums_of_rows_are_found_again():
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 20, (300, 2))
    rows = rng.standard_normal((20, 3)).astype(np.float32)
    weights = rng.uniform(1.0, 30.0, 300).astype(np.float32)
    found = shared_rows.least_squares(pairs, rows[pairs].sum(axis=1), weights, 20)
    np.testing.assert_allclose(found, rows, atol=1e-3)


def test_rows_are_those_of_least_squares():
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, 15, (60, 2))
    vectors = rng.standard_normal((60, 2)).astype(np.float32)
    weights = rng.uniform(1.0, 9.0, 60).astype(np.float32)
    sums = np.zeros((60, 15))
    for column in pairs.T:
        np.add.at(sums, (np.arange(60), column), 1.0)
    root = np.sqrt(weights)[:, np.newaxis]
    expected, *_ = np.linalg.lstsq(sums * root, vectors * root, rcond=None)
    found = shared_rows.least_squares(pairs, vectors, weights, 15)
    np.testing.assert_allclose(sums @ found, sums @ expected, atol=1e-3)


def test_a_counted_start_is_near_the_counted_vectors(data):
    config = dataclasses.replace(
        CONFIG, initial_vectors="co_watched", skip_connection="linear"
    )
    found = model.build(config, data)
    initial.set_weights(found, data)
    vectors = co_watching.vectors(data, config.embedding_dim)
    counts = data.videos[catalogues.TRAIN_COUNT].to_numpy()[: len(vectors)]
    weights = counts[:, np.newaxis]
    errors_of = found.video_vectors()[:, :-1] - vectors
    # 16 rows for 40 videos explain .4 of what has no structure.
    assert (weights * errors_of**2).sum() < 0.75 * (weights * vectors**2).sum()


def _trained(data, place, **settings):
    training = configs.TrainingConfig(
        epochs=8, batch_size=256, learning_rate=0.01, table_learning_rate=0.5
    )
    own = dataclasses.replace(CONFIG, training=training, **settings)
    config = dataclasses.replace(planted.tiny_config(), candidates=own)
    candidates.train(config, data, place)
    return model.load(place, data)


@pytest.mark.parametrize(
    "loss", [CONFIG.loss, configs.FullSoftmaxConfig()], ids=lambda loss: loss.kind
)
def test_it_learns_and_the_same_seed_learns_the_same(data, tmp_path, loss):
    found = _trained(data, tmp_path / "one", loss=loss)
    again = _trained(data, tmp_path / "two", loss=loss)
    np.testing.assert_array_equal(found.video_vectors(), again.video_vectors())
    from ytdnn.training import validation

    measured = validation.validator(found.config, data, found)()
    # A user's taste is half of the 40 videos, of which a list at random has a quarter.
    assert measured["hit_rate@10"] > 0.35
