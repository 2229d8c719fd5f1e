"""The batches of a training in which few watches are labels, such as a refresh."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn.log import training_slices


class FewSlices(training_slices.SliceBatches):
    """The batches of only the slices with a label, if few watches are labels."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in the epoch with most slices."""
        return -(-self._most // self.slices_per_batch)

    @functools.cached_property
    def _most(self) -> int:
        return max(len(self._firsts(offset)) for offset in range(self.slice_length))

    @functools.cached_property
    def _num_before(self) -> np.ndarray:
        return np.append(0, np.cumsum(self.log.is_label.numpy()))

    def _firsts(self, offset: int) -> np.ndarray:
        """Returns the first positions of an epoch's slices with a label."""
        firsts = np.arange(self.num_slices, dtype=np.int64) * self.slice_length - offset
        starts, ends = (
            np.clip(places, 0, self.log.num_watches)
            for places in (firsts, firsts + self.slice_length)
        )
        return firsts[self._num_before[ends] > self._num_before[starts]]

    def _step_cutter(
        self, epoch: int
    ) -> Callable[[tf.Tensor], training_slices.Features]:
        generator = self.generator(epoch)
        offset = int(generator.integers(self.slice_length))
        firsts = tf.constant(generator.permutation(self._firsts(offset)))
        last = int(firsts.shape[0]) - 1
        beyond = tf.constant(self.log.num_watches, tf.int64)

        def cut_step(step: tf.Tensor) -> training_slices.Features:
            slots = self.portion.slots(step, self.slices_per_batch)
            chosen = tf.gather(firsts, tf.minimum(slots, last))
            features: training_slices.Features = self._cut(
                tf.where(slots <= last, chosen, beyond)
            )
            return features

        return cut_step
