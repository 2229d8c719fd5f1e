"""The step that a TPU would be given, compiled by XLA on the CPU: the same losses."""

import numpy as np
import pytest
import tensorflow as tf

from tests.ops.cluster import losses_of_steps
from ytdnn.layers import randomness
from ytdnn.ops.cluster import strategies
from ytdnn.training import device_strategy, loop

_STEPS = 6


class OneCompiled(strategies.Tpu):
    """One device with steps compiled by XLA."""

    strategy = device_strategy.OneDevice.strategy


def _losses(data, name, is_compiled):
    on = OneCompiled() if is_compiled else device_strategy.make("none")
    stage = losses_of_steps.make_stage(name, data, on)
    training = getattr(losses_of_steps.config(), name).training
    trainer = loop.Trainer(stage, training, 0, on)
    (dataset,) = stage.batches(0, 0)
    return [
        float(trainer.step(batch, tf.constant(number, tf.int64)))
        for number, batch in enumerate(dataset.take(_STEPS))
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["candidates", "ranking"])
def test_a_step_compiled_by_xla_gives_the_same_losses(data, name):
    plain, compiled = (_losses(data, name, is_it) for is_it in (False, True))
    assert len(plain) == _STEPS
    np.testing.assert_allclose(compiled, plain, rtol=1e-5)


def test_draws_do_not_depend_on_what_compiles_them():
    seed = tf.constant([3, 4])

    def draw():
        folded = randomness.fold(seed, randomness.RandomStream.BAGS)
        kept = randomness.keep_mask(tf.constant([7, 5]), 0.3, folded)
        return randomness.uniform(9, folded), kept

    for plain, compiled in zip(
        draw(), tf.function(draw, jit_compile=True)(), strict=True
    ):
        np.testing.assert_array_equal(plain, compiled)
    uniform = tf.random.stateless_uniform([101], seed, dtype=tf.float64)
    np.testing.assert_array_equal(randomness.uniform(101, seed), uniform)
