"""Each feature exists exactly when its column does, and can be switched off."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import losses, model, user_tower
from ytdnn.layers import randomness
from ytdnn.log import events, prepared, slice_batches

CONFIG = configs.CandidatesConfig(
    content=configs.ContentConfig(enabled=False),
    embedding_dim=8,
    tower=(16,),
    history_length=6,
    search_length=4,
    features=configs.FeaturesConfig(add=("example_age", "request_time")),
)
# In the order of the tower's inputs.
NAMES = [
    "gender",
    "country",
    "age",
    "device",
    "example_age",
    "logged_in",
    "request_time",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def _without(name):
    features = configs.FeaturesConfig(add=CONFIG.features.add, remove=(name,))
    return dataclasses.replace(CONFIG, features=features)


def _log(candidate_model, data, serving=False):
    return user_tower.open_log(
        candidate_model.tower_inputs, slice_batches.training_set(data), serving
    )


def _batch(candidate_model, data):
    firsts = tf.constant([100, 400], tf.int64)
    return slice_batches.cut(_log(candidate_model, data), firsts, 5, 6, 4)


def _changed(batch, name):
    """The batch with every value of one tensor another."""
    values = batch[name]
    one = tf.ones_like(values)
    return batch | {name: tf.where(values == one, tf.zeros_like(values), one)}


def test_all_features_of_the_log_are_there(data):
    assert model.build(CONFIG, data).facts() == {
        "sequences": ["watches", "searches"],
        "encoder": "bags",
        "features": NAMES,
        "sees_request_time": True,
        "trains_on_validation": False,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_moves_the_vector_unless_it_is_switched_off(data, name):
    whole, without = model.build(CONFIG, data), model.build(_without(name), data)
    batch = _batch(whole, data)
    changed = _changed(batch, name)
    assert np.any(whole.query_vectors(changed) != whole.query_vectors(batch))
    assert name not in _batch(without, data)  # not read at all
    without.query_vectors({k: v for k, v in batch.items() if k != name})
    size = sum(np.prod(v.shape) for v in whole.variables)
    assert sum(np.prod(v.shape) for v in without.variables) < size


def test_searches_move_the_vector_unless_none_are_read(data):
    whole = model.build(CONFIG, data)
    without = model.build(dataclasses.replace(CONFIG, search_length=0), data)
    batch = _batch(whole, data)
    changed = _changed(batch, schema.SEARCH_TOKENS)
    assert np.any(whole.query_vectors(changed) != whole.query_vectors(batch))
    assert schema.SEARCH_TOKENS not in _batch(without, data)
    assert without.facts()["sequences"] == ["watches"]


def test_videos_without_an_embedding_do_not_count_in_the_history(data):
    candidate_model = model.build(CONFIG, data)
    batch = _batch(candidate_model, data)
    rows = batch[schema.WATCH_ROWS]
    beyond = tf.where(rows == rows[0, -1], data.vocabulary_size + 1, rows)
    none = tf.where(rows == rows[0, -1], 0, rows)
    pair = [
        candidate_model.query_vectors(batch | {schema.WATCH_ROWS: r})
        for r in (beyond, none)
    ]
    np.testing.assert_array_equal(*pair)


def test_watches_alone_are_enough(tmp_path):
    log = {
        "watches": full_log.tables()["watches"].select("user_id", "video_id", "time")
    }
    data = full_log.prepared_data(tmp_path, log)
    config = dataclasses.replace(
        CONFIG,
        features=configs.FeaturesConfig(),
    )
    candidate_model = model.build(config, data)
    assert candidate_model.facts()["features"] == []
    assert candidate_model.facts()["sequences"] == ["watches"]
    # Per bag 8 coordinates: the mean, three decay rates.
    assert candidate_model.user_tower.tower.weights[0].shape == [4 * 8, 16]


def test_an_unordered_bag_does_not_know_the_last_search(data):
    candidate_model = model.build(CONFIG, data)
    batch = _batch(candidate_model, data)
    single = {
        name: values[:1, :1]
        for name, values in batch.items()
        if name not in (schema.WATCH_ROWS, schema.SEARCH_TOKENS)
    }
    single[schema.WATCH_ROWS] = batch[schema.WATCH_ROWS][:1, :6]
    first, end = single[schema.FIRST_TOKENS][0, 0], single[schema.END_TOKENS][0, 0]
    bag = batch[schema.SEARCH_TOKENS][:1, first:end]
    assert bag.shape[1] > 2
    single |= {
        schema.FIRST_TOKENS: tf.zeros([1, 1], tf.int32),
        schema.END_TOKENS: tf.constant([[bag.shape[1]]]),
    }
    forwards, backwards = (
        candidate_model.query_vectors(single | {schema.SEARCH_TOKENS: tokens})
        for tokens in (bag, bag[:, ::-1])
    )
    np.testing.assert_allclose(forwards, backwards, atol=1e-6)


def test_contexts_of_a_split_are_served_with_age_0(data):
    candidate_model = model.build(CONFIG, data)
    users, ends = data.windows.first_watches(events.Split.TEST)
    vectors = candidate_model.user_vectors(data, users, ends)
    log = user_tower.open_log(candidate_model.tower_inputs, data)
    batch = slice_batches.cut(log, tf.constant(ends), 1, 6, 4)
    batch["example_age"] *= 0.0
    expected = candidate_model.query_vectors(batch)[:, 0]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_each_part_of_a_training_step_draws_from_a_stream_of_its_own(data, monkeypatch):
    config = dataclasses.replace(
        CONFIG,
        label=configs.NextWatchConfig(slice_length=5),
        learned_bags=2,
        skip_connection="gated",
        dropout=0.5,
        history_dropout=0.5,
        loss=configs.SampledSoftmaxConfig(num_negatives=8),
    )
    candidate_model = model.build(config, data)
    counts = data.videos[prepared.TRAIN_COUNT].to_numpy()[: data.vocabulary_size]
    loss = losses.make(config, candidate_model, counts)
    batch = _batch(candidate_model, data)
    streams, masks = [], []
    fold, keep_mask = randomness.fold, randomness.keep_mask

    def seen_fold(seed, salt):
        if isinstance(salt, randomness.RandomStream):
            assert seed.numpy().tolist() == [3, 4]
            streams.append(salt)
        return fold(seed, salt)

    def seen_mask(shape, rate, seed):
        masks.append(seed.numpy().tobytes())
        return keep_mask(shape, rate, seed)

    monkeypatch.setattr(randomness, "fold", seen_fold)
    monkeypatch.setattr(randomness, "keep_mask", seen_mask)
    loss(batch, tf.constant([3, 4]))
    # Each once, the loss's too; ids are dropped only with content, and some streams are
    # the ranker's.
    of_ids = {randomness.RandomStream.WATCHED_IDS, randomness.RandomStream.VIDEO_IDS}
    of_ids |= setting.OTHERS
    assert sorted(streams) == [s for s in randomness.RandomStream if s not in of_ids]
    # Both averages of watches, the searches, the tower's one layer, the connection.
    assert len(set(masks)) == len(masks) == 5
