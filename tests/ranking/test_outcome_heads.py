"""Outputs for outcomes of impressions: losses and predictions, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.base.metrics import recalibration
from ytdnn.log import outcomes as log_outcomes
from ytdnn.ranking import heads, outcome_heads

NAN = float("nan")
LIKED = outcome_heads.PredictedOutcome("liked", 1, "binary", 0.25)
PRICE = outcome_heads.PredictedOutcome("price", 0, "amount", 0.1, most=8.0)
CLICKS = heads.Clicks(probability=0.5, seconds=20.0)


def _labels(observed: list[list[float]]) -> heads.Labels:
    """Returns labels of unclicked impressions with outcomes `price` and `liked`."""
    size = len(observed)
    return heads.Labels(
        clicked=tf.zeros([size], tf.bool),
        seconds=tf.zeros([size]),
        durations=tf.ones([size]),
        outcomes=tf.constant(observed),
    )


def _head(*weights: str, of: configs.Head | None = None) -> heads.Head:
    config = configs.RankingConfig(
        head=of or configs.ClickTimesWatchTimeConfig(watch_time="fraction"),
        loss_weights=weights,
    )
    return outcome_heads.make(config, CLICKS, (LIKED, PRICE))


def test_losses_are_cross_entropies_of_what_is_known() -> None:
    # σ(0) = 1/2, so each loss is log 2, whatever the target in [0, 1].
    found = PRICE.loss(tf.zeros([4]), tf.constant([0.0, 4.0, 800.0, NAN]))
    np.testing.assert_allclose(found, [math.log(2)] * 3 + [0.0], rtol=1e-6)
    # A target of 4 / 8: least at even odds, where its gradient is 0.
    logits = tf.constant([0.0, math.log(3.0)])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = PRICE.loss(logits, tf.constant([4.0, 4.0]))
    np.testing.assert_allclose(tape.gradient(losses, logits), [0.0, 0.25], atol=1e-6)
    one = LIKED.loss(tf.constant([math.log(3.0)] * 2), tf.constant([1.0, 0.0]))
    np.testing.assert_allclose(one, [-math.log(0.75), -math.log(0.25)], rtol=1e-6)


def test_unknown_outcomes_have_no_gradient() -> None:
    logits = tf.constant([0.3, 0.3])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(LIKED.loss(logits, tf.constant([NAN, 1.0])))
    gradient = tape.gradient(total, logits).numpy()
    assert gradient[0] == 0.0
    assert gradient[1] == pytest.approx(1 / (1 + math.exp(-0.3)) - 1.0)


def test_predictions_are_probabilities_and_amounts_on_their_lines() -> None:
    logits = tf.constant([math.log(3.0)])
    same = recalibration.IDENTITY
    np.testing.assert_allclose(LIKED.predict(logits, same), [0.75], rtol=1e-6)
    np.testing.assert_allclose(PRICE.predict(logits, same), [6.0], rtol=1e-6)
    line = recalibration.Line(math.log(2.0), 1.0)
    np.testing.assert_allclose(LIKED.predict(logits, line), [6 / 7], rtol=1e-6)
    np.testing.assert_allclose(PRICE.predict(logits, line), [12.0], rtol=1e-6)


@pytest.mark.parametrize(
    "of",
    [
        configs.ClickTimesWatchTimeConfig(watch_time="fraction"),
        configs.WeightedLogisticConfig(),
        configs.ClickConfig(),
    ],
)
def test_every_head_has_outcomes_next_to_its_own_outputs(of: configs.Head) -> None:
    plain = heads.make(of, CLICKS)
    head = _head(of=of)
    assert head.biases == (*plain.biases, LIKED.bias, PRICE.bias)
    rng = np.random.default_rng(0)
    own = rng.normal(size=[3, len(plain.biases)]).astype(np.float32)
    outputs = np.concatenate([own, np.zeros([3, 2], np.float32)], axis=1)
    found, expected = (
        head.predict(outputs, tf.ones([3])),
        plain.predict(own, tf.ones(3)),
    )
    np.testing.assert_array_equal(found.order, expected.order)
    np.testing.assert_array_equal(head.score(found.order), plain.score(expected.order))
    assert found.outcomes is not None
    np.testing.assert_allclose(found.outcomes["liked"], [0.5] * 3)
    np.testing.assert_allclose(found.outcomes["price"], [4.0] * 3)
    labels = _labels([[NAN, 1.0], [8.0, NAN], [NAN, NAN]])
    weight = 0.1 * math.log(2.0)
    added = head.losses(outputs, labels) - plain.losses(own, labels)
    np.testing.assert_allclose(added, [weight, weight, 0.0], atol=1e-6)
    # The epoch is chosen by the head's own.
    np.testing.assert_array_equal(
        head.monitored(outputs, labels), plain.losses(own, labels)
    )


def test_weights_of_losses_are_set_by_name() -> None:
    labels, outputs = _labels([[8.0, 1.0]]), tf.zeros([1, 4])
    alone = _head("head=0", "price=0.5", "liked=2")
    expected = 2.5 * math.log(2.0)
    np.testing.assert_allclose(alone.losses(outputs, labels), [expected], rtol=1e-6)
    np.testing.assert_allclose(alone.monitored(outputs, labels), [expected], rtol=1e-6)


@pytest.mark.parametrize("entry", ["liked", "liked=-1", "=2", "liked=x", "a b=1"])
def test_malformed_weights_are_refused(entry: str) -> None:
    with pytest.raises(errors.SettingError, match="loss_weights as name=number"):
        configs.RankingConfig(loss_weights=(entry,))


def test_outcomes_with_too_few_of_a_value_are_left_out() -> None:
    enough, few = outcome_heads.LEAST_POSITIVE, outcome_heads.LEAST_POSITIVE - 1
    size = 100
    columns = {
        "liked": np.arange(size) < enough,
        "rare": np.arange(size) < few,
        "always": np.ones(size),
        "price": np.where(np.arange(size) < enough, np.arange(size) + 1.0, 0.0),
    }
    array = np.column_stack(list(columns.values())).astype(np.float32)
    array[-1, 0] = NAN
    whole = log_outcomes.measure(list(columns), [array])
    found = outcome_heads.measure(list(enumerate(whole)), [array[:60], array[60:]])
    assert [(one.name, one.place) for one in found] == [("liked", 0), ("price", 3)]
    liked, price = found
    assert liked.mean == pytest.approx((enough + 1) / (size - 1 + 2))
    # 99 % of the amounts 1 … 20 lie below 1 + .99 · 19.
    assert price.most == pytest.approx(19.81)
    total = (sum(range(1, 20)) + 19.81) / 19.81
    assert price.mean == pytest.approx((total + 1) / (size + 2))
