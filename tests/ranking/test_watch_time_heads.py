"""Heads of docs/examples with other targets of the watch time of a click."""

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from tests.ranking import test_click_times_watch_time as targets
from tests.ranking import test_heads
from ytdnn.ranking import heads, watch_statistics

KINDS = ("d2q", "tpm", "cread")
CONFIGS = {"d2q": "D2QConfig", "tpm": "TPMConfig", "cread": "CREADConfig"}


@pytest.fixture(scope="module")
def example():
    """The module of the example, its heads registered for these tests."""
    with extras.registered():
        yield extras.module(extras.EXAMPLES / "watch_time_heads.py")


def make_head(example, kind, seconds, durations, probability=0.3):
    sample = watch_statistics.Sample()
    sample.add(seconds, durations)
    mean = float(seconds.mean())
    clicks = heads.Clicks(probability, mean, sample.observed(mean))
    return heads.make(getattr(example, CONFIGS[kind])(), clicks)


def start_of(head, size):
    return tf.broadcast_to(tf.constant(head.biases), [size, len(head.biases)])


def of_clicks(seconds, durations):
    seconds, durations = targets.tensors(seconds, durations)
    return heads.Labels(tf.ones_like(seconds, tf.bool), seconds, durations)


@pytest.mark.parametrize("kind", ["tpm", "cread"])
def test_where_it_starts_it_says_the_mean(example, kind):
    seconds, durations = targets.clicks()
    head = make_head(example, kind, seconds, durations)
    _, known = targets.tensors(seconds, durations)
    found = head.predict(start_of(head, len(seconds)), known).seconds
    np.testing.assert_allclose(found, 0.3 * seconds.mean(), rtol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_long_and_short_clicks_are_learned(example, kind):
    # Two kinds of impressions: their watch times differ by a factor of ten.
    rng = np.random.default_rng(0)
    is_long = rng.random(2_000) < 0.5
    seconds = rng.uniform(0.5, 1.5, 2_000) * np.where(is_long, 100.0, 10.0)
    durations = np.full(2_000, 200.0)
    head = make_head(example, kind, seconds, durations)
    weights = tf.Variable(tf.stack([tf.constant(head.biases)] * 2))
    labels = of_clicks(seconds, durations)
    rows = tf.constant(is_long.astype(np.int32))
    optimizer = tf.keras.optimizers.Adam(0.1)
    for _ in range(300):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(head.losses(tf.gather(weights, rows), labels))
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])
    predicted = head.predict(weights, tf.fill([2], 200.0))
    short, long = (predicted.seconds / predicted.click_probability).numpy()
    assert short == pytest.approx(10.0, rel=0.25)
    assert long == pytest.approx(100.0, rel=0.25)
    assert predicted.order[1] > predicted.order[0]


@pytest.mark.parametrize("kind", KINDS)
def test_any_watch_time_has_finite_losses_and_gradients(example, kind):
    seconds, durations = targets.clicks()
    head = make_head(example, kind, seconds, durations)
    start = start_of(head, 3)
    with tf.GradientTape() as tape:
        tape.watch(start)
        labels = of_clicks(np.array([1e-3, 60.0, 1e9]), np.array([0.0, 60.0, 10.0]))
        losses = head.losses(start, labels)
    assert np.isfinite(losses).all()
    assert np.abs(tape.gradient(losses, start)).max() <= 5.0


def test_exact_odds_are_mean_watch_time(example):
    labels = test_heads.alike_impressions()
    head = test_heads.make(example.ExactOddsConfig(), labels)
    found = head.predict(test_heads.fitted(head, labels), labels.durations)
    expected = labels.seconds.numpy().mean()
    assert float(found.seconds[0, 0]) == pytest.approx(expected, rel=1e-4)
    assert float(head.score(found.order)[0, 0]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", [*KINDS, "exact_odds"])
def test_without_watch_time_it_is_the_click(example, kind):
    config = getattr(example, CONFIGS.get(kind, "ExactOddsConfig"))()
    assert isinstance(heads.make(config, heads.Clicks(0.3, 0.0)), heads.Click)
