"""Large variables of a SavedModel, memory-mapped from its files.

TensorFlow's loader copies each variable into memory of the process. A large variable of
a bundle has a file of its own, byte for byte as in memory (`saved_models`): the graph
is changed to map that file instead of reading it. All processes share its pages, and so
do the models of a bundle that hold links to one file.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2

VARIABLES = "variables/variables"
_LEAST_BYTES = 2**20  # smaller variables are restored into memory as usual
_RESTORE, _MAPPED = "RestoreV2", "ImmutableConst"
# The index of a checkpoint is a table of LevelDB: blocks of sorted keys, and a footer
# with the place of the block that lists them.
_FOOTER_BYTES = 48
_MAGIC = bytes.fromhex("57fb808b247547db")

Graph: TypeAlias = Any  # a MetaGraphDef
Node: TypeAlias = Any  # a NodeDef


@dataclasses.dataclass(frozen=True)
class MappedFile:
    """A file that holds one variable and nothing else.

    Attributes:
      path: The file.
      dtype: Type of the variable, as `tf.DType.as_datatype_enum`.
      shape: Shape of the variable, a `TensorShapeProto`.
    """

    path: pathlib.Path
    dtype: int
    shape: Any


def map_variables(graph: Graph, directory: pathlib.Path) -> int:
    """Makes the graph of a SavedModel map its large variables instead of reading them.

    Args:
      graph: Graph of the SavedModel, which is changed.
      directory: Directory of the SavedModel.

    Returns:
      The number of mapped bytes.
    """
    files = whole_files(directory)
    function = _restoring(graph)
    if function is None or not files:
        return 0
    nodes = {node.name: node for node in function.node_def}
    (restore,) = (node for node in function.node_def if node.op == _RESTORE)
    names = _strings(nodes, restore.input[1])
    kept = [place for place, name in enumerate(names) if name not in files]
    for node in list(function.node_def):
        owner, _, output = (node.input[0] if node.input else "").partition(":tensors:")
        if owner == restore.name and output:
            file = files.get(names[int(output)])
            node.input[0] = (
                f"{owner}:tensors:{kept.index(int(output))}"
                if file is None
                else _mapping(function, file)
            )
    for given in restore.input[1:]:
        _keep(nodes[given.partition(":")[0]], kept)
    types = restore.attr["dtypes"].list.type
    types[:] = [types[place] for place in kept]
    restore.attr.pop("_output_shapes", None)
    return sum(file.path.stat().st_size for file in files.values())


def whole_files(directory: pathlib.Path) -> dict[str, MappedFile]:
    """Returns the large variables that have files of their own, by checkpoint key.

    Args:
      directory: Directory of a SavedModel.
    """
    prefix = pathlib.Path(directory) / VARIABLES
    entries = dict(_entries(prefix.with_name(f"{prefix.name}.index").read_bytes()))
    header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries.pop(b""))
    found = {}
    for key, value in entries.items():
        entry = tensor_bundle_pb2.BundleEntryProto.FromString(value)
        dtype = tf.as_dtype(entry.dtype)
        shard = f"{entry.shard_id:05d}-of-{header.num_shards:05d}"
        path = prefix.with_name(f"{prefix.name}.data-{shard}")
        size = math.prod(dim.size for dim in entry.shape.dim) * dtype.size
        is_plain = dtype.is_floating or dtype.is_integer or dtype.is_bool
        is_large = _LEAST_BYTES <= size == entry.size and not entry.slices
        if is_plain and is_large and entry.offset == 0 and path.stat().st_size == size:
            found[key.decode()] = MappedFile(path, entry.dtype, entry.shape)
    return found


def _restoring(graph: Graph) -> Any:
    """Returns the function that reads the variables; None without one."""
    wanted = graph.saver_def.restore_op_name
    for node in graph.graph_def.node:
        if node.name == wanted and "f" in node.attr:
            name = node.attr["f"].func.name
            for function in graph.graph_def.library.function:
                if function.signature.name == name:
                    return function
    return None


def _mapping(function: Any, file: MappedFile) -> str:
    """Adds a node that maps a file to a function, and returns its output."""
    node = function.node_def.add(name=f"{_MAPPED}_{len(function.node_def)}", op=_MAPPED)
    node.attr["dtype"].type = file.dtype
    node.attr["shape"].shape.CopyFrom(file.shape)
    node.attr["memory_region_name"].s = str(file.path.absolute()).encode()
    return f"{node.name}:tensor:0"


def _strings(nodes: Mapping[str, Node], given: str) -> list[str]:
    tensor = nodes[given.partition(":")[0]].attr["value"].tensor
    return [text.decode() for text in tf.make_ndarray(tensor).tolist()]


def _keep(node: Node, kept: list[int]) -> None:
    """Leaves some values of a constant vector."""
    values = tf.make_ndarray(node.attr["value"].tensor)[kept]
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    node.attr.pop("_output_shapes", None)


# --- The index of a checkpoint ----------------------------------------------------


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of a table of LevelDB.

    Raises:
      ValueError: The bytes are no table.
    """
    footer = table[-_FOOTER_BYTES:]
    if not footer.endswith(_MAGIC):
        raise ValueError("expected the index of a checkpoint, found something else")
    _, place = _handle(footer, 0)  # of the block about the table, which is empty
    (start, size), _ = _handle(footer, place)
    for _, value in _block(table[start : start + size]):
        (start, size), _ = _handle(value, 0)
        yield from _block(table[start : start + size])


def _block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the entries of a block; a key is stored as its difference to the last."""
    num_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (num_restarts + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        added, place = _varint(block, place)
        size, place = _varint(block, place)
        key = key[:shared] + block[place : place + added]
        place += added
        yield key, block[place : place + size]
        place += size


def _handle(text: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Returns offset and size of a block, and the place after them."""
    offset, place = _varint(text, place)
    size, place = _varint(text, place)
    return (offset, size), place


def _varint(text: bytes, place: int) -> tuple[int, int]:
    """Returns a number of seven bits a byte, and the place after it."""
    found = shift = 0
    while text[place] & 0x80:
        found |= (text[place] & 0x7F) << shift
        shift, place = shift + 7, place + 1
    return found | text[place] << shift, place + 1
