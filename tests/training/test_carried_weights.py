"""Rows of tables go where their values have their places now."""

import numpy as np
import tensorflow as tf

from ytdnn.training import carried_weights, optimizers

ROWS = carried_weights.RowSources(carried_weights.places(["a", "b"], ["b", "new", "a"]))


def test_rows_follow_their_values() -> None:
    old = np.array([[0.0], [1.0], [2.0]])
    fresh = np.full([4, 1], 9.0)
    assert ROWS.carry(old, fresh).ravel().tolist() == [0.0, 2.0, 9.0, 1.0]
    zero = carried_weights.RowSources(ROWS.sources, is_zero=True)
    assert zero.carry(old, fresh).ravel().tolist() == [0.0, 2.0, 0.0, 1.0]


def test_a_value_that_is_gone_has_no_row() -> None:
    assert carried_weights.places(["a", "b"], ["b"]).tolist() == [0, 2]


class Net(tf.Module):
    def __init__(self, table: np.ndarray, dense: float) -> None:
        super().__init__()
        self.a = tf.Variable(table, name="topic/table")
        self.b = tf.Variable([dense], name="tower/kernel")


def test_weights_and_state_of_a_grown_model() -> None:
    """The accumulator of a new row is that of a fresh optimiser."""
    old = Net(np.array([[0.0], [1.0], [2.0]]), 5.0)
    new = Net(np.full([4, 1], 9.0), 0.0)
    carried_weights.weights(old, new, {"topic": ROWS})
    assert new.a.numpy().ravel().tolist() == [0.0, 2.0, 9.0, 1.0]
    assert new.b.numpy().tolist() == [5.0]
    slots = {
        (0, "accumulator"): np.array([[0.1], [3.0], [4.0]]),
        (1, "m"): np.array([7.0]),
    }
    state = optimizers.State(12, slots)
    found = carried_weights.state(state, new, {"topic": ROWS}, fresh=0.5)
    assert found is not None
    assert found.steps == 12
    assert found.slots[0, "accumulator"].ravel().tolist() == [0.1, 4.0, 0.5, 3.0]
    assert found.slots[1, "m"].tolist() == [7.0]
