"""A SavedModel in a session of its own, which frees all memory when it is closed.

`tf.saved_model.load` does not free everything: TensorFlow keeps the kernels of a
function that has run once, and their resources, such as ScaNN's copy of the vectors,
even without a reference to the model. So a process that replaces models uses a session.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ytdnn.base import environment
from ytdnn.retrieval.index import scann_index

Arrays = Mapping[str, npt.NDArray[Any]]
Outputs = dict[str, npt.NDArray[Any]]
Signature = Callable[[Arrays], Outputs]


class Session:
    """A loaded SavedModel; its signatures may run in several threads."""

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
          errors.UserError: The model needs ScaNN, which is not installed.
        """
        if "scann" in needs:
            scann_index.scann_ops()
        threads = num_threads or 0
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=threads,
            use_per_session_threads=threads > 0,
        )
        self._session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        meta = tf.compat.v1.saved_model.load(self._session, ["serve"], str(directory))
        # A copy: a part of a message keeps the whole graph in memory.
        copy = meta_graph_pb2.MetaGraphDef()
        for name, signature in meta.signature_def.items():
            copy.signature_def[name].CopyFrom(signature)
        self._signatures = copy.signature_def
        del meta
        environment.release_memory()  # of the loading: .1 GB for a large model

    def signature(self, name: str) -> Signature:
        """Returns the function that runs a signature: inputs to outputs, by name."""
        signature = self._signatures[name]
        inputs = {key: tensor.name for key, tensor in signature.inputs.items()}
        outputs = {key: tensor.name for key, tensor in signature.outputs.items()}
        run = self._session.make_callable(list(outputs.values()), list(inputs.values()))

        def call(values: Arrays) -> Outputs:
            return dict(
                zip(outputs, run(*(values[key] for key in inputs)), strict=True)
            )

        return call

    def close(self) -> None:
        """Frees the memory; no signature may be running."""
        self._session.close()
