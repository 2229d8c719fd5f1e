"""One run of a signature of a SavedModel, without its graphs in Python.

`tf.saved_model.load` builds each of a model's functions anew, op by op, and traces
their calls: three of the five core-seconds of one answer. Here TensorFlow gets the
functions as they are saved; only the variables and tables that the signature reads are
made. A session took longer than either, as it writes all functions into one graph.
"""

import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2
from tensorflow.python.eager import context

from ytdnn.bundle import allowed_operations, batches, bundle, saved_models
from ytdnn.retrieval.index import scann_index

Tensors = Mapping[str, tf.Tensor]
_NUMBERS = itertools.count()


class UnknownResourceError(Exception):
    """A signature reads other objects than variables, tables, constants and files."""


class OneAnswerBundle(bundle.Bundle):
    """A bundle that is asked once, at half the cost of loading a model first."""

    def run(
        self, name: str, inputs: bundle.Tensors, signature: str = saved_models.SIGNATURE
    ) -> dict[str, tf.Tensor]:
        """Returns a model's outputs for a batch of its inputs; see `bundle.Bundle`."""
        if "scann" in self.manifest.facts["models"][name]["needs"]:
            scann_index.scann_ops()
        try:
            tensors = batches.tensors(inputs, self.inputs(name))
            return run(self.path(name), tensors, signature)
        except UnknownResourceError:
            return super().run(name, inputs, signature)


def run(
    directory: pathlib.Path, inputs: Tensors, signature: str = saved_models.SIGNATURE
) -> dict[str, tf.Tensor]:
    """Returns the outputs of a signature.

    Args:
      directory: Directory of the SavedModel.
      inputs: All inputs of the signature by name.
      signature: Its name.

    Raises:
      UnknownResourceError: The model must be loaded to run.
    """
    model = _Functions(directory)
    try:
        with saved_models.unoptimised():
            return model.run(signature, inputs)
    finally:
        for name in model.num_outputs:
            context.context().remove_function(name)


class _Functions:
    """The functions of a SavedModel, registered under names that no others have."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        content = (directory / "saved_model.pb").read_bytes()
        self._meta = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
        self._objects = self._meta.object_graph_def
        self._prefix = f"__single_run_{next(_NUMBERS)}_"
        self._library = self._meta.graph_def.library.function
        for node in (node for each in self._library for node in each.node_def):
            for called in allowed_operations.called(node):
                called.name = self._prefix + called.name
        self.num_outputs: dict[str, int] = {}
        for function in self._library:
            function.signature.name = self._prefix + function.signature.name
            name = function.signature.name
            self.num_outputs[name] = len(function.signature.output_arg)
            context.context().add_function_def(function)
        variables = str(directory / "variables" / "variables")
        self._reader = tf.train.load_checkpoint(variables)
        self._saved = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
        )
        self._made: dict[int, Any] = {}  # by the number of the saved object
        self._variables: list[tf.Variable] = []

    def run(self, signature: str, inputs: Tensors) -> dict[str, tf.Tensor]:
        """Returns the outputs of a signature, by name."""
        place = self._child(self._child(0, "signatures"), signature)
        outputs = self._call(place, [inputs[name] for name in sorted(inputs)])
        names = sorted(self._meta.signature_def[signature].outputs)
        return dict(zip(names, outputs, strict=True))

    def _child(self, place: int, name: str) -> int:
        children = self._objects.nodes[place].children
        return next(int(c.node_id) for c in children if c.local_name == name)

    def _call(self, place: int, inputs: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
        """Returns the outputs of a saved function, after making its variables."""
        saved = self._objects.nodes[place]
        bare = saved.bare_concrete_function.concrete_function_name
        name = next(iter(saved.function.concrete_functions), bare)
        known = self._objects.concrete_functions[name]
        captured = map(self._tensor, known.bound_inputs)
        name = self._prefix + name
        return context.context().call_function(
            name.encode(), [*inputs, *captured], self.num_outputs[name]
        )

    def _read(self, place: int) -> Any:
        """Returns the tensor, or the handle, of a saved object."""
        saved = self._objects.nodes[place]
        kind = saved.WhichOneof("kind")
        if kind == "variable":
            return self._variable(place).handle
        if kind == "constant":
            nodes, name = self._meta.graph_def.node, saved.constant.operation
            (value,) = (node.attr["value"] for node in nodes if node.name == name)
            return tf.constant(tf.make_ndarray(value.tensor))
        if kind == "resource":
            (table,) = self._call(self._child(place, "_create_resource"), [])
            self._made[place] = table  # that it is initialised with
            self._call(self._child(place, "_initialize"), [])
            return table
        if kind == "asset":
            asset = self._meta.asset_file_def[saved.asset.asset_file_def_index]
            return tf.constant(str(self._directory / "assets" / asset.filename))
        raise UnknownResourceError(f"{kind} {place} of {self._directory}")

    def _tensor(self, place: int) -> Any:
        if place not in self._made:
            self._made[place] = self._read(place)
        return self._made[place]

    def _variable(self, place: int) -> tf.Variable:
        saved = self._saved.nodes[place].attributes
        (key,) = (a.checkpoint_key for a in saved if a.name == "VARIABLE_VALUE")
        variable = tf.Variable(self._reader.get_tensor(key), trainable=False)
        self._variables.append(variable)  # it frees its memory with its object
        return variable
