"""One version of a bundle in memory: its models, their signatures, its titles.

All models are checked when a version appears; the recommender is loaded then, others
when they are first needed, so that memory holds only models in use.
"""

import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ytdnn.base import artifacts, errors, machine_facts, schema
from ytdnn.bundle import (
    allowed_operations,
    batches,
    bundle,
    requests,
    saved_models,
    tf_serving,
    tf_sessions,
    versions,
)
from ytdnn.log import io_fields as log_fields
from ytdnn.log import prepared
from ytdnn.ops.server import batching, problems

_WARMED = (
    saved_models.SIGNATURE,
    saved_models.REQUIRED_SIGNATURE,
    bundle.CANDIDATES,
)
_INTERNAL = "__saved_model_init_op"
# Errors that a client's own lists cause.
_CLIENT_ERRORS = (tf.errors.InvalidArgumentError, ValueError, TypeError)

Fields = dict[str, log_fields.Field]


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
      num_requests: Number of running requests.
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
        self.num_requests = 0
        self._threads = threads
        names = list(opened.manifest.facts["models"])
        self._known: Fields = {}
        for name in names:
            self._known |= opened.inputs(name)
        self.graphs = {name: self._check(name) for name in names}
        self.models: dict[str, dict[str, Signature]] = {}
        self._sessions: list[tf_sessions.Session] = []
        self._known_once: dict[Hashable, Any] = {}
        path = opened.directory / versions.VERSIONS / str(self.number)
        text = (path / prepared.VOCABULARIES_FILE).read_text(encoding="utf-8")
        self._vocabularies = {k: frozenset(v) for k, v in json.loads(text).items()}

    def _check(self, name: str) -> Any:
        """Returns the signatures of a model, without its graph.

        Raises:
          errors.UserError: The model has other operations or files than it may.
        """
        directory, files = self.bundle.path(name), self.bundle.manifest.files
        for path in directory.rglob("*"):
            relative = path.relative_to(self.bundle.directory).as_posix()
            if path.is_file() and relative not in files:
                raise errors.UserError(
                    f"expected only the files that {artifacts.MANIFEST} names, "
                    f"received {path} too: the model is not loaded"
                )
        copy = meta_graph_pb2.MetaGraphDef()
        for key, signature in allowed_operations.read(directory).signature_def.items():
            copy.signature_def[key].CopyFrom(signature)
        return copy

    def load(self, name: str) -> None:
        """Loads a model and warms it, unless it is loaded already.

        Args:
          name: Name of a model of `graphs`.
        """
        if name in self.models:
            return
        needs = self.bundle.manifest.facts["models"][name]["needs"]
        session = tf_sessions.Session(
            self.bundle.path(name), needs, self._threads.num_op_threads
        )
        self._sessions.append(session)
        signatures = {}
        for key, signature in self.graphs[name].signature_def.items():
            # A signature may have inputs that are not the recommender's.
            if key == _INTERNAL or not set(signature.inputs) <= set(self._known):
                continue
            fields = {n: f for n, f in self._known.items() if n in signature.inputs}
            run = functools.partial(
                _run, session.signature(key), fields, self.bundle.vector_dim
            )
            signatures[key] = Signature(fields, self._threads.queue(run))
        self._warm(signatures)
        machine_facts.release_memory()
        self.models[name] = signatures

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns a value that is made once for this version, and is freed with it.

        Args:
          key: Its key.
          make: Function that makes it.
        """
        if key not in self._known_once:
            self._known_once[key] = make()
        return self._known_once[key]

    def assign(self, values: tf_sessions.Arrays) -> None:
        """Sets variables of all loaded models, by the names they were made with."""
        for session in self._sessions:
            session.assign(values)

    def close(self) -> None:
        """Frees the memory of the models; no request may be running."""
        for session in self._sessions:
            session.close()

    @property
    def recommender(self) -> str:
        """Name of the model that recommends: that of the run's index."""
        has_scann = bundle.RECOMMENDER in self.graphs
        return bundle.RECOMMENDER + ("" if has_scann else bundle.EXACT)

    def require(self, name: str, number: str | None = None) -> None:
        """Checks that this is the requested version, and that it has a model.

        Args:
          name: Name of the model.
          number: Requested version, as text of any client; None: any.

        Raises:
          problems.Problem: It is not, or has not.
        """
        if name not in self.graphs or number not in (None, str(self.number)):
            version = "" if number is None else f"version {number} of "
            raise problems.Problem(
                problems.NOT_FOUND,
                f"expected a model of {', '.join(self.graphs)}, version "
                f"{self.number}, received {version}{name}",
            )

    def signature(self, model: str, name: str) -> Signature:
        """Returns a signature of a loaded model.

        Raises:
          problems.Problem: The model has no such signature.
        """
        signatures = self.models[model]
        if name not in signatures:
            raise problems.bad(
                f"expected a signature of {', '.join(signatures)}, received {name}"
            )
        return signatures[name]

    def explaining(self, name: str) -> Signature:
        """Returns a signature of the recommender, such as `candidates` or `explain`."""
        return self.signature(self.recommender, name)

    def warnings(self, request: requests.Request, fields: Fields) -> list[str]:
        """Returns warnings about a well-formed request that looks like a mistake."""
        known = self.bundle.titles, self._vocabularies, self.bundle.operands
        return list(requests.warnings_of(request, fields, *known))

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
    version = Version(bundle.load(directory, number), threads)
    try:
        for name in {version.recommender, *names} & set(version.graphs):
            version.load(name)
    except BaseException:
        version.close()
        raise
    return version


def _run(
    function: tf_sessions.Signature,
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
        if schema.USER_VECTOR in row and len(row[schema.USER_VECTOR]) != dim:
            raise problems.bad(
                f"expected {dim} coordinates in each {schema.USER_VECTOR}, received "
                f"{len(row[schema.USER_VECTOR])}"
            )
    try:
        return function(batches.stacked(rows, fields))
    except _CLIENT_ERRORS as error:
        line = str(error).partition("\n")[0]
        raise problems.bad(f"the model refuses these inputs: {line}") from None
