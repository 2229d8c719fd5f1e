import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.ranking import features, network, statistics

CONFIG = configs.Ranking(embedding_dim=4, history_length=3, tower=(16, 8))
MEASURED = statistics.Statistics(
    num_videos=10,
    has_age=True,
    vocabulary_sizes={schema.GENDER_INDEX: 2},
    quantiles=dict.fromkeys(statistics.CONTINUOUS, (0.0, 10.0, 20.0, 40.0)),
    prior_logit=1.5,
    has_watch_seconds=True,
)


def make_network(seed: int = 0) -> network.RankingNetwork:
    tf.keras.utils.set_random_seed(seed)
    return network.RankingNetwork(CONFIG, MEASURED)


def request(history: list[int], videos: list[int], **changes: tf.Tensor) -> dict:
    """Returns the features of one request at time 1,000."""
    k = len(videos)
    now = tf.constant([1_000], tf.int64)
    query = features.query_features(
        tf.constant([history], tf.int32), tf.constant([985], tf.int64), now
    )
    pairs = features.impression_features(
        tf.constant([videos], tf.int32),
        tf.ones([1, k], tf.int32),
        tf.fill([1, k], tf.constant(970, tf.int64)),
        now,
    )
    user = {
        schema.AGE_FRACTION: tf.constant([0.3]),
        schema.GENDER_INDEX: tf.constant([1]),
    }
    return query | pairs | user | changes


def logit(model: network.RankingNetwork, inputs: dict, **kwargs: tf.Tensor) -> float:
    """Returns the logit of a request of one impression."""
    return float(model(inputs, **kwargs)[0, 0])


def test_number_of_parameters_spelled_out() -> None:
    # Videos (10 + 1) · 4, gender (2 + 1) · 2. Input: mean 4, last 4, since watch 4,
    # age 2, gender 2, video 4, since impression 4, number 4 = 28.
    tables = 11 * 4 + 3 * 2
    dense = (28 * 16 + 16) + (16 * 8 + 8) + (8 * 1 + 1)
    assert make_network().count_params() == tables + dense


def test_a_request_of_many_equals_requests_of_one() -> None:
    model = make_network()
    together = model(request([0, 2, 3], [4, 5, 6]))[0].numpy()
    alone = [logit(model, request([0, 2, 3], [v])) for v in (4, 5, 6)]
    assert together == pytest.approx(alone, abs=1e-6)
    assert len(set(np.round(together, 5))) == 3


def test_unknown_videos_of_the_history_are_in_no_average() -> None:
    model = make_network()
    query = model._query(request([0, 2, 3], [4]))[0, :4].numpy()
    rows = model.videos.table.numpy()
    assert query == pytest.approx((rows[2] + rows[3]) / 2)
    empty = model._query(request([0, 0, 0], [4]))[0, :8].numpy()
    assert not empty.any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (schema.SECONDS_SINCE_LAST_WATCH, [33.0]),
        (schema.SECONDS_SINCE_LAST_WATCH, [-1.0]),
        (schema.SECONDS_SINCE_IMPRESSION, [[0.0]]),
        (schema.SECONDS_SINCE_IMPRESSION, [[-1.0]]),
        (schema.NUM_EARLIER_IMPRESSIONS, [[35.0]]),
        (schema.AGE_FRACTION, [0.6]),
        (schema.AGE_FRACTION, [-1.0]),
        (schema.GENDER_INDEX, [2]),
        (schema.GENDER_INDEX, [0]),
    ],
)
def test_every_feature_changes_the_logit(name: str, value: list) -> None:
    model = make_network(seed=1)
    inputs = request([1, 2, 3], [4])
    changed = tf.constant(value, inputs[name].dtype)
    assert logit(model, inputs) != logit(model, inputs | {name: changed})


def test_last_watched_and_mean_enter_apart_but_share_the_table() -> None:
    model = make_network()
    forward, backward = request([1, 2, 3], [4]), request([3, 2, 1], [4])
    assert logit(model, forward) != logit(model, backward)
    assert [v.shape.as_list() for v in model.tables] == [[11, 4], [3, 2]]


def test_powers_of_continuous_features_reach_the_logit() -> None:
    """The input columns of x² and √x carry weight of their own."""
    model = make_network()
    kernel = model._tower.trainable_variables[0]
    since_watch = slice(8, 12)  # after mean and last: x, x², √x, missing
    inputs = request([1, 2, 3], [4])
    before = logit(model, inputs)
    for power in (1, 2):
        values = kernel.numpy()
        values[since_watch][power] += 1.0
        kernel.assign(values)
        after = logit(model, inputs)
        assert after != before
        before = after


def test_dropout_is_a_function_of_the_seed() -> None:
    config = dataclasses.replace(CONFIG, tower=(64,), dropout=0.5)
    model = network.RankingNetwork(config, MEASURED)
    inputs = request([1, 2, 3], [4])
    seeds = [tf.constant([0, step]) for step in (1, 1, 2)]
    draws = [logit(model, inputs, seed=seed) for seed in seeds]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert logit(model, inputs) == logit(model, inputs)
