"""Readers' parts of a batch, side by side, are the batch that one process cuts."""

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.candidates import tower_inputs
from ytdnn.log import drawn_labels, events, inputs
from ytdnn.ops.cluster import portions
from ytdnn.ranking import building
from ytdnn.training import impression_batches


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _sliced(data, kind):
    config = planted.tiny_config().candidates
    log = tower_inputs.open_log(
        tower_inputs.from_config(config, data), inputs.training_set(data)
    )
    return kind(log, 32, 4, 6, seed=1)


def _drawn(data, held_out):
    config = planted.tiny_config().candidates
    log = tower_inputs.open_log(
        tower_inputs.from_config(config, data), inputs.training_set(data)
    )
    return drawn_labels.DrawnBatches(
        log, 32, 6, 5, per_user=3, held_out=held_out, seed=1
    )


def _impressions(data):
    config = configs.RankingConfig(embedding_dim=4, tower=(8,))
    model = building.build(config, data)
    rows = tf.constant(building.rows_of(data.log, events.Split.TRAIN)[:100])
    return impression_batches.ImpressionBatches(
        model.open_log(data, serving=False), rows, 32, 1
    )


MAKERS = {
    "slices": lambda data: _sliced(data, inputs.SliceBatches),
    "few slices": lambda data: _sliced(data, inputs.FewSlices),
    "drawn": lambda data: _drawn(data, held_out=False),
    "held out": lambda data: _drawn(data, held_out=True),
    "impressions": _impressions,
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", MAKERS)
def test_parts_of_all_readers_are_the_whole_batch(data, name):
    batches = MAKERS[name](data)
    whole = list(batches(1, 1))
    parts = [
        list(batches.part(portions.Portion(number, 4))(1, 1)) for number in range(4)
    ]
    assert len(whole) >= 2
    assert all(len(part) == len(whole) for part in parts)
    for step, batch in enumerate(whole):
        for key, values in batch.items():
            joined = np.concatenate([part[step][key].numpy() for part in parts])
            np.testing.assert_array_equal(joined, values, err_msg=key)


def test_a_batch_that_cannot_be_shared_out_is_one_line():
    with pytest.raises(errors.UserError, match=r"3 replicas can share.* 32 rows"):
        portions.Portion(0, 3).size(32)
