"""Each feature exists exactly when its column does, and can be switched off."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from ytdnn import configs, schema
from ytdnn.candidates import features, model
from ytdnn.data import inputs, prepared

CONFIG = configs.Candidates(
    embedding_dim=8,
    tower=(16,),
    history_length=6,
    search_length=4,
    features=configs.Features(example_age=True, request_time=True),
)
# Feature: its table and column (None: of every log), its tensors.
FEATURES = {
    "searches": ("searches", "query", [schema.SEARCH_TOKENS]),
    "country": ("users", "country", [schema.COUNTRY_INDEX]),
    "gender": ("users", "gender", [schema.GENDER_INDEX]),
    "age": ("users", "age", [schema.AGE_FRACTION]),
    "device": ("watches", "device", [schema.DEVICE_INDEX]),
    "logged_in": ("watches", "logged_in", [schema.LOGGED_IN_STATE]),
    "example_age": (None, None, [schema.EXAMPLE_AGE]),
    "request_time": (
        None,
        None,
        [schema.REQUEST_TIMES, schema.SECONDS_SINCE_LAST_WATCH],
    ),
}
NAMES = [*list(FEATURES)[:-1], schema.REQUEST_TIMES]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("full")
    return full_log.prepared_data(directory, full_log.tables())


def _without(name):
    return dataclasses.replace(
        CONFIG, features=dataclasses.replace(CONFIG.features, **{name: False})
    )


def _batch(data):
    firsts = tf.constant([100, 400], tf.int64)
    return inputs.cut(inputs.training_log(data), firsts, 5, 6, 4)


def _changed(batch, name):
    """The batch with every value of one tensor another."""
    values = batch[name]
    if name == schema.REQUEST_TIMES:
        other = values + 5 * 3_600
    elif name == schema.SECONDS_SINCE_LAST_WATCH:
        other = values * 9 + 100
    else:
        one = tf.ones_like(values)
        other = tf.where(values == one, tf.zeros_like(values), one)
    return batch | {name: other}


def test_all_features_of_the_log_are_there(data):
    candidate_model = model.build(CONFIG, data)
    facts = candidate_model.user_tower.inputs.facts()
    assert facts == {"features": [schema.WATCHES, *NAMES], "sees_request_time": True}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_moves_the_vector_unless_it_is_switched_off(data, name):
    batch = _batch(data)
    whole, without = model.build(CONFIG, data), model.build(_without(name), data)
    for tensor in FEATURES[name][2]:
        changed = _changed(batch, tensor)
        assert np.any(whole.query_vectors(changed) != whole.query_vectors(batch))
        np.testing.assert_array_equal(
            without.query_vectors(changed), without.query_vectors(batch)
        )
        missing = {k: v for k, v in batch.items() if k != tensor}
        without.query_vectors(missing)  # not read at all
    assert len(without.variables) <= len(whole.variables)
    size = sum(np.prod(v.shape) for v in whole.variables)
    assert sum(np.prod(v.shape) for v in without.variables) < size


@pytest.mark.parametrize("name", [n for n, (table, *_) in FEATURES.items() if table])
def test_a_feature_is_missing_with_its_column(tmp_path, name):
    table, column, _ = FEATURES[name]
    log = full_log.tables()
    if table == "searches":
        del log[table]
    else:
        log[table] = log[table].drop(column)
    data = full_log.prepared_data(tmp_path, log)
    found = features.Inputs.of(data, CONFIG.features).names
    assert found == [schema.WATCHES, *(n for n in NAMES if n != name)]
    model.build(CONFIG, data).query_vectors(_batch(data))


def test_watches_alone_are_enough(tmp_path):
    log = {
        "watches": full_log.tables()["watches"].select("user_id", "video_id", "time")
    }
    data = full_log.prepared_data(tmp_path, log)
    config = dataclasses.replace(
        CONFIG,
        features=configs.Features(),
        bags=("mean", "sum", "max"),
    )
    candidate_model = model.build(config, data)
    assert candidate_model.user_tower.inputs.names == [schema.WATCHES]
    # Per bag 8 coordinates: mean, sum, max, three decay rates.
    kernel = candidate_model.user_tower.tower.weights[0]
    assert kernel.shape == [6 * 8, 16]


def test_search_tokens_are_a_table_of_the_table_optimiser(data):
    candidate_model = model.build(CONFIG, data)
    sizes = [tuple(table.shape) for table in candidate_model.tables]
    assert sizes[1] == (data.tokens.height + 1, 8)
    assert len(sizes) == 4  # watched videos, tokens, videos, bias


def test_an_unordered_bag_does_not_know_the_last_search(data):
    candidate_model = model.build(CONFIG, data)
    batch = _batch(data)
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
    users, ends = data.first_watches(prepared.Split.TEST)
    vectors = candidate_model.user_vectors(data, users, ends)
    log = inputs.whole_log(data)
    batch = inputs.cut(log, tf.constant(ends), 1, 6, 4)
    batch[schema.EXAMPLE_AGE] *= 0.0
    expected = candidate_model.query_vectors(batch)[:, 0]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
