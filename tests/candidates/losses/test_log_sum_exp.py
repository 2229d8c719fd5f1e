import numpy as np
import pytest
import tensorflow as tf

from ytdnn.candidates.losses import drawn_negatives, full_softmax

BATCH, DIM, CLASSES = 6, 4, 9


def _arguments():
    rng = np.random.default_rng(0)
    queries = tf.constant(rng.normal(size=[BATCH, DIM]), tf.float32)
    table = tf.Variable(rng.normal(size=[CLASSES + 1, DIM]), dtype=tf.float32)
    bias = tf.Variable(rng.normal(size=[CLASSES + 1]), dtype=tf.float32)
    labels = tf.constant(rng.integers(1, CLASSES + 1, BATCH), tf.int32)
    return labels, queries, table, bias


def _reference(labels, queries, table, bias, smoothing):
    logits = tf.matmul(queries, table[1:], transpose_b=True) + bias[1:]
    target = tf.one_hot(labels - 1, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    return -tf.reduce_sum(target * tf.nn.log_softmax(logits), axis=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_value_and_gradient_equal_the_composed_softmax(smoothing):
    labels, queries, table, bias = _arguments()
    weights = tf.constant([1.0, 2.0, 0.0, 1.0, 3.0, 0.5])
    results = []
    for function in (full_softmax.table_cross_entropy, _reference):
        with tf.GradientTape() as tape:
            tape.watch(queries)
            losses = function(
                labels,
                queries,
                tf.convert_to_tensor(table),
                tf.convert_to_tensor(bias),
                smoothing,
            )
            total = tf.reduce_sum(losses * weights)
        results.append((losses, *tape.gradient(total, [queries, table, bias])))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_offsets_are_added_to_the_logits(smoothing):
    """As one more coordinate of each query and class would add them."""
    labels, queries, table, bias = _arguments()
    offsets = tf.random.stateless_normal([BATCH, CLASSES + 1], [1, 2])
    wide = tf.concat([queries, tf.eye(BATCH)], axis=1)
    of_classes = tf.concat([table, tf.transpose(offsets)], axis=1)
    expected = _reference(labels, wide, of_classes, bias, smoothing)
    found = full_softmax.table_cross_entropy(
        labels,
        queries,
        tf.convert_to_tensor(table),
        tf.convert_to_tensor(bias),
        smoothing,
        offsets=offsets,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_share_of_the_target_may_be_other_probabilities(smoothing):
    labels, queries, table, bias = _arguments()
    soft = tf.nn.softmax(tf.random.stateless_normal([BATCH, CLASSES], [1, 2]))
    of_labels = tf.one_hot(labels - 1, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    target = 0.4 * of_labels + 0.6 * soft
    results = []
    for ours in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(queries)
            rows, biases = tf.convert_to_tensor(table), tf.convert_to_tensor(bias)
            if ours:
                losses = full_softmax.table_cross_entropy(
                    labels,
                    queries,
                    rows,
                    biases,
                    smoothing,
                    soft=tf.pad(soft, [[0, 0], [1, 0]]),
                    soft_share=0.6,
                )
            else:
                logits = tf.matmul(queries, rows[1:], transpose_b=True) + biases[1:]
                losses = -tf.reduce_sum(target * tf.nn.log_softmax(logits), axis=1)
        results.append((losses, *tape.gradient(losses, [queries, table, bias])))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_class_that_is_never_the_label_gets_no_gradient():
    labels, queries, table, bias = _arguments()
    labels = tf.ones_like(labels)
    never = tf.one_hot([4] * BATCH, CLASSES + 1, drawn_negatives.NEVER, 0.0)
    with tf.GradientTape() as tape:
        losses = full_softmax.table_cross_entropy(
            labels,
            queries,
            tf.convert_to_tensor(table),
            tf.convert_to_tensor(bias),
            offsets=never,
        )
    np.testing.assert_array_equal(tape.gradient(losses, table)[4], np.zeros(DIM))
    assert np.isfinite(losses).all()


def test_padding_row_gets_no_gradient_and_label_zero_no_nan():
    _, queries, table, bias = _arguments()
    labels = tf.zeros([BATCH], tf.int32)
    with tf.GradientTape() as tape:
        losses = full_softmax.table_cross_entropy(
            labels, queries, tf.convert_to_tensor(table), tf.convert_to_tensor(bias)
        )
        total = tf.reduce_sum(losses * 0.0)
    gradient = tape.gradient(total, table)
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(gradient, np.zeros([CLASSES + 1, DIM]))


def test_bfloat16_gradient_is_close():
    labels, queries, table, bias = _arguments()
    gradients = []
    for precision in ("float32", "bfloat16"):
        with tf.GradientTape() as tape:
            losses = full_softmax.table_cross_entropy(
                labels,
                queries,
                tf.convert_to_tensor(table),
                tf.convert_to_tensor(bias),
                precision=precision,
            )
        gradients.append(tape.gradient(losses, table).numpy())
    np.testing.assert_allclose(*gradients, atol=0.03)


def _log_sum_exp_reference(scores, offsets, mask):
    logits = tf.where(
        mask, tf.cast(scores, tf.float32) + offsets, drawn_negatives.NEVER
    )
    return tf.reduce_logsumexp(logits, axis=1)


@pytest.mark.parametrize("with_mask", [True, False])
@pytest.mark.parametrize("with_left_out", [True, False])
def test_log_sum_exp_and_its_gradient_equal_the_composed_ones(with_mask, with_left_out):
    rng = np.random.default_rng(4)
    values = [tf.constant(rng.normal(size=s), tf.float32) for s in ([5, 9], [9])]
    mask = rng.random([5, 9]) > 0.3 if with_mask else np.ones([5, 9], bool)
    left_out = np.array([3, -1, 0, 8, 3]) if with_left_out else np.full(5, -1)
    counted = mask.copy()
    counted[left_out >= 0, left_out[left_out >= 0]] = False
    weights = tf.constant(rng.random(5), tf.float32)
    arguments = (
        tf.constant(mask) if with_mask else None,
        tf.constant(left_out, tf.int32) if with_left_out else None,
    )
    results = []
    for function, others in (
        (drawn_negatives.log_sum_exp, arguments),
        (_log_sum_exp_reference, (tf.constant(counted),)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(values)
            sums = function(*values, *others)
            total = tf.reduce_sum(weights * sums)
        results.append([sums, *tape.gradient(total, values)])
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-5, atol=1e-6)


def test_log_sum_exp_of_nothing_is_never_and_of_large_scores_finite():
    scores = tf.constant([[3.0, -2.0], [500.0, 9e8], [-700.0, -900.0]])
    mask = tf.constant([[False, False], [True, False], [True, True]])
    sums = drawn_negatives.log_sum_exp(scores, tf.zeros([2]), mask)
    np.testing.assert_allclose(sums, [drawn_negatives.NEVER, 500.0, -700.0])


def test_log_sum_exp_leaves_its_scores_as_they_are():
    """What is left out is written in place, of logits that are its own."""
    scores = tf.random.stateless_normal([3, 4], [1, 2])
    before = scores.numpy()
    left_out = tf.constant([0, 1, 2])
    run = tf.function(
        lambda x: drawn_negatives.log_sum_exp(x, tf.zeros([4]), None, left_out)
    )
    run(scores)
    np.testing.assert_array_equal(scores, before)
