"""One version of a bundle in memory: its models, their signatures, its titles.

All models are checked when a version appears; the recommender is loaded then, others
when they are first needed, so that memory holds only models in use.
"""

import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ytdnn.base import artifacts, environment, errors, schema
from ytdnn.bundle import (
    allowed_operations,
    batches,
    bundle,
    explained,
    requests,
    saved_models,
    sessions,
    tf_serving,
    versions,
)
from ytdnn.log import catalogues
from ytdnn.log import fields as fields_room
from ytdnn.ops.server import batching, problems

_WARMED = (
    saved_models.SIGNATURE,
    saved_models.REQUIRED_SIGNATURE,
    explained.CANDIDATES,
)
_INTERNAL = "__saved_model_init_op"
_DTYPES = {
    tf.string.as_datatype_enum: "string",
    tf.int64.as_datatype_enum: "int64",
    tf.int32.as_datatype_enum: "int32",
    tf.float32.as_datatype_enum: "float32",
}
# What a client's own lists make wrong, beside faults of ours.
_OF_CLIENT = (tf.errors.InvalidArgumentError, ValueError, TypeError)

Fields = dict[str, fields_room.Field]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature that runs in batches.

    Attributes:
      fields: Inputs by name.
      queue: Queue of requests.
    """

    fields: Fields
    queue: batching.Queue


class Version:
    """One version of a bundle: every model checked, and loaded on demand.

    Attributes:
      number: Number of the version.
      bundle: The opened bundle, with titles and manifest.
      graphs: Signatures of each model, by name, in a `MetaGraphDef` without a graph.
      models: Signatures of each loaded model, by their names.
      num_asked: Number of running requests.
    """

    def __init__(self, opened: bundle.Bundle, threads: batching.Threads) -> None:
        """Checks every model of an opened bundle, and loads none.

        Args:
          opened: Opened bundle, with verified files.
          threads: Threads that run its models.

        Raises:
          errors.UserError: A model holds operations that are not allowed, or files that
            are not in the manifest.
        """
        self.number = opened.version
        self.bundle = opened
        self.num_asked = 0
        self._threads = threads
        self._known = _known_fields(opened)
        self.graphs = {name: self._checked(name) for name in _models(opened)}
        self.models: dict[str, dict[str, Signature]] = {}
        self._sessions: list[sessions.Session] = []
        path = opened.directory / versions.VERSIONS / str(self.number)
        text = (path / catalogues.VOCABULARIES_FILE).read_text(encoding="utf-8")
        self._vocabularies = {k: frozenset(v) for k, v in json.loads(text).items()}

    def _checked(self, name: str) -> Any:
        """Returns the signatures of a model, without its graph."""
        directory = self.bundle.path(name)
        _require_named(self.bundle, directory)
        kept = meta_graph_pb2.MetaGraphDef()
        for key, signature in allowed_operations.read(directory).signature_def.items():
            kept.signature_def[key].CopyFrom(signature)
        return kept

    def load(self, name: str) -> None:
        """Loads a model and warms it, unless it is loaded already.

        Args:
          name: Name of a model of `graphs`.

        Raises:
          errors.UserError: The files were changed meanwhile.
        """
        if name in self.models:
            return
        owner, stage = self._owner(name)
        if owner is not None:
            self.load(owner)
            self.models[name] = self._of_stage(name, self.models[owner][stage])
            return
        versions.read(self.bundle.directory, bundle.KIND, self.number, deep=True)
        needs = self.bundle.manifest.facts["models"][name]["needs"]
        session = sessions.Session(
            self.bundle.path(name), needs, self._threads.num_op_threads
        )
        self._sessions.append(session)
        found = {}
        for key, signature in self.graphs[name].signature_def.items():
            if key == _INTERNAL:
                continue
            fields = self._fields(signature.inputs)
            run = functools.partial(
                _run, session.signature(key), fields, self.bundle.vector_dim
            )
            found[key] = Signature(fields, self._threads.queue(run))
        self._warm(found)
        environment.release_memory()
        self.models[name] = found

    def _owner(self, name: str) -> tuple[str | None, str]:
        """Returns the recommender with a model as a stage, and the stage's signature.

        Such a model is not loaded separately: the signature has the same inputs,
        outputs and variables.
        """
        described = self.bundle.manifest.facts["models"]
        recommenders = [one for one in described if described[one]["stages"]]
        for owner in sorted(recommenders, key=lambda one: one != self.recommender):
            kind = owner.removeprefix(bundle.RECOMMENDER)
            for stage in described[owner]["stages"]:
                own = stage + (kind if stage == bundle.INDEX else "")
                if name == own and self._is_same(name, owner, stage):
                    return owner, stage
        return None, ""

    def _is_same(self, name: str, owner: str, stage: str) -> bool:
        """Whether a model has the inputs and outputs of another's signature."""
        model = self.graphs[name].signature_def[saved_models.SIGNATURE]
        signature = self.graphs[owner].signature_def[stage]
        return set(model.inputs) == set(signature.inputs) and set(model.outputs) == set(
            signature.outputs
        )

    def _of_stage(self, name: str, whole: Signature) -> dict[str, Signature]:
        """Returns the signatures of a model that is a stage of a loaded one."""
        found = {saved_models.SIGNATURE: whole}
        signatures = self.graphs[name].signature_def
        if saved_models.REQUIRED_SIGNATURE in signatures:
            inputs = signatures[saved_models.REQUIRED_SIGNATURE].inputs
            fields = self._fields(inputs)
            others: dict[str, Any] = {
                key: field.missing if not field.is_list else []
                for key, field in whole.fields.items()
                if key not in fields
            }

            def run(rows: Sequence[batching.Row]) -> batching.Outputs:
                return whole.queue.run([{**others, **row} for row in rows])

            queue = self._threads.queue(run)
            found[saved_models.REQUIRED_SIGNATURE] = Signature(fields, queue)
        return found

    def close(self) -> None:
        """Frees the memory of the models; no request may be running."""
        for session in self._sessions:
            session.close()

    def _fields(self, tensors: Mapping[str, Any]) -> Fields:
        """Returns the inputs of a signature, in the manifest's order."""
        names = [name for name in self._known if name in tensors]
        names += sorted(set(tensors) - set(names))
        return {name: self._field(name, tensors[name]) for name in names}

    def _field(self, name: str, tensor: Any) -> fields_room.Field:
        """Returns an input as the manifest describes it in any model."""
        if name in self._known:
            return self._known[name]
        dtype = _DTYPES[tensor.dtype]
        is_list = len(tensor.tensor_shape.dim) > 1
        missing: str | int = "" if dtype == "string" else 0
        shape: fields_room.Shape = "batch, length" if is_list else "batch"
        return fields_room.Field(name, dtype, shape, missing, "")

    @property
    def recommender(self) -> str:
        """Name of the model that recommends: that of the run's index."""
        has_scann = bundle.RECOMMENDER in self.graphs
        return bundle.RECOMMENDER + ("" if has_scann else bundle.EXACT)

    def signature(self, model: str, name: str) -> Signature:
        """Returns a signature of a model of this version.

        Raises:
          problems.Problem: The model has no such signature.
        """
        found = self.models[model].get(name)
        if found is None:
            raise problems.bad(
                f'Serving signature name: "{name}" not found in signature def'
            )
        return found

    def explaining(self, name: str) -> Signature:
        """Returns a signature of the recommender that older bundles lack.

        Raises:
          problems.Problem: This bundle lacks it.
        """
        found = self.models[self.recommender].get(name)
        if found is not None:
            return found
        if name == explained.EXPLAIN and not self.bundle.has_ranker:
            message = "the bundle has no ranker, whose scores could be explained"
        else:
            message = (
                f"version {self.number} of the bundle has no signature {name!r}: "
                f"`ytdnn export` writes a version that has"
            )
        raise problems.Problem(problems.NOT_FOUND, message)

    def title(self, video_id: Any) -> str | None:
        """Returns the title of a video; None if unknown."""
        return self.bundle.title(video_id)

    def doubts(self, request: requests.Request, fields: Fields) -> list[str]:
        """Returns warnings about a well-formed request that looks like a mistake."""
        return list(
            requests.warnings_of(
                request, fields, self.bundle.titles, self._vocabularies
            )
        )

    def _warm(self, signatures: Mapping[str, Signature]) -> None:
        """Runs the signatures that clients use, for one row and for several."""
        ids = list(itertools.islice(self.bundle.titles, tf_serving.NUM_VIDEOS))
        example = tf_serving.example(ids, self.bundle.vector_dim)
        example.pop(schema.ALLOW_IDS)
        for name, signature in signatures.items():
            if name in _WARMED:
                given = {k: v for k, v in example.items() if k in signature.fields}
                row = requests.values(given, signature.fields)
                for size in (1, 4):
                    signature.queue.run([row] * size)


