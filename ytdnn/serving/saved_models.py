"""One SavedModel of the bundle: its signatures, and how its variables lie on disk."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import tensorflow as tf

from ytdnn import schema
from ytdnn.serving import signatures

SIGNATURE = "serving_default"
REQUIRED_SIGNATURE = "serving_required"
Fields = tuple[signatures.Field, ...]

_REQUIRED = (schema.WATCHED_VIDEO_IDS, schema.USER_VECTOR, schema.K)
_LARGE_BYTES = 2**20


class Graph(Protocol):
    """A `tf.Module` of `ytdnn.serving.graphs`."""

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
      stages: Models that it is made of, by name: it has a signature of each, which
        shares its variables. A stage of several models is one object, traced once.
    """

    graph: GraphT
    inputs: Fields
    outputs: Fields
    needs_scann: bool = False
    stages: Mapping[str, "Model"] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def function(self) -> Any:
        """The graph's concrete function."""
        return _traced(self.graph.call, self.inputs)

    @property
    def required(self) -> Fields:
        """Inputs of `serving_required`; none where there is no such signature."""
        found = tuple(field for field in self.inputs if field.name in _REQUIRED)
        lists = schema.K in {field.name for field in found}
        return found if lists and len(found) < len(self.inputs) else ()

    def describe(self) -> dict[str, Any]:
        """Returns the facts about it for the manifest."""
        return {
            "needs": ["scann"] if self.needs_scann else [],
            "inputs": signatures.describe(self.inputs),
            "outputs": signatures.describe(self.outputs),
            "required": [field.name for field in self.required],
            "stages": list(self.stages),
        }


def save(model: Model, directory: pathlib.Path) -> None:
    """Writes a SavedModel.

    It has the signatures `serving_default`, `serving_required` where there are inputs
    that may be left out, and one of each stage.
    """
    functions = {SIGNATURE: model.function}
    if model.required:
        shortened = _shortened(model)
        functions[REQUIRED_SIGNATURE] = _traced(shortened, model.required)
    for name, stage in model.stages.items():
        functions[name] = stage.function
    root = tf.Module()
    root.graphs = [model.graph, *(stage.graph for stage in model.stages.values())]
    options = tf.saved_model.SaveOptions(experimental_sharding_callback=_LargeApart())
    tf.saved_model.save(root, str(directory), functions, options)


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
    """Puts each large variable into a file of its own.

    Models that hold the same vectors then have files of equal content, which lie on
    disk once (`ytdnn.versions`).
    """

    @property
    def description(self) -> str:
        """Description in TensorFlow's error messages."""
        return "Large variables apart, all others together."

    def __call__(self, shardable_tensors: Sequence[Any]) -> list[dict[str, Any]]:
        """Returns the shards, `{checkpoint key: {slice: tensor}}` each."""
        small: dict[str, Any] = {}
        large: list[dict[str, Any]] = []
        for one in shardable_tensors:
            size = one.tensor.shape.num_elements() or 0
            if size * one.tensor.dtype.size >= _LARGE_BYTES:
                large.append({one.checkpoint_key: {one.slice_spec: one.tensor}})
            else:
                small.setdefault(one.checkpoint_key, {})[one.slice_spec] = one.tensor
        return [small, *large]
