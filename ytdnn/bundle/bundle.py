"""A bundle read from disk: its files are verified, models are loaded on first use."""

import dataclasses
import functools
import json
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import artifacts, configs, errors, schema
from ytdnn.bundle import (
    batches,
    removed_videos,
    requests,
    saved_models,
    versions,
)
from ytdnn.log import io_fields, prepared, vectors
from ytdnn.retrieval import slate
from ytdnn.retrieval.index import scann_index

KIND = removed_videos.BUNDLE
TITLES = removed_videos.TITLES
OPERANDS = "operands.parquet"  # values of columns of videos
SOURCE_NAMES = "source_names"  # of the manifest's facts
REMOVES_WATCHED = "removes_watched"  # of the manifest's facts
EVALUATION = "evaluation.json"  # of the run that a refit repeats
REFIT = "refit"  # of the manifest's facts
COUNTED_TO = "counted_to"  # likewise: the second up to which live terms count
USER_TOWER = "user_tower"
INDEX = "index"
RANKER = "ranker"
RECOMMENDER = "recommender"
CANDIDATES = "candidates"  # a signature: every candidate, and what the stages took
STAGE_SECONDS = "stage_seconds"
CANDIDATE_SCORES, SOURCES = "candidate_scores", "sources"  # of each candidate
SEED_IDS, RANKS = "seed_ids", "ranks"  # likewise
EXACT = "_exact"
BIAS_COORDINATES = "bias_coordinates"
LAYOUT = "layout"  # of the manifest's config
NEWEST_LAYOUT = 5  # of directory and signatures; 4 had no conditions on videos
DOT_PRODUCT = "dot product of user and video vector, bias included"

_VARIABLE = "{}/.ATTRIBUTES/VARIABLE_VALUE"
# Variables of the exact index; the second is that of added videos.
_VECTORS = ("vectors/0", "vectors/1")

COLUMNS = {  # of a video, by the output of all
    schema.SCORES: schema.SCORE,
    schema.EXPECTED_WATCH_SECONDS: schema.EXPECTED_WATCH_SECONDS,
    schema.CLICK_PROBABILITY: schema.CLICK_PROBABILITY,
    schema.PLACED_BY: schema.PLACED_BY,
    schema.PROPENSITIES: schema.PROPENSITY,
}

