"""A SavedModel in a session of its own, which frees all memory when it is closed.

`tf.saved_model.load` does not free everything: TensorFlow keeps the kernels of a
function that has run once, and their resources, such as ScaNN's copy of the vectors,
even without a reference to the model. So a process that replaces models uses a session.
"""

import contextlib
import pathlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ytdnn.base import machine_facts
from ytdnn.retrieval.index import scann_index

Arrays = Mapping[str, npt.NDArray[Any]]
Signature = Callable[[Arrays], dict[str, npt.NDArray[Any]]]
_COPY = re.compile(r"_[0-9]+$")  # of a variable whose name another one has


class _Gate:
    """Lets runs pass together, or a change of variables alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._num_running = 0
        self._is_closed = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Context of a run, which waits for a change."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._num_running += 1
        try:
            yield
        finally:
            with self._changed:
                self._num_running -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Context of a change, which waits for the runs at hand."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._is_closed = True
            self._changed.wait_for(lambda: not self._num_running)
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False
                self._changed.notify_all()


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
        self._gate = _Gate()
        operations = self._session.graph.get_operations()
        self._variables = [each for each in operations if each.type == "VarHandleOp"]
        self._setters: dict[tf.Operation, tuple[tf.Tensor, tf.Operation]] = {}
        machine_facts.release_memory()  # of the loading: .1 GB for a large model

    def signature(self, name: str) -> Signature:
        """Returns the function that runs a signature: inputs to outputs, by name."""
        signature = self._signatures[name]
        inputs = {key: tensor.name for key, tensor in signature.inputs.items()}
        outputs = {key: tensor.name for key, tensor in signature.outputs.items()}
        run = self._session.make_callable(list(outputs.values()), list(inputs.values()))

        def call(values: Arrays) -> dict[str, npt.NDArray[Any]]:
            given = [values[key] for key in inputs]
            with self._gate.running():
                return dict(zip(outputs, run(*given), strict=True))

        return call

    def assign(self, values: Arrays) -> None:
        """Sets variables, in a pause between runs, which see all values or none.

        Args:
          values: Value of each variable by the name that it was made with; names that
            the model lacks are ignored, and copies of a variable are all set.
        """
        feeds = {}
        for variable in self._variables:
            name = _COPY.sub("", variable.name)
            if name in values:
                given, done = self._setter(variable)
                feeds[done] = given, values[name]
        with self._gate.alone():
            self._session.run(list(feeds), dict(feeds.values()))

    def _setter(self, variable: tf.Operation) -> tuple[tf.Tensor, tf.Operation]:
        """Returns the input and the operation that set a variable."""
        if variable not in self._setters:
            handle, dtype = variable.outputs[0], variable.get_attr("dtype")
            with self._session.graph.as_default():
                given = tf.compat.v1.placeholder(dtype)
                done = tf.raw_ops.AssignVariableOp(resource=handle, value=given)
            self._setters[variable] = given, done
        return self._setters[variable]

    def close(self) -> None:
        """Frees the memory; no signature may be running."""
        self._session.close()
