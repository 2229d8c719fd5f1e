import numpy as np
import pytest
import tensorflow as tf

from ytdnn.layers import softmax

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
    for function in (softmax.table_cross_entropy, _reference):
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
    found = softmax.table_cross_entropy(
        labels,
        queries,
        tf.convert_to_tensor(table),
        tf.convert_to_tensor(bias),
        smoothing,
        offsets=offsets,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_class_that_is_never_the_label_gets_no_gradient():
    labels, queries, table, bias = _arguments()
    labels = tf.ones_like(labels)
    never = tf.one_hot([4] * BATCH, CLASSES + 1, softmax.NEVER, 0.0)
    with tf.GradientTape() as tape:
        losses = softmax.table_cross_entropy(
            labels,
            queries,
            tf.convert_to_tensor(table),
            tf.convert_to_tensor(bias),
            offsets=never,
        )
    gradient = tape.gradient(losses, table)
    np.testing.assert_array_equal(gradient[4], np.zeros(DIM))
    assert np.isfinite(losses).all()


def test_padding_row_gets_no_gradient_and_label_zero_no_nan():
    _, queries, table, bias = _arguments()
    labels = tf.zeros([BATCH], tf.int32)
    with tf.GradientTape() as tape:
        losses = softmax.table_cross_entropy(
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
            losses = softmax.table_cross_entropy(
                labels,
                queries,
                tf.convert_to_tensor(table),
                tf.convert_to_tensor(bias),
                precision=precision,
            )
        gradients.append(tape.gradient(losses, table).numpy())
    np.testing.assert_allclose(*gradients, atol=0.03)


def _diagonal_arguments():
    rng = np.random.default_rng(1)
    scores = tf.constant(rng.normal(size=[4, 7]), tf.float32)
    offsets = tf.constant(rng.normal(size=[7]), tf.float32)
    positive_offsets = tf.constant(rng.normal(size=[4]), tf.float32)
    mask = tf.constant((rng.random([4, 7]) < 0.7) | np.eye(4, 7, dtype=bool))
    return mask, (scores, offsets, positive_offsets)


def _diagonal_reference(scores, mask, offsets, positive_offsets):
    positive = tf.eye(4, 7)
    logits = scores + offsets * (1 - positive)
    logits += positive * positive_offsets[:, tf.newaxis]
    logits = tf.where(mask, logits, -np.inf)
    return tf.reduce_logsumexp(logits, axis=1) - tf.linalg.diag_part(logits)


def test_diagonal_value_and_gradient_equal_the_composed_softmax():
    mask, (scores, *offsets) = _diagonal_arguments()
    assert not mask.numpy().all()
    weights = tf.constant([1.0, 0.0, 3.0, 0.5])
    results = []
    for function in (softmax.diagonal_cross_entropy, _diagonal_reference):
        with tf.GradientTape() as tape:
            tape.watch([scores, *offsets])
            losses = function(scores, mask, *offsets)
            total = tf.reduce_sum(losses * weights)
        results.append((losses, *tape.gradient(total, [scores, *offsets])))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_diagonal_loss_is_finite_where_the_label_is_hopeless():
    scores = tf.constant([[-500.0, 500.0, 9e9]])
    mask = tf.constant([[True, True, False]])
    loss = softmax.diagonal_cross_entropy(scores, mask, tf.zeros([3]), tf.zeros([1]))
    np.testing.assert_allclose(loss, [1000.0])


def _sampled_reference(scores, mask, offsets, positives):
    logits = tf.where(mask, scores + offsets, softmax.NEVER)
    logits = tf.concat([positives[:, tf.newaxis], logits], axis=1)
    return tf.reduce_logsumexp(logits, axis=1) - positives


def test_sampled_value_and_gradient_equal_the_composed_softmax():
    rng = np.random.default_rng(4)
    shapes = [5, 9], [9], [5]
    values = [tf.constant(rng.normal(size=s), tf.float32) for s in shapes]
    mask = rng.random([5, 9]) > 0.3
    mask[2] = False  # all negatives are the label itself
    weights = tf.constant(rng.random(5), tf.float32)
    results = []
    for function in (softmax.sampled_cross_entropy, _sampled_reference):
        with tf.GradientTape() as tape:
            tape.watch(values)
            scores, offsets, positives = values
            losses = function(scores, tf.constant(mask), offsets, positives)
            total = tf.reduce_sum(weights * losses)
        results.append([losses, *tape.gradient(total, values)])
    assert results[0][0][2] == 0.0
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-5, atol=1e-6)
