"""A bundle read back: verified, its SavedModels loaded when first asked for."""

import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn import artifacts, schema
from ytdnn.index import scann_index
from ytdnn.serving import requests, signatures

KIND = "bundle"
VERSION = "1"
SIGNATURE = "serving_default"
TITLES = "titles.parquet"
USER_TOWER = "user_tower"
INDEX = "index"
RANKER = "ranker"
RECOMMENDER = "recommender"
EXACT = "_exact"
DOT_PRODUCT = "dot product of user and video vector, bias included"

Tensors = Mapping[str, Any]
Signature = Callable[..., dict[str, tf.Tensor]]


class Bundle:
    """The models, titles and vocabularies of a bundle.

    Attributes:
      directory: Where it lies.
      manifest: Its `facts["models"]` describe each model's inputs and outputs.
    """

    def __init__(self, directory: pathlib.Path, manifest: artifacts.Manifest) -> None:
        """Reads the titles; models are loaded when first asked for."""
        self.directory = directory
        self.manifest = manifest
        titles = pl.read_parquet(directory / TITLES)
        ids = titles[schema.VIDEO_ID].to_list()
        has_titles = schema.TITLE in titles.columns
        names = titles[schema.TITLE].to_list() if has_titles else [None] * len(ids)
        self._titles: dict[str | int, str | None] = dict(zip(ids, names, strict=True))
        self._models: dict[str, tuple[Any, Signature]] = {}

    @property
    def has_ranker(self) -> bool:
        """Whether a ranker orders the candidates."""
        return bool(self.manifest.facts["ranking"])

    def inputs(self, model: str) -> dict[str, signatures.Field]:
        """Returns a model's inputs by name."""
        return signatures.read(self.manifest.facts["models"][model]["inputs"])

    def model(self, name: str) -> Signature:
        """Returns a model's signature.

        Raises:
          errors.UserError: It needs ScaNN, which is not installed.
        """
        if name not in self._models:
            if "scann" in self.manifest.facts["models"][name]["needs"]:
                scann_index.scann_ops()
            loaded = tf.saved_model.load(str(self.directory / name / VERSION))
            self._models[name] = loaded, loaded.signatures[SIGNATURE]
        return self._models[name][1]

    def recommend(
        self, request: requests.Request, exact: bool = False
    ) -> dict[str, Any]:
        """Answers one request.

        Args:
          request: As of `ytdnn.serving.requests`.
          exact: Whether to use the exact index, in stock TensorFlow ops; where the
            bundle has no other it is used anyway.

        Returns:
          `ids`, `titles` (None where there is none) and `scores`, best first; what
          the scores mean; and `latency_ms` of `candidates`, `ranking` and the
          `recommender`, which is both in one graph.

        Raises:
          errors.UserError: The request is malformed, or ScaNN is not installed.
        """
        models = self.manifest.facts["models"]
        suffix = EXACT if exact or RECOMMENDER not in models else ""
        inputs = self.inputs(RECOMMENDER + suffix)
        values = _tensors(requests.parse(request, inputs), inputs)
        answer, milliseconds = self._timed(RECOMMENDER + suffix, values)
        latency = self._stage_latency(values, suffix)
        found = int(answer[schema.NUM_RESULTS][0])
        ids = _plain(answer[schema.IDS][0, :found])
        return {
            schema.IDS: ids,
            "titles": [self._titles.get(video) for video in ids],
            schema.SCORES: _plain(answer[schema.SCORES][0, :found]),
            "score": self.manifest.facts["scores"],
            "latency_ms": latency | {RECOMMENDER: milliseconds},
        }

    def fitting(self, request: requests.Request) -> requests.Request:
        """Returns what the recommender reads of a request built from a log."""
        known = self.inputs(RECOMMENDER + EXACT)
        return {name: value for name, value in request.items() if name in known}

    def history(self, request: requests.Request) -> list[dict[str, Any]]:
        """Returns id and title (None: unknown) of the videos a request watched."""
        requests.parse(request, self.inputs(RECOMMENDER + EXACT))
        watched = request.get(schema.WATCHED_VIDEO_IDS) or []
        return [{"id": video, "title": self._titles.get(video)} for video in watched]

    def _stage_latency(self, values: Tensors, suffix: str) -> dict[str, float]:
        """Runs the stages apart, and returns the milliseconds each took."""
        tower = {name: values[name] for name in self.inputs(USER_TOWER)}
        vector, tower_ms = self._timed(USER_TOWER, tower)
        wanted = self.manifest.facts["num_candidates"]
        wanted += int(values[schema.WATCHED_VIDEO_IDS].shape[1])
        query = vector | {schema.K: tf.constant([wanted])}
        found, index_ms = self._timed(INDEX + suffix, query)
        latency = {"candidates": tower_ms + index_ms}
        if self.has_ranker:
            video_ids = found[schema.IDS][:, : self.manifest.facts["num_candidates"]]
            query = {n: values[n] for n in self.inputs(RANKER) if n in values}
            query |= {schema.VIDEO_IDS: video_ids}
            latency["ranking"] = self._timed(RANKER, query)[1]
        return latency

    def _timed(self, name: str, values: Tensors) -> tuple[dict[str, tf.Tensor], float]:
        """Returns a model's outputs and its milliseconds; a first call warms it up."""
        is_new = name not in self._models
        signature = self.model(name)
        if is_new:
            signature(**values)
        started = time.perf_counter()
        outputs = signature(**values)
        return outputs, 1_000.0 * (time.perf_counter() - started)


def load(path: pathlib.Path) -> Bundle:
    """Opens a bundle, checking every file against its manifest.

    Raises:
      errors.UserError: It is missing, damaged, or of another format version.
    """
    directory = pathlib.Path(path)
    return Bundle(directory, artifacts.read_manifest(directory, KIND, deep=True))


def _tensors(
    values: Mapping[str, np.ndarray], fields: Mapping[str, signatures.Field]
) -> dict[str, tf.Tensor]:
    return {
        name: tf.constant(value, tf.as_dtype(fields[name].dtype))
        for name, value in values.items()
    }


def _plain(values: tf.Tensor) -> list[Any]:
    """Returns a vector as Python values, text decoded."""
    items: list[Any] = values.numpy().tolist()
    return [item.decode() if isinstance(item, bytes) else item for item in items]
