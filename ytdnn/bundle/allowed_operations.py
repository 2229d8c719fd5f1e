"""The operations that a SavedModel may hold for a server to load it.

A SavedModel is code: an operation may read or write any file, or call Python. Only the
operations of exported graphs and similar ones are allowed, by name (operations.txt);
others are refused until they are named there. Variables are written and read by two
functions that every SavedModel has for its checkpoint, and files of look-up tables by
initializers: file operations are allowed only there, where the loader gives the paths.
"""

import importlib.resources
import pathlib
from collections.abc import Iterator
from typing import Any, TypeAlias

from tensorflow.core.protobuf import saved_model_pb2

from ytdnn.base import errors

FILE = "saved_model.pb"
_LIST = importlib.resources.files("ytdnn.bundle") / "operations.txt"
_ALLOWED = frozenset(_LIST.read_text(encoding="utf-8").split())
_CHECKPOINT = frozenset(
    ("MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename")
)
_TABLE_FILE = "InitializeTableFromTextFileV2"

Function: TypeAlias = Any  # a FunctionDef
Node: TypeAlias = Any  # a NodeDef


def read(directory: pathlib.Path) -> Any:
    """Returns the one graph of a SavedModel, its operations checked.

    Args:
      directory: Directory of the SavedModel.

    Raises:
      errors.UserError: The SavedModel cannot be read, or has an operation that is not
        allowed.
    """
    path = pathlib.Path(directory) / FILE
    try:
        (meta_graph,) = saved_model_pb2.SavedModel.FromString(
            path.read_bytes()
        ).meta_graphs
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None
    except Exception as error:
        if type(error).__name__ != "DecodeError":
            raise
        raise _unreadable(path, error) from None
    if not meta_graph.HasField("object_graph_def"):
        raise _unreadable(path, ValueError("of TensorFlow 1"))
    require_allowed(meta_graph, directory)
    return meta_graph


def _unreadable(path: pathlib.Path, error: Exception) -> errors.UserError:
    return errors.UserError(
        f"expected a SavedModel of one graph in {path}, found something else ({error})"
    )


def require_allowed(graph: Any, place: pathlib.Path) -> None:
    """Checks every operation of a graph and of its functions.

    Args:
      graph: Graph of a SavedModel.
      place: Path of the SavedModel, for the error.

    Raises:
      errors.UserError: An operation is not allowed, or a file operation is outside
        the functions of the loader.
    """
    for asset in graph.asset_file_def:
        inside = pathlib.PurePosixPath(asset.filename)
        if inside.name != asset.filename or asset.filename == "..":
            raise errors.UserError(
                f"expected assets inside {place}, found {asset.filename!r}: the model "
                f"is not loaded"
            )
    checkpoint = _checkpoint_functions(graph)
    for where, node in _nodes(graph.graph_def, checkpoint):
        if not _is_allowed(where, node, checkpoint):
            name = "the graph" if where is None else where.signature.name
            raise errors.UserError(
                f"expected operations without side effects in {place}, found {node.op} "
                f"in {name}: the model is not loaded"
            )


def _is_allowed(where: Function | None, node: Node, checkpoint: set[str]) -> bool:
    if where is None:
        return node.op in _ALLOWED
    if node.op == _TABLE_FILE:  # of a path that the loader gives
        return node.input[0] in {
            argument.name for argument in where.signature.input_arg
        }
    return node.op in _ALLOWED and checkpoint.isdisjoint(f.name for f in called(node))


def called(node: Node) -> list[Any]:
    """Returns a node's mentions of functions, each a NameAttrList."""
    named = [value.func for value in node.attr.values() if value.HasField("func")]
    return named + [func for value in node.attr.values() for func in value.list.func]


def _checkpoint_functions(graph: Any) -> set[str]:
    """Returns the functions that save and restore, as the graph names them."""
    named = (graph.saver_def.save_tensor_name, graph.saver_def.restore_op_name)
    wanted = {name.partition(":")[0] for name in named}
    nodes = [node for node in graph.graph_def.node if node.name in wanted]
    return {function.name for node in nodes for function in called(node)}


def _nodes(graph: Any, checkpoint: set[str]) -> Iterator[tuple[Function | None, Node]]:
    """Yields the nodes to check, each with its function (None: the graph itself)."""
    for node in graph.node:
        yield None, node
    for function in graph.library.function:
        is_checkpoint = function.signature.name in checkpoint
        for node in function.node_def:
            if not (is_checkpoint and node.op in _CHECKPOINT):
                yield function, node
