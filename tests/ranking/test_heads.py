import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.base.metrics import recalibration
from ytdnn.ranking import heads

N = 2_000


def alike_impressions(seed: int = 0) -> heads.Labels:
    """Returns what became of impressions that no feature tells apart, `[n, 1]`."""
    rng = np.random.default_rng(seed)
    clicked = rng.random((N, 1)) < 0.3
    durations = np.where(rng.random((N, 1)) < 0.8, rng.uniform(50, 400, (N, 1)), 0.0)
    watched = rng.random((N, 1)) * np.where(durations > 0.0, durations, 90.0)
    seconds = np.where(clicked, watched, 0.0)
    floats = (tf.constant(values, tf.float32) for values in (seconds, durations))
    return heads.Labels(tf.constant(clicked), *floats)


def make(config: configs.Head, labels: heads.Labels) -> heads.Head:
    arrays = (labels.clicked, labels.seconds, labels.durations)
    return heads.make(config, heads.measure([tuple(a.numpy()[:, 0] for a in arrays)]))


def fitted(head: heads.Head, labels: heads.Labels) -> tf.Tensor:
    """Returns outputs `[n, 1, outputs]` of least loss, one for all, by bisection.

    The loss is convex, and a sum over outputs: each slope has one sign change.
    """

    @tf.function
    def slopes(outputs: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            spread = tf.broadcast_to(outputs, [N, 1, len(head.biases)])
            loss = tf.reduce_mean(head.losses(spread, labels))
        return tape.gradient(loss, outputs)

    def is_above(outputs: np.ndarray) -> np.ndarray:
        return slopes(tf.constant(outputs, tf.float32)).numpy() > 0.0

    low, high = np.array(head.biases) - 4.0, np.array(head.biases) + 3.0
    assert not is_above(low).any()
    assert is_above(high).all()
    for _ in range(30):
        middle = (low + high) / 2.0
        above = is_above(middle)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return tf.broadcast_to(tf.constant(low, tf.float32), [N, 1, len(low)])


HEADS = [
    configs.WeightedLogisticConfig(),
    configs.ClickConfig(),
    configs.ClickTimesWatchTimeConfig(),
    configs.ClickTimesWatchTimeConfig(order_by="seconds"),
    configs.ClickTimesWatchTimeConfig(watch_time="seconds"),
]


class TestLearned:
    """What each head converges to, in closed form (PAPER §4.2)."""

    labels = alike_impressions()
    clicked = labels.clicked.numpy()
    seconds = labels.seconds.numpy()

    def learned(self, config: configs.Head) -> heads.HeadPredictions:
        head = make(config, self.labels)
        return head.predict(fitted(head, self.labels), self.labels.durations)

    def test_odds_of_weighted_logistic_are_watch_time_over_unclicked(self) -> None:
        found = self.learned(configs.WeightedLogisticConfig())
        odds = self.seconds.sum() / (~self.clicked).sum()
        assert float(found.seconds[0, 0]) == pytest.approx(odds, rel=1e-4)
        # The same number by PAPER §4.2's exact relation, E[T] / (1 - P).
        relation = self.seconds.mean() / (1.0 - self.clicked.mean())
        assert np.exp(found.logits[0, 0]) == pytest.approx(relation, rel=1e-4)

    def test_click_is_the_click_rate(self) -> None:
        found = self.learned(configs.ClickConfig())
        rate = self.clicked.mean()
        assert float(found.click_probability[0, 0]) == pytest.approx(rate, rel=1e-4)
        assert found.seconds is None

    def test_click_times_watch_time_is_the_product_of_both_means(self) -> None:
        found = self.learned(configs.ClickTimesWatchTimeConfig(watch_time="seconds"))
        expected = self.clicked.mean() * self.seconds[self.seconds > 0.0].mean()
        np.testing.assert_allclose(found.seconds, expected, rtol=1e-3)


@pytest.mark.parametrize("config", HEADS)
def test_outputs_start_at_the_means(config: configs.Head) -> None:
    labels = alike_impressions()
    head = make(config, labels)
    biases = tf.constant(head.biases)
    with tf.GradientTape() as tape:
        tape.watch(biases)
        outputs = tf.broadcast_to(biases, [N, 1, len(head.biases)])
        loss = tf.reduce_mean(head.losses(outputs, labels))
    scale = abs(float(loss))
    assert np.abs(tape.gradient(loss, biases)).max() < 1e-3 * scale


@pytest.mark.parametrize("config", HEADS)
def test_predictions_are_finite_at_any_output(config: configs.Head) -> None:
    head = make(config, alike_impressions())
    for value in (-1e9, 0.0, 1e9):
        outputs = tf.fill([1, 3, len(head.biases)], value)
        found = head.predict(outputs, tf.constant([[0.0, 10.0, 400.0]]))
        for values in (*found, head.score(found.order)):
            assert values is None or np.isfinite(values).all()


def test_a_click_without_watch_time_weighs_one_or_is_no_example() -> None:
    one = heads.Labels(tf.constant([True]), tf.constant([0.0]), tf.constant([60.0]))
    labels = alike_impressions()
    weighted = make(configs.WeightedLogisticConfig(), labels)
    outputs = tf.constant([[0.0]])
    assert weighted.losses(outputs, one).numpy() == pytest.approx(np.log(2.0))
    both = make(configs.ClickTimesWatchTimeConfig(), labels)
    click_alone = both.losses(tf.constant([[0.0, -3.0]]), one)
    assert click_alone.numpy() == pytest.approx(np.log(2.0))


def test_weighted_loss_and_gradient_by_hand() -> None:
    head = make(configs.WeightedLogisticConfig(), alike_impressions())
    outputs = tf.constant([[0.0], [0.0]])
    labels = heads.Labels(
        tf.constant([True, False]), tf.constant([3.0, 0.0]), tf.zeros(2)
    )
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = tf.reduce_sum(head.losses(outputs, labels))
    # (3 + 1) · log 2; gradients w · (sigmoid(0) - y) = 3 · -1/2 and 1 · 1/2.
    assert float(loss) == pytest.approx(4 * np.log(2), rel=1e-6)
    assert tape.gradient(loss, outputs).numpy().ravel().tolist() == [-1.5, 0.5]


@pytest.mark.parametrize("config", HEADS)
def test_without_watch_time_every_head_is_a_click(config: configs.Head) -> None:
    labels = alike_impressions()
    labels = heads.Labels(
        labels.clicked, tf.zeros_like(labels.seconds), labels.durations
    )
    head = make(config, labels)
    found = head.predict(fitted(head, labels), labels.durations)
    rate = float(labels.clicked.numpy().mean())
    assert found.click_probability is not None
    assert float(found.click_probability[0, 0]) == pytest.approx(rate, rel=1e-3)
    assert float(head.score(found.order)[0, 0]) == pytest.approx(rate, rel=1e-3)
    assert head.predicts == (False, True)
    assert "click" in head.meaning


def test_calibration_moves_the_click_then_the_seconds() -> None:
    head = make(configs.ClickTimesWatchTimeConfig(), alike_impressions())
    outputs, durations = tf.constant([[[1.0, 0.5]]]), tf.constant([[100.0]])
    plain = head.predict(outputs, durations)
    lines = recalibration.Line(-0.5, 0.8), recalibration.Line(0.3, 0.9)
    found = head.predict(outputs, durations, heads.Calibration(*lines))
    chance = 1.0 / (1.0 + np.exp(-(-0.5 + 0.8 * 1.0)))
    assert float(found.click_probability[0, 0]) == pytest.approx(chance, rel=1e-5)
    given_click = float(plain.seconds[0, 0] / plain.click_probability[0, 0])
    seconds = np.exp(0.3 + 0.9 * np.log(chance * given_click))
    assert float(found.seconds[0, 0]) == pytest.approx(seconds, rel=1e-5)
    assert float(found.order[0, 0]) == pytest.approx(
        np.log(seconds / (1.0 - chance)), rel=1e-5
    )


def test_order_by_odds_prefers_what_is_surely_clicked() -> None:
    labels = alike_impressions()
    outputs = tf.constant([[[3.0, 0.0], [-1.0, 0.0]]])
    durations = tf.constant([[100.0, 400.0]])
    orders = [
        make(
            configs.ClickTimesWatchTimeConfig(order_by=by, watch_time="seconds"), labels
        ).predict(outputs, durations)
        for by in ("seconds", "odds")
    ]
    chances = 1.0 / (1.0 + np.exp([-3.0, 1.0]))
    products = orders[0].seconds[0].numpy()
    by_seconds, by_odds = (found.order.numpy()[0] for found in orders)
    np.testing.assert_allclose(np.exp(by_seconds), products, rtol=1e-5)
    np.testing.assert_allclose(np.exp(by_odds), products / (1 - chances), rtol=1e-5)
    np.testing.assert_allclose(orders[1].seconds[0], products, rtol=1e-5)
