"""A SavedModel in a session of its own, which frees all memory when it is closed.

`tf.saved_model.load` is for models that stay: TensorFlow keeps the kernels of a
function that has run once, and their resources, such as ScaNN's copy of the vectors,
after the last reference to it is gone. A process that changes models uses a session;
closing it frees all its variables, tables and kernels. It is also the loader of
TensorFlow Serving.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from ytdnn.index import scann_index

Arrays = Mapping[str, npt.NDArray[Any]]
Outputs = dict[str, npt.NDArray[Any]]
Signature = Callable[[Arrays], Outputs]


class Session:
    """A SavedModel that is loaded; its signatures may run in several threads.

    Attributes:
      names: Names of its signatures.
    """

    def __init__(self, directory: pathlib.Path, needs: Sequence[str]) -> None:
        """Loads it.

        Args:
          directory: Directory of the SavedModel.
          needs: Requirements beyond TensorFlow, from the bundle's manifest.

        Raises:
          errors.UserError: It needs ScaNN, which is not installed.
        """
        if "scann" in needs:
            scann_index.scann_ops()
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            meta = tf.compat.v1.saved_model.load(
                self._session, [tf.saved_model.SERVING], str(directory)
            )
        self._signatures = meta.signature_def
        self.names = tuple(self._signatures)

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
        """Gives its memory back; no signature may run then."""
        self._session.close()
