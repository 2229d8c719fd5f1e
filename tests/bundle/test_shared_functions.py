"""Parts of exported graphs are traced once; SavedModels hold no more than they read."""

import pathlib
from collections.abc import Callable

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.bundle import conftest
from ytdnn.bundle import bundle, shared_functions


def counting() -> tuple[list[int], Callable[..., tf.Tensor]]:
    """Returns a list that grows by each trace of a function, and the function."""
    traces: list[int] = []

    def total(values: tf.Tensor, more: tf.Tensor | None = None) -> tf.Tensor:
        traces.append(1)
        found = tf.reduce_sum(values, axis=1)
        return found if more is None else found + tf.reduce_sum(more, axis=1)

    return traces, total


def test_two_graphs_call_one_trace_whatever_the_length_of_a_list() -> None:
    traces, total = counting()
    once = shared_functions.TracedFunction(total)
    lists = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[lists])
    def first(values: tf.Tensor) -> tf.Tensor:
        return once(values) + once(tf.zeros([2, 0], tf.int32)[: tf.shape(values)[0]])

    @tf.function(input_signature=[lists])
    def second(values: tf.Tensor) -> tf.Tensor:
        return once(values)

    values = tf.constant([[1, 2, 3], [4, 5, 6]])
    assert first(values).numpy().tolist() == [6, 15]
    assert second(values).numpy().tolist() == [6, 15]
    assert len(traces) == 1


def test_an_argument_that_is_left_out_makes_another_trace() -> None:
    traces, total = counting()
    once = shared_functions.TracedFunction(total)
    values = tf.constant([[1, 2], [3, 4]])
    assert once(values, None).numpy().tolist() == [3, 7]
    assert once(values, values).numpy().tolist() == [6, 14]
    assert once(values, None).numpy().tolist() == [3, 7]
    assert len(traces) == 2


@pytest.mark.parametrize("name", [bundle.USER_TOWER, bundle.RECOMMENDER + bundle.EXACT])
def test_a_saved_model_holds_variables_and_tables_not_their_owners(
    run: conftest.Run, name: str
) -> None:
    directory = pathlib.Path(run.bundle.path(name))
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((directory / "saved_model.pb").read_bytes())
    nodes = proto.meta_graphs[0].object_graph_def.nodes
    kinds = [node.WhichOneof("kind") for node in nodes]
    assert {"variable", "resource", "function"} <= {*kinds} - {None}
    owners = [
        n.user_object.identifier
        for n, k in zip(nodes, kinds, strict=True)
        if k == "user_object"
    ]
    # The root, its two lists, and the initialiser of each table.
    plain = [one for one in owners if one == "_generic_user_object"]
    assert len(plain) <= 1 + kinds.count("resource")
