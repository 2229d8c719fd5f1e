import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.base import schema
from ytdnn.features import base_feature, feature_choice
from ytdnn.ranking import heads, inputs, network, outcome_heads

CONFIG = configs.RankingConfig(
    embedding_dim=4, history_length=3, tower=(16, 8), head=configs.ClickConfig()
)
QUANTILES = base_feature.FeatureStatistics(quantiles=(0.0, 10.0, 20.0, 40.0))
MEASURED = network.Statistics(
    vocabulary_size=10,
    features={
        "gender": base_feature.FeatureStatistics(num_values=2),
        "age": base_feature.FeatureStatistics(),
        "seconds_since_last_watch": QUANTILES,
        "seconds_since_impression": QUANTILES,
        "num_earlier_impressions": QUANTILES,
    },
    clicks=heads.Clicks(probability=0.2, seconds=100.0),
)
CHOSEN = tuple(
    feature
    for feature in feature_choice.network_features(base_feature.RANKING)
    if feature.name in MEASURED.features
)


def make_network(
    seed: int = 0,
    config: configs.RankingConfig = CONFIG,
    measured: network.Statistics = MEASURED,
) -> network.RankingNetwork:
    tf.keras.utils.set_random_seed(seed)
    model = network.RankingNetwork(config, CHOSEN, measured)
    model(inputs.placeholders(CHOSEN, config.history_length))
    return model


def request(history: list[int], videos: list[int]) -> dict:
    """Returns the tensors of one request."""
    k = len(videos)
    return {
        schema.HISTORY_VIDEOS: tf.constant([history], tf.int32),
        schema.IMPRESSION_VIDEOS: tf.constant([videos], tf.int32),
        "seconds_since_last_watch": tf.constant([15.0]),
        "age": tf.constant([0.3]),
        "gender": tf.constant([1]),
        "num_earlier_impressions": tf.ones([1, k]),
        "seconds_since_impression": tf.fill([1, k], 30.0),
        schema.DURATIONS: tf.fill([1, k], 60.0),
    }


def logit(model: network.RankingNetwork, tensors: dict, **kwargs: tf.Tensor) -> float:
    """Returns the logit of a request of one impression."""
    return float(model(tensors, **kwargs)[0, 0, 0])


def test_number_of_parameters_spelled_out() -> None:
    # Videos (10 + 1) · 4, gender (2 + 1) · 4. Input: mean 4, last 4, gender 4, age 2,
    # since watch 8, video 4, since impression 8, number 8 = 42; eight are x, x², √x,
    # three pieces, the value on its own scale, and whether it is missing.
    tables = 11 * 4 + 3 * 4
    dense = (42 * 16 + 16) + (16 * 8 + 8) + (8 * 1 + 1)
    assert make_network().count_params() == tables + dense


def test_a_request_of_many_equals_requests_of_one() -> None:
    model = make_network()
    together = model(request([0, 2, 3], [4, 5, 6]))[0, :, 0].numpy()
    alone = [logit(model, request([0, 2, 3], [v])) for v in (4, 5, 6)]
    assert together == pytest.approx(alone, abs=1e-6)
    assert len(set(np.round(together, 5))) == 3


def test_videos_without_an_embedding_are_in_no_average() -> None:
    model = make_network()
    query = model._query(request([0, 2, 11, 3], [4]))[0, :4].numpy()
    rows = model.videos["shown"].table.numpy()
    assert query == pytest.approx((rows[2] + rows[3]) / 2)
    assert not model._query(request([0, 0, 0], [4]))[0, :8].numpy().any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds_since_last_watch", [33.0]),
        ("seconds_since_last_watch", [-1.0]),
        ("seconds_since_impression", [[0.0]]),
        ("seconds_since_impression", [[-1.0]]),
        ("num_earlier_impressions", [[35.0]]),
        ("age", [0.6]),
        ("age", [-1.0]),
        ("gender", [2]),
        ("gender", [0]),
    ],
)
def test_every_feature_changes_the_logit(name: str, value: list) -> None:
    model = make_network(seed=1)
    tensors = request([1, 2, 3], [4])
    changed = tf.constant(value, tensors[name].dtype)
    assert logit(model, tensors) != logit(model, tensors | {name: changed})