def load(
    directory: pathlib.Path,
    number: int | None,
    threads: batching.Threads,
    names: Iterable[str] = (),
) -> Version:
    """Returns a checked version of a bundle, with its recommender loaded and warmed up.

    Args:
      directory: The bundle.
      number: Number of the version; None: the newest.
      threads: Threads that run its models.
      names: Other models to load, if the version has them.

    Raises:
      errors.UserError: The version is missing, damaged, or not allowed.
    """
    found = Version(bundle.load(directory, number), threads)
    try:
        for name in {found.recommender, *names} & set(found.graphs):
            found.load(name)
    except BaseException:
        found.close()
        raise
    return found


def _models(opened: bundle.Bundle) -> Sequence[str]:
    return list(opened.manifest.facts["models"])


def _known_fields(opened: bundle.Bundle) -> Fields:
    found: Fields = {}
    for model in _models(opened):
        found |= opened.inputs(model)
    return found


def _require_named(opened: bundle.Bundle, directory: pathlib.Path) -> None:
    """Checks that a model has no files that are not in the manifest.

    Raises:
      errors.UserError: It has such files.
    """
    for path in directory.rglob("*"):
        name = path.relative_to(opened.directory).as_posix()
        if path.is_file() and name not in opened.manifest.files:
            raise errors.UserError(
                f"expected the files that {artifacts.MANIFEST} names, found {path} "
                f"beside them: the model is not loaded"
            )


def _run(
    function: sessions.Signature,
    fields: Fields,
    dim: int,
    rows: Sequence[Mapping[str, Any]],
) -> batching.Outputs:
    """Runs a signature for checked rows.

    Args:
      function: The signature.
      fields: Its inputs.
      dim: Number of coordinates of a user's vector.
      rows: Values of the inputs.

    Raises:
      problems.Problem: Values of the rows do not fit the model.
    """
    for row in rows:
        if len(row.get(schema.USER_VECTOR, ())) not in (0, dim):
            raise problems.bad(
                f"expected {dim} coordinates in each {schema.USER_VECTOR}, received "
                f"{len(row[schema.USER_VECTOR])}"
            )
    try:
        return function(batches.stacked(rows, fields))
    except _OF_CLIENT as error:
        line = str(error).partition("\n")[0]
        raise problems.bad(f"the model refuses these inputs: {line}") from None
