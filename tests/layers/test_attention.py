import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import attention, bags

RNG = np.random.default_rng(0)
DIM, ROWS = 4, 5
VALUES = tf.constant(RNG.normal(size=[2, ROWS, DIM]), tf.float32)
# Of the first slice rows 0 and 1 are another user's, of the second row 3 is unknown.
STARTS = tf.constant([[2, 2, 2, 2, 2], [0, 0, 0, 0, 0]])
KNOWN = tf.constant([[True] * 5, [True, True, True, False, True]])
MASK = attention.causal_mask(STARTS, KNOWN)
BUCKETS = tf.constant(RNG.integers(0, 65, size=[2, ROWS, ROWS]), tf.int32)


def _filled(layer, *inputs):
    layer(*inputs)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer


class TestSelfAttention(contract.LayerContract):
    def make(self):
        return attention.SelfAttentionBlock(2, ROWS, 0.3, name="block")

    def inputs(self):
        return VALUES, MASK


class TestGatedAttention(contract.LayerContract):
    def make(self):
        return attention.GatedAttention(2, ROWS, 0.3, name="block")

    def inputs(self):
        return VALUES, MASK, BUCKETS


def test_a_rows_user_begins_where_the_next_positions_history_does():
    # Rows 0 … 4, three positions: their histories end before rows 3, 4 and 5.
    first_rows = tf.constant([[1, 4, 4]])
    assert attention.starts(first_rows, tf.constant(5)).numpy().tolist() == [
        [1, 1, 1, 1, 4]
    ]


def test_rows_see_known_ones_of_their_user_up_to_themselves():
    first, second = MASK.numpy().astype(int)
    assert first.tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 1],
    ]
    assert second.tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 1],
    ]


def test_the_last_positions_mask_is_that_of_the_bags_without_a_bound():
    first_rows = tf.constant([[0, 0, 0], [1, 4, 4]])
    starts = attention.starts(first_rows, tf.constant(5))
    seen = attention.causal_mask(starts, tf.ones([2, 5], tf.bool))[:, -3:]
    whole = bags.history_mask(first_rows, 5, is_bounded=False).numpy()
    same_user = (starts[:, -3:] == first_rows).numpy()
    np.testing.assert_array_equal(seen.numpy()[same_user], whole[same_user])
    assert not whole[~same_user].any()


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0, 1), (1, 1), (2, 3), (3_600, 28), (86_400, 38), (10**10, 64), (-5, 1)],
)
def test_time_buckets_by_hand(seconds, bucket):
    # 1 + ⌊ln(3,600) / 0.301⌋ = 1 + ⌊27.2⌋, 1 + ⌊ln(86,400) / 0.301⌋ = 1 + ⌊37.8⌋.
    start = 10**10
    found = attention.time_buckets(
        tf.constant([[start + seconds]], tf.int64), tf.constant([[start, 0]], tf.int64)
    )
    assert found.numpy().tolist() == [[[bucket, 0]]]


def _norm(values):
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)


def _named(layer):
    return {
        v.name.partition("/")[2].removesuffix(":0"): v.numpy() for v in layer.weights
    }


def test_gated_attention_by_hand():
    """One head, norms that scale by one and add nothing."""
    layer = attention.GatedAttention(1, 3, name="block")
    layer(VALUES, MASK, BUCKETS)
    for weight in layer.trainable_variables:
        if "norm" not in weight.name:
            weight.assign(RNG.normal(size=weight.shape))
    own = _named(layer)
    rows = VALUES.numpy()[1]
    inwards = _norm(rows) @ own["inwards/kernel"] + own["inwards/bias"]
    inwards /= 1.0 + np.exp(-inwards)
    gate, query, key, value = np.split(inwards, 4, axis=-1)
    summed = np.zeros([ROWS, DIM])
    for i, j in np.argwhere(MASK.numpy()[1]):
        bias = own["distances"][0, min(i - j, 2)]
        bias += own["times"][0, BUCKETS.numpy()[1, i, j]]
        score = query[i] @ key[j] / 2.0 + bias  # the root of four
        summed[i] += score / (1.0 + np.exp(-score)) * value[j]
    added = (_norm(summed) * gate) @ own["outwards/kernel"] + own["outwards/bias"]
    found = layer(VALUES, MASK, BUCKETS).numpy()[1]
    np.testing.assert_allclose(found, rows + added, atol=1e-4)


def test_self_attention_is_the_mean_where_scores_are_equal():
    layer = attention.SelfAttentionBlock(2, ROWS, name="block")
    layer(VALUES, MASK)
    for weight in layer.trainable_variables:
        if "norm" not in weight.name:
            weight.assign(tf.zeros_like(weight))
    kernel = np.zeros([DIM, 3 * DIM])
    kernel[:, 2 * DIM :] = np.eye(DIM)  # values alone: no query, no key
    layer.inwards.kernel.assign(kernel)
    layer.outwards.kernel.assign(np.eye(DIM))
    rows = VALUES.numpy()[1]
    found = layer(VALUES, MASK).numpy()[1]
    for i in range(ROWS):
        seen = MASK.numpy()[1, i]
        np.testing.assert_allclose(
            found[i], rows[i] + _norm(rows)[seen].mean(axis=0), atol=1e-5
        )


@pytest.mark.parametrize(
    ("cls", "more"),
    [(attention.SelfAttentionBlock, ()), (attention.GatedAttention, (BUCKETS,))],
)
def test_dropout_is_a_function_of_the_seed(cls, more):
    layer = _filled(cls(2, ROWS, dropout=0.5), VALUES, MASK, *more)
    plain = layer(VALUES, MASK, *more).numpy()
    first, again, other = (
        layer(VALUES, MASK, *more, seed=tf.constant([1, i])).numpy() for i in (2, 2, 3)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != plain)
    assert np.any(first != other)
