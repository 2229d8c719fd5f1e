"""Rows of tables go where their values have their places now."""

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.layers import embeddings
from ytdnn.ops.refresh import carrying
from ytdnn.training import optimizer_state

ROWS = carrying.RowSources(carrying.places(["a", "b"], ["b", "new", "a"]))


def test_rows_follow_their_values() -> None:
    old = np.array([[0.0], [1.0], [2.0]])
    fresh = np.full([4, 1], 9.0)
    assert ROWS.carry(old, fresh).ravel().tolist() == [0.0, 2.0, 9.0, 1.0]
    zero = carrying.RowSources(ROWS.sources, is_zero=True)
    assert zero.carry(old, fresh).ravel().tolist() == [0.0, 2.0, 0.0, 1.0]


def test_a_value_that_is_gone_has_no_row() -> None:
    assert carrying.places(["a", "b"], ["b"]).tolist() == [0, 2]


@pytest.mark.parametrize("name", ["videos", "videos_shown"])
def test_a_hashed_video_keeps_its_rows_where_its_index_changes(name: str) -> None:
    old, new = (embeddings.HashedTable(n, 2, 4, name=name) for n in (2, 3))
    pairs = [table.row_numbers.numpy() for table in (old, new)]
    rows = ROWS, carrying.RowSources(ROWS.sources, is_zero=True)
    carrying.weights(old, new, {"row_numbers": rows[0], "videos": rows[1]})
    a, b = 1, 2
    expected = [[0, 0], pairs[0][b], pairs[1][2], pairs[0][a]]
    np.testing.assert_array_equal(new.row_numbers, expected)
    np.testing.assert_array_equal(new.table, old.table)
    np.testing.assert_array_equal(new(tf.constant([1, 3])), old(tf.constant([b, a])))


class Net(tf.Module):
    def __init__(self, table: np.ndarray, dense: float) -> None:
        super().__init__()
        self.a = tf.Variable(table, name="topic/table")
        self.b = tf.Variable([dense], name="tower/kernel")


def test_weights_and_state_of_a_grown_model() -> None:
    """The accumulator of a new row is that of a fresh optimiser."""
    old = Net(np.array([[0.0], [1.0], [2.0]]), 5.0)
    new = Net(np.full([4, 1], 9.0), 0.0)
    carrying.weights(old, new, {"topic": ROWS})
    assert new.a.numpy().ravel().tolist() == [0.0, 2.0, 9.0, 1.0]
    assert new.b.numpy().tolist() == [5.0]
    slots = {
        (0, "accumulator"): np.array([[0.1], [3.0], [4.0]]),
        (1, "m"): np.array([7.0]),
    }
    state = optimizer_state.State(12, slots)
    found = carrying.state(state, new.variables, {"topic": ROWS}, fresh=0.5)
    assert found.steps == 12
    assert found.slots[0, "accumulator"].ravel().tolist() == [0.1, 4.0, 0.5, 3.0]
    assert found.slots[1, "m"].tolist() == [7.0]
