"""What candidates learn of a grown log; the pipeline's tests try the rest."""

import dataclasses
import pathlib

import numpy as np

from tests import planted
from tests.training import test_counted_start
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.candidates import model
from ytdnn.log import derived_sets, events, prepared
from ytdnn.training import candidates, continued_training, counted_start

STILL = configs.TrainingConfig(
    epochs=1, batch_size=256, learning_rate=1e-9, table_learning_rate=1e-9
)
COUNTED = dataclasses.replace(test_counted_start.CONFIG, training=STILL)


def vectors_of(network: model.Joined, data: prepared.PreparedData) -> np.ndarray:
    return np.asarray(network.video_vectors(data.windows.training_window[1]))


def test_what_leave_one_out_holds_out_is_learned_in_the_end(
    tmp_path: pathlib.Path,
) -> None:
    data = planted.prepared_data(tmp_path / "run", protocol="leave_one_out")
    whole = derived_sets.derive(
        data, derived_sets.Part.WHOLE, tmp_path / "whole", needs_ranker=False
    )
    learned = continued_training._labels(whole, continued_training.HELD_OUT, 0.0, 0)
    held_out = np.asarray(data.watches.splits) != events.Split.TRAIN
    assert held_out.any()
    np.testing.assert_array_equal(learned.watches.are_completed, held_out)


def test_a_start_that_no_epoch_improves_is_counted_again(
    tmp_path: pathlib.Path,
) -> None:
    """And again by the next one, which finds no state of an optimiser."""
    data = planted.prepared_data(tmp_path)
    grown = data.with_validation_in_training()
    config = configs.changed(planted.tiny_config(), {"candidates": COUNTED})
    candidates.train(config, data, tmp_path / "candidates")
    trained = artifacts.read_manifest(tmp_path / "candidates", model.KIND).facts
    assert trained["best_epoch"] == 0
    begins = data.windows.training_window[1]
    expected = model.build(COUNTED, grown)
    counted_start.count_again(expected, grown, trained)
    later = tmp_path / "later"
    later.mkdir()
    (later / "data").symlink_to(tmp_path / "data")
    for home, target in ((tmp_path, later), (later, tmp_path / "last")):
        made = target / "candidates"
        continued_training.carry_candidates(config, home, grown, made, begins)
        facts = artifacts.read_manifest(made, model.KIND).facts
        assert facts["start"] == trained["start"]
        np.testing.assert_allclose(
            vectors_of(model.load(made, grown), grown),
            vectors_of(expected, grown),
            atol=1e-5,
        )
    old = vectors_of(model.load(tmp_path / "candidates", data), data)
    assert not np.allclose(old, vectors_of(expected, grown), atol=1e-3)
