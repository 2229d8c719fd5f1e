"""A loss of the user's own: the documented file, and files that are refused."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.candidates.losses import setting
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.candidates import losses, model
from ytdnn.candidates.losses import pairwise

FILE = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "margin.py"
KERAS = "import tensorflow as tf\n\n\nclass Own(tf.keras.losses.Loss):\n"
CALL = "    def call(self, y_true, y_pred):\n        return {}\n"
BPR = "tf.reduce_mean(tf.nn.softplus(y_pred[:, 1:] - y_pred[:, :1]), axis=1)"


def documented() -> str:
    return FILE.read_text()


def make(data, path: pathlib.Path, text: str):
    path.write_text(text)
    config = setting.config(
        loss=configs.OwnLossConfig(file=str(path), num_negatives=16)
    )
    tf.keras.utils.set_random_seed(0)
    candidate_model = model.build(config, data)
    counts = setting.counts(data)
    return losses.make(config, candidate_model, counts), candidate_model


def test_the_file_of_the_page_has_gradients(data, tmp_path: pathlib.Path) -> None:
    loss, candidate_model = make(data, tmp_path / "margin.py", documented())
    with tf.GradientTape() as tape:
        total, weights = loss(setting.batch(data), tf.constant([0, 1]))
    found = tape.gradient(total, candidate_model.videos.table)
    values = found.values if isinstance(found, tf.IndexedSlices) else found
    assert float(total) > 0.0
    assert float(weights) > 0.0
    assert float(tf.reduce_max(tf.abs(values))) > 0.0


def test_bpr_written_as_an_own_file_is_bpr(data, tmp_path: pathlib.Path) -> None:
    own, _ = make(data, tmp_path / "bpr.py", KERAS + CALL.format(BPR))
    positive = tf.constant([2.0])
    negative, counts = tf.constant([[1.0, 3.0]]), tf.ones([1, 2])
    assert isinstance(own, pairwise.Pairwise)
    np.testing.assert_allclose(
        own._losses(positive, negative, counts),
        pairwise.BPR().scored(positive, negative, counts),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "expected one subclass of tf.keras.losses.Loss in .*found none"),
        ("x = 1 / 0\n", "that runs, found ZeroDivisionError in line 1"),
    ],
)
def test_a_file_without_a_loss_is_refused(data, tmp_path, text, message) -> None:
    with pytest.raises(errors.UserError, match=message):
        make(data, tmp_path / "own.py", text)


def test_a_mean_over_the_batch_is_refused(data, tmp_path: pathlib.Path) -> None:
    text = KERAS + CALL.format("tf.reduce_mean(y_pred)")
    loss, _ = make(data, tmp_path / "own.py", text)
    with pytest.raises(errors.UserError, match=r"shape \[batch\] from Own.call.*\(\)"):
        loss(setting.batch(data), tf.constant([0, 1]))


def test_a_missing_file_is_named_and_a_changed_one_noticed(tmp_path) -> None:
    path = tmp_path / "own.py"
    config = configs.CandidatesConfig(loss=configs.OwnLossConfig(file=str(path)))
    with pytest.raises(errors.UserError, match=r"found none in '.*own\.py': write one"):
        registries.versions(config)
    path.write_text("a")
    before = registries.versions(config)
    path.write_text("b")
    assert list(before) == ["loss"]
    assert before != registries.versions(config)
    assert registries.versions(configs.CandidatesConfig()) == {}
