import numpy as np
import pytest
import tensorflow as tf

from ytdnn.layers import split_dense

VECTORS = tf.random.stateless_normal([2, 3, 4], [1, 2])
NUMBERS = tf.random.stateless_normal([5, 6], [3, 4])
KERNEL = tf.random.stateless_normal([9, 7], [5, 6])


def blocks(vectors: tf.Tensor, numbers: tf.Tensor) -> tuple[split_dense.Block, ...]:
    return split_dense.to_block(vectors), split_dense.Block(numbers, is_learned=False)


def side_by_side(vectors: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.reshape(vectors, [6, 4]), tf.transpose(numbers)], axis=1)


def test_examples_are_the_blocks_side_by_side():
    found = split_dense.examples(blocks(VECTORS, NUMBERS))
    np.testing.assert_array_equal(found, side_by_side(VECTORS, NUMBERS))


@pytest.mark.parametrize("learns", [False, True])
def test_the_product_is_that_of_a_dense_layer(learns):
    found = split_dense.product(blocks(VECTORS, NUMBERS), KERNEL, learns)
    expected = tf.matmul(side_by_side(VECTORS, NUMBERS), KERNEL)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def gradients(product) -> list[tf.Tensor | None]:
    with tf.GradientTape() as tape:
        tape.watch([KERNEL, VECTORS, NUMBERS])
        loss = tf.reduce_sum(tf.square(product(VECTORS, NUMBERS)))
    return tape.gradient(loss, [KERNEL, VECTORS, NUMBERS])


def test_gradients_are_those_of_a_dense_layer_and_none_of_numbers():
    of_kernel, of_vectors, of_numbers = gradients(
        lambda vectors, numbers: split_dense.product(
            blocks(vectors, numbers), KERNEL, learns=True
        )
    )
    expected = gradients(lambda *both: tf.matmul(side_by_side(*both), KERNEL))
    assert of_numbers is None
    np.testing.assert_allclose(of_kernel, expected[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(of_vectors, expected[1], rtol=1e-4, atol=1e-4)


def test_in_bfloat16_the_gradients_have_the_types_of_what_they_are_of():
    kernel = tf.cast(KERNEL, tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch([kernel, VECTORS])
        found = split_dense.product(blocks(VECTORS, NUMBERS), kernel, learns=True)
    of_kernel, of_vectors = tape.gradient(found, [kernel, VECTORS])
    assert (found.dtype, of_kernel.dtype) == (tf.bfloat16, tf.bfloat16)
    assert of_vectors.dtype == tf.float32
    exact = tf.matmul(side_by_side(VECTORS, NUMBERS), KERNEL)
    np.testing.assert_allclose(tf.cast(found, tf.float32), exact, atol=0.1, rtol=0.02)


@pytest.mark.parametrize("k", [0, 1, 3])
def test_what_each_item_has_stands_beside_its_query(k):
    items = split_dense.Items.from_vectors(tf.zeros([2, k, 4]))
    values = tf.reshape(tf.range(2 * k * 5), [2 * k, 5])
    found = items.beside(tf.zeros([2, 9]), values)
    np.testing.assert_array_equal(found, tf.reshape(values, [2, k, 5]))
    assert split_dense.Items.from_vectors(items) is items
    assert items.width == 4
