"""Graphs with side effects are refused before they are loaded."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from tests import untrained
from ytdnn.base import errors
from ytdnn.bundle import allowed_operations


def saved(path: pathlib.Path, function: Callable[..., Any]) -> pathlib.Path:
    module = tf.Module()
    module.variable = tf.Variable([1.0])
    module.call = tf.function(
        function, input_signature=[tf.TensorSpec([], tf.string, "x")]
    )
    tf.saved_model.save(module, str(path), {"serving_default": module.call})
    return path


def test_every_model_of_a_bundle_is_allowed(untrained_run: untrained.Run) -> None:
    for name in untrained_run.bundle.manifest.facts["models"]:
        graph = allowed_operations.read(untrained_run.bundle.path(name))
        assert "serving_default" in graph.signature_def


def reads(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": tf.io.read_file(x)}


def writes(x: tf.Tensor) -> dict[str, tf.Tensor]:
    tf.io.write_file("/tmp/never", x)
    return {"y": x}


def calls_python(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": tf.py_function(lambda v: v, [x], tf.string)}


def calls_numpy(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": tf.numpy_function(lambda v: v, [x], tf.string)}


def prints(x: tf.Tensor) -> dict[str, tf.Tensor]:
    tf.print(x)
    return {"y": x}


def saves(x: tf.Tensor) -> dict[str, tf.Tensor]:
    tf.raw_ops.SaveV2(
        prefix=x, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.zeros([1])]
    )
    return {"y": x}


def restores(x: tf.Tensor) -> dict[str, tf.Tensor]:
    (found,) = tf.raw_ops.RestoreV2(
        prefix=x, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    )
    return {"y": found}


def lists(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"y": tf.io.matching_files(x)}


def hides(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """Reads in a branch of a branch."""

    @tf.function
    def inner(path: tf.Tensor) -> tf.Tensor:
        return tf.cond(path == "", lambda: path, lambda: tf.io.read_file(path))

    return {"y": tf.cond(x == "", lambda: x, lambda: inner(x))}


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (reads, "ReadFile"),
        (writes, "WriteFile"),
        (calls_python, "EagerPyFunc"),
        (calls_numpy, "PyFunc"),
        (prints, "PrintV2"),
        (saves, "SaveV2"),
        (restores, "RestoreV2"),
        (lists, "MatchingFiles"),
        (hides, "ReadFile"),
    ],
)
def test_side_effects_are_refused(
    tmp_path: pathlib.Path, function: Callable[..., Any], operation: str
) -> None:
    path = saved(tmp_path / "model", function)
    with pytest.raises(errors.UserError, match=f"found {operation} in "):
        allowed_operations.read(path)


def test_a_table_of_a_file_is_read_by_the_loader_alone(tmp_path: pathlib.Path) -> None:
    """Its path is an asset, not one that the graph names."""
    words = tmp_path / "words.txt"
    words.write_text("a\nb\n")

    class WithTable(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            read = tf.lookup.TextFileInitializer(
                str(words), tf.string, 0, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
            self.table = tf.lookup.StaticHashTable(read, -1)

        @tf.function(input_signature=[tf.TensorSpec([], tf.string, "x")])
        def call(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": self.table.lookup(x)}

    module = WithTable()
    path = tmp_path / "model"
    tf.saved_model.save(module, str(path), {"serving_default": module.call})
    graph = allowed_operations.read(path)
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            if node.op == "InitializeTableFromTextFileV2":
                node.input[0] = "a_constant:output:0"
    with pytest.raises(errors.UserError, match="InitializeTableFromTextFileV2"):
        allowed_operations.require_allowed(graph, path)
    graph = allowed_operations.read(path)
    graph.asset_file_def[0].filename = "../../secret"
    with pytest.raises(errors.UserError, match="expected assets inside"):
        allowed_operations.require_allowed(graph, path)


def test_what_is_no_saved_model(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match="expected a SavedModel of one graph"):
        allowed_operations.read(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(errors.UserError, match="expected a SavedModel of one graph"):
        allowed_operations.read(tmp_path)
