import dataclasses

import numpy as np
import tensorflow as tf

from tests.features.sequences import contract
from ytdnn.base import schema
from ytdnn.features.sequences import watched
from ytdnn.log import prepared


class TestWatchBags(contract.EncoderContract):
    rows = schema.WATCH_ROWS

    def make(self, data: prepared.PreparedData) -> watched.WatchBags:
        return watched.WatchBags(contract.CONFIG, data.vocabulary_size)

    def size(self, data: prepared.PreparedData) -> int:
        return data.vocabulary_size

    def test_times_of_the_rows_come_along(self, data: prepared.PreparedData) -> None:
        """For an encoder that weighs by time; these averages do not."""
        features = contract.batch(data)
        encoder = self.make(data)
        changed = features | {
            schema.WATCH_ROW_TIMES: tf.zeros_like(features[schema.WATCH_ROW_TIMES])
        }
        for pair in zip(encoder(features), encoder(changed), strict=True):
            np.testing.assert_array_equal(*pair)


def test_the_papers_mean_is_that_of_the_videos_with_an_embedding(
    data: prepared.PreparedData,
) -> None:
    config = dataclasses.replace(contract.CONFIG, decay_rates=(), learned_bags=0)
    encoder = watched.WatchBags(config, data.vocabulary_size)
    features = contract.batch(data)
    (found,) = encoder(features)
    table = encoder.videos.table.numpy()
    rows = features[schema.WATCH_ROWS].numpy()
    num_unknown = 0
    for row, position in np.ndindex(3, 5):
        first = max(int(features[schema.FIRST_ROWS][row, position]), position)
        history = rows[row, first : position + contract.LENGTH]
        known = history[(history > 0) & (history <= data.vocabulary_size)]
        num_unknown += len(history) - len(known)
        expected = table[known].mean(axis=0) if len(known) else np.zeros(contract.DIM)
        np.testing.assert_allclose(found[row, position], expected, atol=1e-6)
    assert num_unknown > 0


def test_learned_averages_stand_behind_the_fixed_ones(
    data: prepared.PreparedData,
) -> None:
    encoder = watched.WatchBags(contract.CONFIG, data.vocabulary_size)
    fixed, learned = encoder(contract.batch(data))
    assert fixed.shape[-1] == 3 * contract.DIM  # the mean, two decay rates
    assert learned.shape[-1] == 2 * contract.DIM
    assert encoder.num_bags == 5
    # Two curves over six positions, beside the table.
    own = [v for v in encoder.trainable_variables if v is not encoder.videos.table]
    assert sum(np.prod(v.shape) for v in own) == 2 * contract.LENGTH
