"""A SavedModel in a session of its own, which frees all memory when it is closed.

`tf.saved_model.load` does not free everything: TensorFlow keeps the kernels of a
function that has run once, and their resources, such as ScaNN's copy of the vectors,
even without a reference to the model. So a process that replaces models uses a session;
closing it frees all its variables, tables and kernels. Large variables are pages of the
SavedModel's files (`ytdnn.bundle.mapped`).
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ytdnn.base import environment
from ytdnn.bundle import allowed_operations, mapped
from ytdnn.retrieval.index import scann_index

_INITIALIZE = "__saved_model_init_op"
_SHAPES = "_output_shapes"
_NO_FOLDING = -1  # `OptimizerOptions.L0`

Arrays = Mapping[str, npt.NDArray[Any]]
Outputs = dict[str, npt.NDArray[Any]]
Signature = Callable[[Arrays], Outputs]


class Session:
    """A loaded SavedModel; its signatures may run in several threads.

    Attributes:
      names: Names of its signatures.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        needs: Sequence[str],
        num_threads: int | None = None,
    ) -> None:
        """Loads a SavedModel.

        Args:
          directory: Directory of the SavedModel.
          needs: Requirements beyond TensorFlow, from the bundle's manifest.
          num_threads: Number of threads of its operations; None: one for each core.

        Raises:
          errors.UserError: The model needs ScaNN, which is not installed, or has an
            operation that is not allowed.
        """
        if "scann" in needs:
            scann_index.scann_ops()
        directory = pathlib.Path(directory)
        meta = allowed_operations.read(directory)
        mapped.map_variables(meta, directory)
        _forget_shapes(meta.graph_def)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=_config(num_threads))
        with graph.as_default():
            saver = tf.compat.v1.train.import_meta_graph(meta)
            saver.restore(self._session, str(directory / mapped.VARIABLES))
        # A copy: a part of a message keeps the whole graph in memory.
        kept = meta_graph_pb2.MetaGraphDef()
        for name, signature in meta.signature_def.items():
            kept.signature_def[name].CopyFrom(signature)
        self._signatures = kept.signature_def
        self._initialize(meta, directory)
        del meta
        environment.release_memory()  # of the loading: .1 GB for a large model
        self.names = tuple(self._signatures)

    def _initialize(self, meta: Any, directory: pathlib.Path) -> None:
        """Runs the operation that fills look-up tables, from the SavedModel's files."""
        if _INITIALIZE not in self._signatures:
            return
        files = {
            asset.tensor_info.name: str(directory / "assets" / asset.filename)
            for asset in meta.asset_file_def
        }
        (output,) = self._signatures[_INITIALIZE].outputs.values()
        self._session.run(output.name, files)

    def signature(self, name: str) -> Signature:
        """Returns the function that runs a signature: inputs to outputs, by name."""
        found = self._signatures[name]
        inputs = {key: tensor.name for key, tensor in found.inputs.items()}
        outputs = {key: tensor.name for key, tensor in found.outputs.items()}
        run = self._session.make_callable(list(outputs.values()), list(inputs.values()))

        def call(values: Arrays) -> Outputs:
            return dict(
                zip(outputs, run(*(values[key] for key in inputs)), strict=True)
            )

        return call

    def close(self) -> None:
        """Frees the memory; no signature may be running."""
        self._session.close()


def _forget_shapes(graph: Any) -> None:
    """Removes what TensorFlow infers again: .03 GB of a loaded recommender's graph."""
    for function in graph.library.function:
        function.attr.pop("_input_shapes", None)
        for argument in function.arg_attr.values():
            argument.attr.pop(_SHAPES, None)
        for node in function.node_def:
            node.attr.pop(_SHAPES, None)
    for node in graph.node:
        node.attr.pop(_SHAPES, None)


def _config(num_threads: int | None) -> tf.compat.v1.ConfigProto:
    """Returns the settings of a session.

    The optimizer of level 1 is off: it folds constants, which would copy a mapped file.
    Grappler optimizes the graphs, unless this process has turned it off by
    `tf.config.optimizer`.
    """
    found = tf.compat.v1.ConfigProto()
    found.graph_options.optimizer_options.opt_level = _NO_FOLDING
    if tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer"):
        found.graph_options.rewrite_options.disable_meta_optimizer = True
    if num_threads is not None:
        found.intra_op_parallelism_threads = num_threads
        found.inter_op_parallelism_threads = num_threads
        found.use_per_session_threads = True
    return found
