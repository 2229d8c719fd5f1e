"""Variables of a SavedModel with other values."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.base import errors
from ytdnn.ops.counters import publishing


class Sum(tf.Module):
    """Adds variables: one of a fixed shape, one of any number of rows, others."""

    def __init__(self) -> None:
        super().__init__()
        self.counters = tf.Variable(tf.ones([50, 3]), name="counters")
        rows = tf.range(4, dtype=tf.int32)
        self.rows = tf.Variable(rows, name="rows", shape=tf.TensorShape([None]))
        self.many = [tf.Variable(float(n), name=f"other{n}") for n in range(99)]
        self.text = tf.Variable(["a", "bc"], name="text")

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def call(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the sums."""
        total = tf.reduce_sum(self.counters) + tf.add_n(self.many)
        return {"sum": x + total, "rows": self.rows + 0, "text": self.text + ""}


def test_values_of_any_size_are_read_by_tensorflow(tmp_path: pathlib.Path) -> None:
    module, home = Sum(), tmp_path / "variables"
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.call})
    rows = np.arange(1_000, dtype=np.int32)
    values = {"counters": np.full((50, 3), 2.0, np.float32), "rows": rows, "none": rows}
    files = publishing.changed_files(home, values)
    assert {*files} == {"variables.index", "variables.data-00000-of-00001"}
    assert publishing.changed_files(home, {"none": rows}) == {}
    for name, content in files.items():
        (home / name).write_bytes(content)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    found = loaded(x=tf.constant(0.0))
    assert float(found["sum"]) == 50 * 3 * 2.0 + sum(range(99))
    assert found["rows"].numpy().tolist() == rows.tolist()
    assert found["text"].numpy().tolist() == [b"a", b"bc"]
    (home / "variables.index").write_bytes(b"else")
    with pytest.raises(errors.UserError, match="expected the index of a SavedModel"):
        publishing.changed_files(home, values)
