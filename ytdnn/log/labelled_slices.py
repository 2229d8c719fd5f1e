"""The batches of a training in which few watches are labels, such as a refresh."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn.log import training_slices


class FewSlices(training_slices.SliceBatches):
    """The batches of slices that lie around the labels, if few watches are labels."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return -(-int(self._runs[1].sum()) // self.slices_per_batch)

    @functools.cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First label, number of slices and free positions of each run of labels.

        Labels less than a slice apart are in one run, so no slice meets two runs.
        """
        labels = np.flatnonzero(self.log.is_label.numpy())
        begins = np.diff(labels, prepend=-self.slice_length) >= self.slice_length
        starts = labels[begins]
        lengths = labels[np.append(begins[1:], True)] - starts + 1
        numbers = -(-lengths // self.slice_length)
        return starts, numbers, numbers * self.slice_length - lengths

    def _firsts(self, generator: np.random.Generator) -> np.ndarray:
        """Draws the first positions of an epoch's slices, each label in one of them."""
        starts, numbers, free = self._runs
        starts = np.repeat(starts - generator.integers(free + 1), numbers)
        before = np.cumsum(numbers) - numbers
        places = np.arange(len(starts)) - np.repeat(before, numbers)
        return generator.permutation(starts + places * self.slice_length)

    def _step_cutter(
        self, epoch: int
    ) -> Callable[[tf.Tensor], training_slices.Features]:
        firsts = tf.constant(self._firsts(self.generator(epoch)), tf.int64)
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
