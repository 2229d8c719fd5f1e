"""The candidate model: user tower and video table, trained, saved and loaded.

P(video i | user) ∝ exp(v_i · u / temperature + b_i) (PAPER §3.1), with u and v_i of
length one where the similarity is cosine. A bias makes served vectors one coordinate
wider: the video's is its bias, the user's is 1. Served products are the scores, so the
user's vector is divided by the temperature. Several such networks can be combined into
one (`ensemble.Ensemble`), with the mean of their scores.

A row of the video table is a video, unless the loss has a head that makes the videos'
vectors from the rows (`ytdnn/candidates/losses/__init__.py`).
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, errors, ragged
from ytdnn.base.configs import networks
from ytdnn.candidates import logged_user_vectors, losses, user_tower
from ytdnn.features import base_feature, feature_choice, open_features
from ytdnn.layers import embeddings, randomness, saved_weights
from ytdnn.log import io_fields, prepared, slice_batches

PreparedData = prepared.PreparedData
TowerInputs = user_tower.TowerInputs

if TYPE_CHECKING:
    from ytdnn.candidates import ensemble

KIND = "candidates"
_FEATURES = "features.json"
_VIDEOS_A_BLOCK = 1 << 14


class CandidateModel(logged_user_vectors.FromLogs, tf.keras.Model):
    """User tower and video table.

    Attributes:
      num_listed: How many videos lists can hold, the first ones of the catalogue: those
        with an id embedding, or, with content, all of them.
    """

    def __init__(self, config: configs.CandidatesConfig, inputs: TowerInputs) -> None:
        """Creates the model with fresh weights.

        Args:
          config: Settings of candidate generation.
          inputs: Inputs of the user tower.
        """
        super().__init__(name="candidates")
        self.config = config
        self.vector_dim = config.embedding_dim + 1
        self.tower_inputs = inputs
        self.user_tower = user_tower.UserTower(config, inputs, name="user_tower")
        self.videos = embeddings.EmbeddingTable(
            inputs.vocabulary_size, config.embedding_dim, name="videos"
        )
        self.bias = tf.Variable(tf.zeros([inputs.vocabulary_size + 1]), name="bias")
        self.head = losses.make_head(config, inputs.vocabulary_size)
        self.content, self.ages, self.num_listed = None, None, inputs.vocabulary_size
        if inputs.of_videos is not None:
            self.content = inputs.of_videos.vectors(self.vector_dim, "content")
            self.ages = inputs.of_videos.ages
            self.num_listed = inputs.of_videos.num_videos

    @property
    def encoders(self) -> list[feature_choice.Encoder]:
        """The encoders of the sequences that the model reads."""
        return self.user_tower.encoders

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that the model reads."""
        return self.user_tower.fields(catalogue)

    @property
    def user_variables(self) -> list[tf.Variable]:
        """Variables that a query is computed with."""
        return list(self.user_tower.variables)

    def freeze(self) -> None:
        """Makes it a model that is not trained any more; queries become cheaper."""
        self.user_tower.watches.freeze()

    def forget_videos(self) -> None:
        """Frees the table of videos, when an index has their vectors; queries stay."""
        # Keras keeps layers for as long as their model; so the rows go, not the table.
        none = tf.zeros([0, self.config.embedding_dim])
        tf.raw_ops.AssignVariableOp(resource=self.videos.table.handle, value=none)

    @property
    def sees_request_time(self) -> bool:
        """Whether the time of the request is read; reports of evaluation state this."""
        return self.tower_inputs.sees_request_time

    @property
    def bias_coordinates(self) -> list[int]:
        """Coordinates of served vectors that hold a video's bias, and 1 for a user."""
        return [self.config.embedding_dim]

    @property
    def trains_on_validation(self) -> bool:
        """Whether validation watches were labels; reports of evaluation state this."""
        return self.config.train_on_validation

    def facts(self) -> dict[str, object]:
        """Returns facts about the model for its manifest."""
        inputs = self.tower_inputs
        tables = ["watches"] + (["searches"] if inputs.num_tokens else [])
        return {
            "sequences": tables,
            "encoder": self.config.encoder.kind,
            "features": [feature.name for feature in inputs.features],
            "sees_request_time": self.sees_request_time,
            "trains_on_validation": self.trains_on_validation,
        }

    @property
    def tables(self) -> list[tf.Variable]:
        """Variables looked up by row, for the table optimiser."""
        of_content = [] if self.content is None else self.content.tables
        return [*self.user_tower.tables, self.videos.table, self.bias, *of_content]

    def query_vectors(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, dim + 1] float32`, the last coordinate 1."""
        vectors = self._scaled_users(features, seed)
        return tf.concat([vectors, tf.ones_like(vectors[..., :1])], axis=-1)

    def flat_queries(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the query of each position, `[slices · positions, dim] float32`."""
        vectors = self._scaled_users(features, seed)
        return tf.reshape(vectors, [-1, vectors.shape[-1]])

    def directions(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns videos' vectors as they are scored: of length one for cosines."""
        if self.config.similarity == "cosine":
            return tf.math.l2_normalize(vectors, axis=-1)
        return vectors

    def _scaled_users(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None
    ) -> tf.Tensor:
        vectors = self.user_tower(features, seed=seed)
        if self.config.similarity != "dot":
            vectors = tf.math.l2_normalize(vectors, axis=-1)
        if self.config.temperature == 1.0:
            return vectors
        return vectors / self.config.temperature

    def columns(
        self,
        videos: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        places: tf.Tensor | None = None,
        num_places: tf.Tensor | None = None,
    ) -> losses.Columns:
        """Returns the vectors and biases of videos, as they are scored.

        Args:
          videos: `[n] int32` catalogue indices; None: those of the vocabulary and 0.
          seed: `[2] int32` of this training step, or None outside training.
          places: `[n] int32`, see `randomness.keep_columns`; None: all replicas have
            the same videos.
          num_places: See `randomness.keep_columns`.

        Returns:
          `[n, dim] float32` and `[n] float32`.
        """
        if self.content is not None:
            ids_seed = randomness.substream(seed, randomness.RandomStream.VIDEO_IDS)
            if videos is None:
                videos = tf.range(self.videos.num_rows + 1)
            rate = networks.ID_DROPOUT
            kept = randomness.keep_columns(videos, rate, ids_seed, places, num_places)
            kept = tf.where(self.videos.known(kept), kept, 0)
            of_content = self.content(videos)
            rows = self.videos(kept) + of_content[:, :-1]
            has_id = tf.cast(kept > 0, tf.float32)
            bias = embeddings.rows(self.bias, kept) * has_id + of_content[:, -1]
            return self.directions(rows), bias
        if videos is None:
            table = tf.convert_to_tensor(self.videos.table)
            return self.directions(table), tf.convert_to_tensor(self.bias)
        rows = self.videos.vectors(videos)
        return self.directions(rows), embeddings.rows(self.bias, videos)

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        """Returns the vectors of all listable videos, row i of video index i + 1.

        Args:
          moment: Time of the request, seconds since the epoch, for the effect of a
            video's age; None: the serving moment, that of served counters.

        Returns:
          `[num_listed, dim + 1] float32`.
        """
        if self.content is None:
            # Views: of a million videos a copy takes a quarter of a gigabyte.
            rows, bias = (np.asarray(memoryview(part)) for part in self.columns())
            return self._vectors_of(rows, bias)
        rows = np.empty([self.num_listed + 1, self.config.embedding_dim], np.float32)
        bias = np.empty(self.num_listed + 1, np.float32)
        for block in ragged.slices(len(rows), _VIDEOS_A_BLOCK):
            rows[block], bias[block] = self.columns(tf.range(block.start, block.stop))
        if self.ages is not None:
            bias = bias + self.ages.at(moment)
        return self._vectors_of(rows, bias)

    def _vectors_of(self, rows: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Returns the vectors of videos, of rows and biases of the table."""
        if self.head is not None:
            return self.head.video_vectors(rows, bias)
        return np.concatenate([rows[1:], bias[1:, np.newaxis]], axis=1)


Joined = Union[CandidateModel, "ensemble.Ensemble"]


def joined(members: Sequence[CandidateModel]) -> Joined:
    """Returns the one network there is, or an ensemble of several."""
    if len(members) == 1:
        return members[0]
    from ytdnn.candidates import ensemble

    return ensemble.Ensemble(members)


def build(
    config: configs.CandidatesConfig,
    data: PreparedData,
    read: TowerInputs | None = None,
) -> CandidateModel:
    """Returns a model with fresh weights, all its variables made.

    Args:
      config: Settings of candidate generation.
      data: The prepared set.
      read: Inputs of the user tower; None: measured on the training data.
    """
    model = make(config, data, read or user_tower.measure_inputs(config, data))
    if model.head is not None:
        model.head.initialise(data)
    return model


def make(
    config: configs.CandidatesConfig, data: PreparedData, read: TowerInputs
) -> CandidateModel:
    """Returns a model with fresh weights, before its head is filled."""
    model = CandidateModel(config, read)
    log = user_tower.open_log(read, data.with_log(data.log.some), serving=True)
    lengths = config.history_length, config.search_length
    model.query_vectors(slice_batches.cut(log, tf.zeros([1], tf.int64), 1, *lengths))
    model.columns(tf.zeros([1], tf.int32))
    return model


def save(trained: Joined, directory: pathlib.Path) -> None:
    """Writes weights and inputs into an artefact directory being published."""
    inputs = trained.tower_inputs
    saved_weights.save(trained, directory)
    open_features.write(directory / _FEATURES, inputs.measured)
    if inputs.of_videos is not None:
        inputs.of_videos.write(directory)


def load(directory: pathlib.Path, data: PreparedData) -> Joined:
    """Loads the trained model of an artefact, frozen.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    trained = _restored(directory, data)
    trained.freeze()
    return trained


def load_members(directory: pathlib.Path, data: PreparedData) -> list[CandidateModel]:
    """Loads the trained networks of an artefact, to be trained further.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    trained = _restored(directory, data)
    return [trained] if isinstance(trained, CandidateModel) else trained.members


def _restored(directory: pathlib.Path, data: PreparedData) -> Joined:
    directory = pathlib.Path(directory)
    config = saved_weights.trained_config(directory, KIND, data.manifest).candidates
    if not config.is_network:
        raise errors.UserError(
            f"expected a trained network in {directory}, found the model "
            f"{config.model.kind}, which makes lists and no vectors: train with "
            f"--config.candidates.model=network"
        )
    measured = open_features.read_file(directory / _FEATURES)
    features = feature_choice.named(base_feature.CANDIDATES, list(measured), data)
    of_videos = None
    if (directory / user_tower.CONTENT).exists():
        from ytdnn.candidates import content

        of_videos = content.read(directory, data)
    inputs = user_tower.make_inputs(config, data, features, measured, of_videos)
    with embeddings.undrawn():
        members = [make(config, data, inputs) for _ in range(config.num_kept)]
        trained = joined(members)
    saved_weights.restore(trained, directory)
    return trained


def grown_inputs(
    trained: TowerInputs, config: configs.CandidatesConfig, data: PreparedData
) -> TowerInputs:
    """Returns the inputs of a trained tower, measured on a grown log.

    Args:
      trained: Inputs of the trained tower.
      config: Settings it was trained with.
      data: Prepared set of the grown log.

    Raises:
      errors.UserError: This version would read other features.
    """
    grown = user_tower.measure_inputs(config, data)
    if list(grown.measured) != list(trained.measured):
        raise errors.UserError(
            f"expected a model that reads {', '.join(grown.measured)}, as this version "
            f"would train it, found one that reads {', '.join(trained.measured)}: "
            f"train it again"
        )
    widths = grown.measured, grown.features, trained.measured
    measured = open_features.with_old_widths(*widths)
    return dataclasses.replace(grown, measured=measured)