def test_last_watched_and_mean_enter_apart_but_share_the_table() -> None:
    model = make_network()
    forward, backward = request([1, 2, 3], [4]), request([3, 2, 1], [4])
    assert logit(model, forward) != logit(model, backward)
    assert [v.shape.as_list() for v in model.tables] == [[11, 4], [3, 4]]


def test_dropout_is_a_function_of_the_seed() -> None:
    model = make_network(config=dataclasses.replace(CONFIG, tower=(64,), dropout=0.5))
    tensors = request([1, 2, 3], [4])
    seeds = [tf.constant([0, step]) for step in (1, 1, 2)]
    draws = [logit(model, tensors, seed=seed) for seed in seeds]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert logit(model, tensors) == logit(model, tensors)


def test_without_powers_and_raw_there_are_fewer_inputs() -> None:
    fewer_of = {configs.QuantilesConfig(powers=False): 2, configs.RawConfig(): 6}
    for normalization, columns in fewer_of.items():
        config = dataclasses.replace(CONFIG, normalization=normalization)
        fewer = 3 * columns * 16  # of three continuous features
        assert make_network(config=config).count_params() == (
            make_network().count_params() - fewer
        )


def test_a_linear_model_has_no_tower() -> None:
    model = make_network(config=dataclasses.replace(CONFIG, tower=()))
    assert model.count_params() == 11 * 4 + 3 * 4 + 42 + 1
    together = model(request([0, 2, 3], [4, 5, 6]))[0, :, 0].numpy()
    alone = [logit(model, request([0, 2, 3], [v])) for v in (4, 5, 6)]
    assert together == pytest.approx(alone, abs=1e-6)


WITH_OUTCOMES = dataclasses.replace(
    MEASURED,
    outcomes=(
        outcome_heads.PredictedOutcome("liked", 0, "binary", 0.25),
        outcome_heads.PredictedOutcome("price", 1, "amount", 0.1, most=8.0),
    ),
)


def learned_by(model: network.RankingNetwork, place: int) -> set[int]:
    """Returns the identities of the variables that an output teaches."""
    seed = tf.constant([0, 1])
    with tf.GradientTape() as tape:
        output = model(request([1, 2, 3], [4, 5]), seed=seed)[0, 0, place]
    found = tape.gradient(output, model.trainable_variables)
    return {
        id(variable)
        for variable, gradient in zip(model.trainable_variables, found, strict=True)
        if gradient is not None and np.any(tf.convert_to_tensor(gradient).numpy())
    }


def test_outcomes_teach_nothing_that_the_click_reads() -> None:
    config = dataclasses.replace(CONFIG, head=configs.ClickTimesWatchTimeConfig())
    model = make_network(config=config, measured=WITH_OUTCOMES)
    first, second = (
        {id(variable) for variable in tower.trainable_variables}
        for tower in model._of_outcomes
    )
    own = first | second
    assert not first & second
    assert not learned_by(model, 0) & own
    for place, of_tower in ((2, first), (3, second)):  # behind click and watch time
        assert learned_by(model, place)
        assert learned_by(model, place) <= of_tower
    plain = make_network(config=config).count_params()
    # 42 inputs of the first tower, as spelled out above.
    own_tower = 42 * 128 + 128 + 128 * 64 + 64 + 64 + 1
    assert model.count_params() == plain + 2 * own_tower
    assert np.isfinite(model(request([1, 2, 3], [4]))[0, 0].numpy()).all()


def test_each_outcome_has_a_dropout_of_its_own() -> None:
    config = dataclasses.replace(CONFIG, dropout=0.5)
    model = make_network(config=config, measured=WITH_OUTCOMES)
    first, second = model._of_outcomes
    model(request([1, 2, 3], [4, 5]))
    second.set_weights(first.get_weights())
    still = model(request([1, 2, 3], [4, 5]))[0, 0, -2:].numpy()
    assert still[0] == still[1]
    seed = tf.constant([1, 2])
    drawn = model(request([1, 2, 3], [4, 5]), seed=seed)[0, 0, -2:].numpy()
    assert drawn[0] != drawn[1]
