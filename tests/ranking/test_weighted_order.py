"""The order by weights of predictions, against a sum in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.base import errors, schema
from ytdnn.ranking import heads, weighted_order

NAMES = (schema.WATCH_SECONDS, schema.CLICKED, "liked", "disliked")
POLICIES = {"kids": {"disliked": -5.0}, "long": {schema.WATCH_SECONDS: 2.0}}
K = 6


def _predicted(batch: int) -> heads.HeadPredictions:
    rng = np.random.default_rng(0)

    def drawn() -> tf.Tensor:
        return tf.constant(rng.random((batch, K)), tf.float32)

    outcomes = {"liked": drawn(), "disliked": drawn()}
    return heads.HeadPredictions(drawn(), drawn(), drawn(), outcomes=outcomes)


def _raw(rows: list[tuple[dict[str, float], str]]) -> dict[str, tf.Tensor]:
    """Returns the inputs of requests: weights, and the policy of each."""
    width = max(len(weights) for weights, _ in rows)
    names = [[*weights, *[""] * (width - len(weights))] for weights, _ in rows]
    values = [
        [*weights.values(), *[0.0] * (width - len(weights))] for weights, _ in rows
    ]
    return {
        schema.WEIGHT_NAMES: tf.constant(names, tf.string, [len(rows), width]),
        schema.WEIGHT_VALUES: tf.constant(values, tf.float32, [len(rows), width]),
        schema.POLICY: tf.constant([policy for _, policy in rows]),
    }


def _made(default: dict[str, float] | None = None) -> weighted_order.Weighing:
    return weighted_order.Weighing(NAMES, default, POLICIES)


def test_each_request_is_ordered_by_its_own_weights() -> None:
    rows = [
        ({"liked": 30.0, "disliked": -200.0, schema.WATCH_SECONDS: 1.0}, "kids"),
        ({}, "kids"),
        ({schema.CLICKED: 1.0}, ""),
        ({schema.WATCH_SECONDS: -1.0}, ""),
    ]
    predicted = _predicted(len(rows))
    order, scores = _made()(_raw(rows), predicted, predicted.order, predicted.order)
    found = weighted_order.terms(predicted)
    for row, (own, policy) in enumerate(rows):
        weights = own or POLICIES[policy]
        expected = sum(w * found[name].numpy()[row] for name, w in weights.items())
        np.testing.assert_allclose(scores[row], expected, rtol=1e-5)
    np.testing.assert_array_equal(order, scores)


@pytest.mark.parametrize("asked", [({}, ""), ({schema.WATCH_SECONDS: 7.0}, "")])
def test_watch_seconds_alone_are_the_rankers_order(
    asked: tuple[dict[str, float], str],
) -> None:
    predicted = _predicted(3)
    rows = [asked, ({}, "long"), ({"liked": 0.0}, "kids")]
    scores = tf.exp(predicted.order)
    for default in (None, {schema.WATCH_SECONDS: 1.0}):
        found = _made(default)(_raw(rows), predicted, predicted.order, scores)
        np.testing.assert_array_equal(found[0], predicted.order)
        np.testing.assert_array_equal(found[1], scores)


def test_saved_weights_hold_where_a_request_brings_none() -> None:
    predicted = _predicted(2)
    made = _made({"liked": 2.0})
    rows = [({}, ""), ({schema.WATCH_SECONDS: 1.0}, "")]
    order, _ = made(_raw(rows), predicted, predicted.order, predicted.order)
    assert predicted.outcomes is not None
    np.testing.assert_allclose(order[0], 2.0 * predicted.outcomes["liked"][0])
    np.testing.assert_array_equal(order[1], predicted.order[1])


def test_batched_rows_are_single_ones_bit_by_bit() -> None:
    rows = [
        ({"liked": 0.3, "disliked": -1.7, schema.WATCH_SECONDS: 0.1}, ""),
        ({}, "kids"),
        ({}, ""),
    ]
    predicted = _predicted(len(rows))
    made = _made()
    both = made(_raw(rows), predicted, predicted.order, predicted.order)
    for row, one in enumerate(rows):
        of_row = predicted._replace(logits=predicted.order)
        part = tf.nest.map_structure(lambda x, r=row: x[r : r + 1], of_row)
        alone = made(_raw([one]), part, part.order, part.order)
        for found, expected in zip(alone, both, strict=True):
            np.testing.assert_array_equal(found[0], expected[row])


def test_places_without_a_video_stay_off_the_page_and_sums_finite() -> None:
    predicted = _predicted(1)._replace(seconds=tf.fill([1, K], 5e34))
    order = tf.where(tf.range(K) < 2, predicted.order, float("-inf"))
    rows = [({schema.WATCH_SECONDS: 1e9, "liked": -1e9}, "")]
    found, scores = _made()(_raw(rows), predicted, order, predicted.order)
    assert np.isfinite(found[0, :2]).all()
    assert (found.numpy()[0, 2:] == -np.inf).all()
    assert np.isfinite(scores).all()


def test_pages_of_evaluations_are_in_the_order_of_the_graph() -> None:
    predicted = _predicted(1)
    for weights in ({"liked": 2.0, "disliked": -3.0}, {schema.WATCH_SECONDS: 4.0}, {}):
        made = _made(weights)
        order, _ = made(_raw([({}, "")]), predicted, predicted.order, predicted.order)
        found = weighted_order.page_order(predicted, weights)
        np.testing.assert_allclose(found, order, rtol=1e-6)


def test_saved_weights_of_what_is_not_predicted_are_refused() -> None:
    with pytest.raises(errors.UserError, match="policy p, received 'like': did you"):
        weighted_order.Weighing(NAMES, {}, {"p": {"like": 1.0}})
    with pytest.raises(errors.UserError, match=r"watch_seconds, clicked, liked, dis"):
        weighted_order.Weighing(NAMES, {"shared": 1.0})
