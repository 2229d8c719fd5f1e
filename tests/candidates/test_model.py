import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.base import artifacts, errors, schema
from ytdnn.candidates import logged_user_vectors, model, user_tower
from ytdnn.log import events, prepared, slice_batches

CONFIG = configs.CandidatesConfig(
    content=configs.ContentConfig(enabled=False),
    embedding_dim=8,
    tower=(16, 12),
    history_length=6,
    decay_rates=(0.5, 0.8),
)


def test_parameter_count(data):
    candidate_model = model.build(CONFIG, data)
    rows = data.vocabulary_size + 1
    tables = 2 * rows * 8 + rows  # watched videos, videos, bias
    demographics = (2 + 1) * 4 + (2 + 1) * 8  # two genders, two countries
    width = 3 * 8 + 4 + 8 + 2  # three bags, gender, country, age and its presence
    tower = (width * 16 + 16) + (16 * 12 + 12) + (12 * 8 + 8)
    sizes = [np.prod(v.shape) for v in candidate_model.trainable_variables]
    assert sum(sizes) == tables + demographics + tower


def test_learned_bags_are_beside_the_others(data):
    plain = model.build(CONFIG, data)
    wider = model.build(dataclasses.replace(CONFIG, learned_bags=2), data)
    sizes = [
        sum(np.prod(v.shape) for v in made.trainable_variables)
        for made in (plain, wider)
    ]
    # Two curves over six positions, and two bags of 8 more into the tower's 16.
    assert sizes[1] - sizes[0] == 2 * 6 + 2 * 8 * 16


@pytest.mark.parametrize(("path", "size"), [("linear", 0), ("gated", 12 * 3 + 3)])
def test_a_path_past_the_tower_changes_nothing_at_first(data, path, size):
    plain = model.build(CONFIG, data)
    config = dataclasses.replace(CONFIG, skip_connection=path)
    candidate_model = model.build(config, data)
    added = candidate_model.user_tower.skip_connection.trainable_variables
    assert sum(np.prod(v.shape) for v in added) == 3 * 8 * 8 + size
    names = {v.name: v for v in plain.trainable_variables}
    for variable in candidate_model.trainable_variables:
        if variable.name in names:
            variable.assign(names[variable.name])
    users, ends = data.windows.first_watches(events.Split.TEST)
    expected = plain.user_vectors(data, users, ends)
    vectors = candidate_model.user_vectors(data, users, ends)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    for variable in added:
        variable.assign(tf.ones_like(variable))
    assert np.any(candidate_model.user_vectors(data, users, ends) != expected)


@pytest.mark.parametrize(
    ("num_learned", "path"), [(0, "none"), (2, "linear"), (2, "gated")]
)
def test_user_vectors_are_those_of_the_training_graph(data, num_learned, path):
    config = dataclasses.replace(CONFIG, learned_bags=num_learned, skip_connection=path)
    candidate_model = model.build(config, data)
    log = user_tower.open_log(candidate_model.tower_inputs, data)
    features = slice_batches.cut(log, tf.constant([40], tf.int64), 7, 6)
    trained = candidate_model.query_vectors(features)[0].numpy()
    users = features[schema.USER_INDICES][0].numpy()
    served = candidate_model.user_vectors(data, users, np.arange(40, 47))
    np.testing.assert_allclose(served, trained, atol=1e-6)


def test_each_feature_moves_the_vector(data):
    candidate_model = model.build(CONFIG, data)
    log = user_tower.open_log(candidate_model.tower_inputs, data, serving=True)
    users, ends = data.windows.first_watches(events.Split.TEST)
    features = logged_user_vectors.contexts(log, users[:1], ends[:1], 6)
    plain = candidate_model.query_vectors(features)
    for name in (schema.WATCH_ROWS, "age", "gender", "country"):
        changed = dict(features)
        one = tf.ones_like(features[name])
        changed[name] = tf.where(features[name] == one, one * 0, one)
        assert np.any(candidate_model.query_vectors(changed) != plain), name


def _publish(directory, candidate_model, fingerprint):
    config = configs.to_dict(configs.Config(candidates=candidate_model.config))
    with artifacts.publish(
        directory, model.KIND, config, {prepared.KIND: fingerprint}
    ) as partial:
        model.save(candidate_model, partial)


def test_a_saved_model_loads_with_the_same_vectors(data, tmp_path):
    candidate_model = model.build(CONFIG, data)
    candidate_model.bias.assign(tf.ones_like(candidate_model.bias))
    _publish(tmp_path / "candidates", candidate_model, data.manifest.fingerprint)
    loaded = model.load(tmp_path / "candidates", data)
    np.testing.assert_array_equal(
        loaded.video_vectors(), candidate_model.video_vectors()
    )
    users, ends = data.windows.first_watches(events.Split.TEST)
    np.testing.assert_array_equal(
        loaded.user_vectors(data, users, ends),
        candidate_model.user_vectors(data, users, ends),
    )


def test_a_model_of_another_data_set_is_refused(data, tmp_path):
    _publish(tmp_path / "candidates", model.build(CONFIG, data), "0123456789abcdef")
    with pytest.raises(errors.UserError, match="made from data 0123456789abcdef"):
        model.load(tmp_path / "candidates", data)


def test_a_bias_is_the_last_coordinate(data):
    candidate_model = model.build(CONFIG, data)
    candidate_model.bias.assign(tf.range(data.vocabulary_size + 1, dtype=tf.float32))
    vectors = candidate_model.video_vectors()
    assert vectors.shape == (data.vocabulary_size, 9)
    np.testing.assert_array_equal(vectors[:, -1], 1 + np.arange(data.vocabulary_size))