_NO_FORK = "the one that has loaded the models, or to be started by spawn"
Tensors = Mapping[str, Any]
Signature = Callable[..., dict[str, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class BundleAnswer:
    """The recommendations of a bundle for one request, best first.

    Attributes:
      video_ids: Ids as in the log.
      titles: Titles; None for a video without one.
      scores: Values that order the videos (`Bundle.score_meaning`).
      more: Other columns of the answer, by name; `Bundle.meanings` explains them.
    """

    video_ids: list[Any]
    titles: list[str | None]
    scores: list[float]
    more: dict[str, list[Any]] = dataclasses.field(default_factory=dict)


@errors.checked
class Bundle:
    """The models, titles and vocabularies of a bundle.

    Attributes:
      directory: Directory of the bundle.
      manifest: Its manifest; `facts["models"]` are the models' inputs and outputs.
      id_type: Type of video ids, as in the log.
    """

    def __init__(self, directory: pathlib.Path, manifest: artifacts.Manifest) -> None:
        """Opens the bundle; titles and models are loaded on first use."""
        self.directory = directory
        self.manifest = manifest
        self.id_type = pl.read_parquet_schema(self._common / TITLES)[schema.VIDEO_ID]
        self._models: dict[str, Any] = {}
        self._process = 0  # that loaded them

    @functools.cached_property
    def videos(self) -> pl.DataFrame:
        """The catalogue: `video_id` and, where the log has them, `title`.

        Row i has index i + 1. It is read on first use.
        """
        return pl.read_parquet(self._common / TITLES)

    @functools.cached_property
    def operands(self) -> dict[str, pl.Series]:
        """Sorted values of each column that `in` can name; none of older bundles."""
        path = self._common / OPERANDS
        columns = pl.read_parquet(path) if path.exists() else ()
        return {each.name: each.drop_nulls() for each in columns}

    @property
    def _common(self) -> pathlib.Path:
        """Directory of the version's files that belong to no model."""
        return self.directory / versions.VERSIONS / str(self.version)

    @property
    def version(self) -> int:
        """The version that was opened."""
        return int(self.manifest.facts[versions.VERSION])

    @property
    def has_ranker(self) -> bool:
        """Whether a ranker orders the candidates."""
        return bool(self.manifest.facts["ranking"])

    @property
    def score_meaning(self) -> str:
        """The meaning of the recommender's scores, for people."""
        return self.meanings[schema.SCORE]

    @property
    def meanings(self) -> dict[str, str]:
        """The meanings of the columns of an answer, for people; `score` comes first."""
        outputs = self.outputs(RECOMMENDER + EXACT)
        return {column(name): field.meaning for name, field in outputs.items()}

    @functools.cached_property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes of impressions that are predicted, by name."""
        outputs = self.outputs(RECOMMENDER + EXACT)
        return tuple(name for name in outputs if name not in COLUMNS)

    @property
    def own_outcomes(self) -> tuple[str, ...]:
        """The predicted outcomes that are not in the schema, by name."""
        return tuple(name for name in self.outcomes if name not in schema.OUTCOMES)

    def video_vectors(self) -> npt.NDArray[np.float32]:
        """Returns the vectors of the index, `[num_videos, dim]`, bias included.

        Row i is video index i + 1: the listed videos, removed ones included.
        """
        parts = [self._variables.get_tensor(name) for name in self._vector_names]
        return np.asarray(np.concatenate(parts), np.float32)

    @property
    def vectors(self) -> vectors.Vectors:
        """The log's own vectors of videos, such as those of an image encoder."""
        return vectors.Vectors(self._common, self.manifest.facts)

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of the candidate sources; answers hold places in it, from 1."""
        return tuple(self.manifest.facts.get(SOURCE_NAMES, configs.SOURCE_NAMES))

    @property
    def vector_dim(self) -> int:
        """Width of the vectors of users and videos."""
        shapes: dict[str, Any] = self._variables.get_variable_to_shape_map()
        return int(shapes[self._vector_names[0]][1])

    @functools.cached_property
    def _variables(self) -> Any:
        """The variables of the exact index, which are read one by one."""
        path = self.path(INDEX + EXACT) / "variables" / "variables"
        return tf.train.load_checkpoint(str(path))

    @functools.cached_property
    def _vector_names(self) -> list[str]:
        """Names of the variables that hold vectors, in order."""
        names = [_VARIABLE.format(part) for part in _VECTORS]
        return [name for name in names if self._variables.has_tensor(name)]

    @property
    def bias_coordinates(self) -> list[int]:
        """Coordinates of a video's bias, 1 for a user: one for each network."""
        return list(self.manifest.facts.get(BIAS_COORDINATES, [-1]))

    @property
    def removes_watched(self) -> bool:
        """Whether answers leave out the videos that the user watched."""
        return bool(self.manifest.facts.get(REMOVES_WATCHED, True))

    def removed_videos(self) -> npt.NDArray[np.int32]:
        """Returns the catalogue indices of removed videos."""
        path = self.path(INDEX + EXACT) / "assets" / removed_videos.ASSET
        return np.array([i for i in path.read_text().split() if i != "0"], np.int32)

    @functools.cached_property
    def titles(self) -> Mapping[Any, str | None]:
        """Title of every video of the catalogue, None where there is none."""
        ids = self.videos[schema.VIDEO_ID].to_list()
        if schema.TITLE not in self.videos.columns:
            return dict.fromkeys(ids)
        return dict(zip(ids, self.videos[schema.TITLE].to_list(), strict=True))

    def inputs(self, model: str) -> dict[str, io_fields.Field]:
        """Returns a model's inputs by name."""
        return io_fields.read(self._facts(model)["inputs"])

    def _facts(self, model: str) -> dict[str, Any]:
        known: dict[str, dict[str, Any]] = self.manifest.facts["models"]
        errors.require_known([model], [*known], "models", str(self.directory))
        return known[model]

    def outputs(self, model: str) -> dict[str, io_fields.Field]:
        """Returns the outputs of a model with a value for each video, by name."""
        known = io_fields.read(self._facts(model)["outputs"])
        others = [n for n in known if n not in COLUMNS and known[n].dtype == "float32"]
        of_videos = [*COLUMNS, *(n for n in others if known[n].is_list)]
        return {name: known[name] for name in of_videos if name in known}

    def path(self, model: str) -> pathlib.Path:
        """Returns the directory of a model's SavedModel."""
        return self.directory / model / str(self.version)

    def model(self, name: str, signature: str = saved_models.SIGNATURE) -> Signature:
        """Returns a signature of a model; the model is loaded on first use.

        Raises:
          errors.UserError: ScaNN is not installed, or this process is a fork.
        """
        is_own = not self._models or self._process == os.getpid()
        errors.require(is_own, "this process", _NO_FORK, os.getpid())
        self._process = os.getpid()
        if name not in self._models:
            if "scann" in self._facts(name)["needs"]:
                scann_index.scann_ops()
            self._models[name] = tf.saved_model.load(str(self.path(name)))
        return self._models[name].signatures[signature]

    def run(
        self, name: str, inputs: Tensors, signature: str = saved_models.SIGNATURE
    ) -> dict[str, tf.Tensor]:
        """Returns a model's outputs for a batch of its inputs, arrays or tensors."""
        tensors = batches.tensors(inputs, self.inputs(name))
        return self.model(name, signature)(**tensors)

    def answer(
        self, batch: Sequence[requests.Request], exact: bool = False
    ) -> list[BundleAnswer]:
        """Answers some requests by one run of the recommender's graph.

        Args:
          batch: Requests (see `ytdnn.bundle.requests`), which are padded to one length.
          exact: Whether to use the exact index; a bundle of no other always does.

        Raises:
          errors.UserError: A request is malformed, or ScaNN is not installed.
        """
        if not batch:
            return []
        name = self.recommender(exact)
        outputs = self.run(name, batches.inputs(batch, self.inputs(name)))
        sizes = outputs[schema.NUM_RESULTS].numpy().tolist()
        columns = {column(n): batches.plain(outputs[n]) for n in self.outputs(name)}
        scores, codes = columns.pop(schema.SCORE), columns.get(schema.PLACED_BY, [])
        if codes:
            columns[schema.PLACED_BY] = [[slate.NAMES[c] for c in r] for r in codes]
        return [
            BundleAnswer(
                ids[:size],
                [self.titles.get(video) for video in ids[:size]],
                scores[row][:size],
                {name: values[row][:size] for name, values in columns.items()},
            )
            for row, (ids, size) in enumerate(
                zip(batches.plain(outputs[schema.IDS]), sizes, strict=True)
            )
        ]

    def latency(
        self, request: requests.Request, exact: bool = False
    ) -> dict[str, float]:
        """Returns the milliseconds that a request takes, in total and by part.

        One run of the graph that reads the clock: `candidates` (user tower and
        sources), `ranking`, `other` (inputs, outputs, start), `recommender` (all).

        Args:
          request: A request (see `ytdnn.bundle.requests`).
          exact: See `answer`.

        Raises:
          errors.UserError: The request is malformed, or ScaNN is not installed.
        """
        self.candidates(request, exact)  # a graph's first run prepares it
        started = time.perf_counter()
        _, seconds = self.candidates(request, exact)
        whole = 1_000.0 * (time.perf_counter() - started)
        stages = {"candidates": 1_000.0 * float(seconds[0])}
        if self.has_ranker:
            stages["ranking"] = 1_000.0 * float(seconds[1])
        other = max(0.0, whole - sum(stages.values()))
        return stages | {"other": other, RECOMMENDER: sum(stages.values()) + other}

    def candidates(
        self, request: requests.Request, exact: bool = False
    ) -> tuple[dict[str, tf.Tensor], npt.NDArray[np.floating]]:
        """Returns all candidates of a request, and the seconds of both stages.

        Args:
          request: A request (see `ytdnn.bundle.requests`).
          exact: See `answer`.

        Returns:
          Outputs of the signature `candidates` (`explained.CandidatesGraph`), a batch
          of one, and `[2]`.

        Raises:
          errors.UserError: The request is malformed, or ScaNN is not installed.
        """
        name = self.recommender(exact)
        fields = {n: field for n, field in self.inputs(name).items() if n != schema.K}
        inputs = {n: value for n, value in request.items() if n != schema.K}
        with saved_models.clock_allowed():
            outputs = self.run(name, batches.inputs([inputs], fields), CANDIDATES)
        seconds: npt.NDArray[np.floating] = outputs.pop(STAGE_SECONDS).numpy()[0]
        return outputs, seconds

    def recommender(self, exact: bool = False) -> str:
        """Returns the name of the recommender that answers, exact or as served."""
        has_scann = RECOMMENDER in self.manifest.facts["models"]
        return RECOMMENDER + (EXACT if exact or not has_scann else "")

    def fitting(self, request: requests.Request) -> requests.Request:
        """Returns the fields of a request that the recommender reads."""
        known = self.inputs(RECOMMENDER + EXACT)
        return {name: value for name, value in request.items() if name in known}

    def warnings(self, request: requests.Request) -> list[str]:
        """Returns warnings about a well-formed request that looks like a mistake.

        Raises:
          errors.UserError: The request is malformed.
        """
        known = self.inputs(RECOMMENDER + EXACT)
        requests.parse(request, known)
        path = self._common / prepared.VOCABULARIES_FILE
        vocabularies = json.loads(path.read_text(encoding="utf-8"))
        of_videos = self.titles, vocabularies, self.operands
        return list(requests.warnings_of(request, known, *of_videos))

    def title(self, video_id: str | int) -> str | None:
        """Returns the title of a video, by its id or its text; None: it has none."""
        if self.id_type.is_integer() and str(video_id).lstrip("-").isdecimal():
            video_id = int(video_id)
        return self.titles.get(video_id)

    def history(self, request: requests.Request) -> list[dict[str, Any]]:
        """Returns id and title (None: unknown) of the watched videos of a request."""
        requests.parse(request, self.inputs(RECOMMENDER + EXACT))
        watched = request.get(schema.WATCHED_VIDEO_IDS) or []
        return [{"id": video, "title": self.titles.get(video)} for video in watched]


def column(output: str) -> str:
    """Returns the name of an output's column in answers."""
    return COLUMNS.get(output, output)


def load(path: pathlib.Path, version: int | None = None) -> Bundle:
    """Opens a bundle, checking every file against its manifest.

    Args:
      path: Directory of the bundle.
      version: Version to open; None: the newest.

    Raises:
      errors.UserError: The bundle is missing, damaged, or of another format version.
    """
    directory = pathlib.Path(path)
    manifest = versions.read(directory, KIND, version, deep=True)
    layout = manifest.config.get(LAYOUT)
    if layout != NEWEST_LAYOUT:
        raise errors.UserError(
            f"expected a bundle of layout {NEWEST_LAYOUT} in {directory}, found layout "
            f"{layout} in version {manifest.facts[versions.VERSION]}, written by "
            f"another ytdnn: run `ytdnn export --workdir={directory.parent}`"
        )
    return Bundle(directory, manifest)
