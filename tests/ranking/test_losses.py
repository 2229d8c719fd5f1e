import numpy as np
import pytest
import tensorflow as tf

from ytdnn.ranking import losses


def constant_feature_log(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns clicks and watch seconds of 2,000 alike impressions."""
    rng = np.random.default_rng(seed)
    clicked = rng.random(2_000) < 0.3
    seconds = np.where(clicked, rng.exponential(60.0, 2_000), 0.0)
    return clicked, seconds.astype(np.float32)


def test_learned_odds_are_watch_time_over_unclicked() -> None:
    clicked, seconds = constant_feature_log()
    weights = losses.click_weights(tf.constant(clicked), tf.constant(seconds))
    logit = tf.Variable(0.0)
    for _ in range(300):
        with tf.GradientTape() as tape:
            logits = tf.fill([len(clicked)], 1.0) * logit
            loss = losses.weighted_logistic_loss(clicked, logits, weights)
        slope = tape.gradient(loss, logit) / len(clicked)
        logit.assign_sub(0.5 * slope)
    odds = float(losses.expected_watch_seconds(logit))
    assert odds == pytest.approx(seconds.sum() / np.sum(~clicked), rel=1e-3)
    # The same number by PAPER §4.2's exact relation, E[T] / (1 - P).
    relation = seconds.mean() / (1.0 - clicked.mean())
    assert odds == pytest.approx(relation, rel=1e-3)


def test_weights_are_watch_time_where_clicked_and_one_elsewhere() -> None:
    clicked = tf.constant([True, False, True])
    seconds = tf.constant([12.5, 99.0, 0.0])
    assert losses.click_weights(clicked, seconds).numpy().tolist() == [12.5, 1.0, 0.0]
    assert losses.click_weights(clicked, None).numpy().tolist() == [1.0, 1.0, 1.0]


def test_loss_and_gradient_by_hand() -> None:
    logits = tf.constant([0.0, 0.0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.weighted_logistic_loss(
            tf.constant([True, False]), logits, tf.constant([3.0, 1.0])
        )
    # (3 + 1) · log 2; gradients w · (sigmoid(0) - y) = 3 · -1/2 and 1 · 1/2.
    assert float(loss) == pytest.approx(4 * np.log(2), rel=1e-6)
    assert tape.gradient(loss, logits).numpy().tolist() == [-1.5, 0.5]


def test_padding_adds_nothing() -> None:
    labels, logits = tf.constant([True, True]), tf.constant([1.0, -50.0])
    padded = losses.weighted_logistic_loss(labels, logits, tf.constant([2.0, 0.0]))
    alone = losses.weighted_logistic_loss(labels[:1], logits[:1], tf.constant([2.0]))
    assert float(padded) == float(alone)


def test_expected_watch_time_is_finite_at_any_logit() -> None:
    seconds = losses.expected_watch_seconds(tf.constant([-1e9, 0.0, 1e9]))
    assert seconds.numpy()[:2].tolist() == [0.0, 1.0]
    assert np.isfinite(seconds.numpy()).all()
