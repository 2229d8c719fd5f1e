"""One SavedModel of the bundle: its signatures, and the files of its variables."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import config

from ytdnn.base import schema
from ytdnn.log import io_fields

SIGNATURE = "serving_default"
REQUIRED_SIGNATURE = "serving_required"
Fields = tuple[io_fields.Field, ...]

_REQUIRED = (schema.WATCHED_VIDEO_IDS, schema.USER_VECTOR, schema.K)
_LARGE_BYTES = 2**20
_GRAPH, _FINGERPRINT = "saved_model.pb", "fingerprint.pb"
_CONDITIONALS, _LOWERED = ("If", "StatelessIf"), "_lower_using_switch_merge"


class Graph(Protocol):
    """A `tf.Module` of `ytdnn.bundle.graphs`."""

    def call(self, **request: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns outputs by name."""


GraphT = TypeVar("GraphT", bound=Graph)


@dataclasses.dataclass(frozen=True)
class Model(Generic[GraphT]):
    """One SavedModel of the bundle.

    Attributes:
      graph: Graph of the model.
      inputs: Inputs of its signature.
      outputs: Outputs of its signature.
      needs_scann: Whether it uses ScaNN's ops.
      stages: Models that it is made of, by name; each is a signature that shares the
        variables. A stage of several models is one object, traced once.
      vectors: Variables of an index's video vectors; `Bundle.video_vectors` reads them
        from the file.
    """

    graph: GraphT
    inputs: Fields
    outputs: Fields
    needs_scann: bool = False
    stages: Mapping[str, "Model"] = dataclasses.field(default_factory=dict)
    vectors: Sequence[tf.Variable] = ()

    @functools.cached_property
    def function(self) -> Any:
        """The graph's concrete function."""
        return _traced(self.graph.call, self.inputs)

    @property
    def required(self) -> Fields:
        """Inputs of `serving_required`; empty without such a signature."""
        fields = tuple(field for field in self.inputs if field.name in _REQUIRED)
        lists = schema.K in {field.name for field in fields}
        return fields if lists and len(fields) < len(self.inputs) else ()

    def describe(self) -> dict[str, Any]:
        """Returns the facts about the model for the manifest."""
        return {
            "needs": ["scann"] if self.needs_scann else [],
            "inputs": io_fields.describe(self.inputs),
            "outputs": io_fields.describe(self.outputs),
            "required": [field.name for field in self.required],
            "stages": list(self.stages),
        }


def save(model: Model, directory: pathlib.Path) -> None:
    """Writes a SavedModel.

    Its signatures are `serving_default`, `serving_required` if some inputs may be left
    out, and one for each stage.
    """
    functions = {SIGNATURE: model.function}
    if model.required:
        functions[REQUIRED_SIGNATURE] = _traced(_shortened(model), model.required)
    for name, stage in model.stages.items():
        functions[name] = stage.function
    graphs = [model.graph, *(stage.graph for stage in model.stages.values())]
    root = tf.Module()
    root.vectors = list(model.vectors)
    named = {id(vector) for vector in model.vectors}
    captured = _captured(graphs, functions.values())
    root.resources = [resource for resource in captured if id(resource) not in named]
    options = tf.saved_model.SaveOptions(
        experimental_sharding_callback=_LargeApart(),
        experimental_custom_gradients=False,
    )
    tf.saved_model.save(root, str(directory), functions, options)
    _call_branches(directory)


def _call_branches(directory: pathlib.Path) -> None:
    """Makes conditionals of a SavedModel call one branch, as functions.

    TensorFlow would otherwise write both branches into the graph and pass the one that
    is not taken node by node, more nodes than an answer executes. The fingerprint is
    that of another graph then, so it is removed.
    """
    path = directory / _GRAPH
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta in saved.meta_graphs:
        graph = meta.graph_def
        functions = (function.node_def for function in graph.library.function)
        for node in (node for nodes in (graph.node, *functions) for node in nodes):
            if node.op in _CONDITIONALS:
                node.attr.pop(_LOWERED, None)
    path.write_bytes(saved.SerializeToString(deterministic=True))
    (directory / _FINGERPRINT).unlink(missing_ok=True)


def _captured(graphs: Sequence[Graph], functions: Iterable[Any]) -> list[Any]:
    """Returns only the variables and tables that functions read, without their owners.

    TensorFlow would otherwise save every object of the graphs, many times as many, and
    walk through them for each object it writes.
    """
    root = tf.Module()
    root.graphs = list(graphs)
    handles = {id(captured) for each in functions for captured in each.captured_inputs}
    return [
        resource
        for resource in tf.train.TrackableView(root).descendants()
        if id(getattr(resource, "handle", getattr(resource, "resource_handle", None)))
        in handles
    ]


def _traced(call: Callable[..., Any], fields: Fields) -> Any:
    specs = {field.name: field.spec() for field in fields}
    return tf.function(call, autograph=False).get_concrete_function(**specs)


def _shortened(model: Model) -> Callable[..., Any]:
    """Returns a call of the model's function, all but the required inputs missing."""
    others = [field for field in model.inputs if field not in model.required]

    def call(**request: tf.Tensor) -> Any:
        batch = tf.shape(request[schema.K])[0]
        missing = {
            field.name: tf.fill(
                tf.stack([batch, 1]) if field.is_list else tf.stack([batch]),
                tf.constant(field.missing, tf.as_dtype(field.dtype)),
            )
            for field in others
        }
        return model.function(**request, **missing)

    return call


class _LargeApart(tf.train.experimental.ShardingCallback):
    """Saves each large variable in a file of its own.

    Models with the same vectors then have files of equal content, which are on disk
    once (`ytdnn.bundle.versions`).
    """

    @property
    def description(self) -> str:
        """Description in TensorFlow's error messages."""
        return "Large variables apart, all others together."

    def __call__(self, shardable_tensors: Sequence[Any]) -> list[dict[str, Any]]:
        """Returns the shards, `{checkpoint key: {slice: tensor}}` each."""
        small: dict[str, Any] = {}
        large: list[dict[str, Any]] = []
        for part in shardable_tensors:
            size = part.tensor.shape.num_elements() or 0
            if size * part.tensor.dtype.size >= _LARGE_BYTES:
                large.append({part.checkpoint_key: {part.slice_spec: part.tensor}})
            else:
                small.setdefault(part.checkpoint_key, {})[part.slice_spec] = part.tensor
        return [small, *large]


@contextlib.contextmanager
def unoptimised() -> Iterator[None]:
    """Context in which a graph's first run is prepared for one run, not for many.

    Optimising the recommender's graph took 1.7 of the 3.2 core-seconds of a first run,
    and saves milliseconds of each later one.
    """
    key = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(key, False)
    tf.config.optimizer.set_experimental_options({key: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({key: before})


@contextlib.contextmanager
def clock_allowed() -> Iterator[None]:
    """Context in which graphs may read the clock, after a training too.

    Training requires deterministic operations for the whole process, and TensorFlow
    then refuses `tf.timestamp`.
    """
    was_deterministic = config.is_op_determinism_enabled()
    if was_deterministic:
        config.disable_op_determinism()
    try:
        yield
    finally:
        if was_deterministic:
            config.enable_op_determinism()
