"""The candidate model: user tower and video table, trained, saved and loaded.

P(video i | user) ∝ exp(v_i · u / temperature + b_i) (PAPER §3.1), with u and v_i of
length one where the similarity is cosine. A bias makes served vectors one coordinate
wider: the video's is its bias, the user's is 1. Served products are the scores, so the
user's vector carries the temperature. Several such networks may stand side by side as
one (`Ensemble`), whose scores are the means of theirs.

What a row of the video table stands for depends on the loss: its head makes the videos'
vectors from the rows (`ytdnn/candidates/losses/heads.py`).
"""

import pathlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from ytdnn import configs
from ytdnn.candidates import losses, tower_inputs, user_tower
from ytdnn.data import fields, prepared, watch_log
from ytdnn.encoders import interface as encoders
from ytdnn.features import reading
from ytdnn.layers import embeddings, weights

KIND = "candidates"
FEATURES = "features.json"
_CONTEXT_BATCH = 1024


class _Queries(Protocol):
    """What users' vectors are made with.

    Attributes:
      config: Sizes.
      vector_dim: Width of served vectors.
      tower_inputs: What the user tower reads.
    """

    config: configs.Candidates
    vector_dim: int
    tower_inputs: tower_inputs.Inputs

    def query_vectors(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        ...

    def open_log(self, data: prepared.PreparedData) -> watch_log.Log:
        """Returns what the tower reads of a prepared set."""
        ...

    def vectors_at(
        self,
        log: watch_log.Log,
        users: np.ndarray,
        end_watches: np.ndarray,
        num_searches: np.ndarray | None = None,
        impressions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors of an opened log."""
        ...


class _AsksForUsers:
    """What networks and ensembles share: users' vectors from a prepared set."""

    def user_vectors(
        self: _Queries,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors from what lies before given watches.

        The request is the watch's own: the device it was made on and, if the model
        reads it, its time. Behind a user's last watch these are missing.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions in the watch arrays where each user's
            context ends (the watch there is not in it).
          times: `[n]` of the requests, before which searches must lie; None: before
            the watch.

        Returns:
          `[n, vector_dim] float32`.
        """
        log = self.open_log(data)
        num_searches = None
        if times is not None and log.searches is not None:
            num_searches = data.searches.num_before(users, times)
        return self.vectors_at(log, users, end_watches, num_searches)

    def open_log(self: _Queries, data: prepared.PreparedData) -> watch_log.Log:
        """Returns what the tower reads of a prepared set, as a request would bring."""
        return tower_inputs.open_log(self.tower_inputs, data, serving=True)

    def vectors_at(
        self: _Queries,
        log: watch_log.Log,
        users: np.ndarray,
        end_watches: np.ndarray,
        num_searches: np.ndarray | None = None,
        impressions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors, `[n, vector_dim] float32`, of an opened log.

        Args:
          log: Of `open_log`.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          num_searches: `[n]` of the user's searches that count; None: those before the
            watch.
          impressions: `[n]` rows of impressions whose requests these are; None: the
            watches'.
        """
        vectors = [np.zeros([0, self.vector_dim], np.float32)]
        for start, stop in _blocks(len(users)):
            rows = slice(start, stop)
            tensors = tower_inputs.contexts(
                self.config,
                log,
                users[rows],
                end_watches[rows],
                None if num_searches is None else num_searches[rows],
                None if impressions is None else impressions[rows],
            )
            vectors.append(self.query_vectors(tensors)[:, 0].numpy())
        return np.concatenate(vectors)

    def readings(
        self: _Queries,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Returns what each feature reads of requests, `[n, …]` by its name.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          times: `[n]` of the requests.
        """
        log = tower_inputs.open_log(self.tower_inputs, data, serving=True)
        num_searches = None
        if log.searches is not None:
            num_searches = data.searches.num_before(users, times)
        tensors = tower_inputs.contexts(
            self.config, log, users, end_watches, num_searches
        )
        names = [feature.name for feature in self.tower_inputs.features]
        return {name: tensors[name][:, 0].numpy() for name in names}


class CandidateModel(_AsksForUsers, tf.keras.Model):
    """User tower and video table."""

    def __init__(self, config: configs.Candidates, inputs: tower_inputs.Inputs) -> None:
        """Creates the model with fresh weights.

        Args:
          config: Sizes.
          inputs: What the user tower reads.
        """
        super().__init__(name="candidates")
        self.config = config
        self.vector_dim = config.embedding_dim + 1
        self.user_tower = user_tower.UserTower(config, inputs, name="user_tower")
        self.videos = embeddings.Table(
            inputs.vocabulary_size, config.embedding_dim, name="videos"
        )
        self.bias = tf.Variable(
            tf.zeros([inputs.vocabulary_size + 1]), trainable=config.bias, name="bias"
        )
        self.head = losses.make_head(config, inputs.vocabulary_size)

    @property
    def encoders(self) -> list[encoders.Encoder]:
        """The encoders of the sequences it reads."""
        return self.user_tower.encoders

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns what it reads of a request."""
        return self.user_tower.fields(data)

    @property
    def tower_inputs(self) -> tower_inputs.Inputs:
        """What the user tower reads."""
        return self.user_tower.inputs

    @property
    def user_variables(self) -> list[tf.Variable]:
        """What a query is made with."""
        return list(self.user_tower.variables)

    @property
    def sees_request_time(self) -> bool:
        """Whether it reads the time of the request, which evaluation must say."""
        return any(f.sees_request_time for f in self.tower_inputs.features)

    @property
    def bias_coordinates(self) -> list[int]:
        """Which coordinates of served vectors are a video's bias, and 1 of a user."""
        return [self.config.embedding_dim]

    @property
    def trains_on_validation(self) -> bool:
        """Whether validation watches were labels, which evaluation must say."""
        return self.config.train_on_validation

    def facts(self) -> dict[str, object]:
        """Returns what a manifest says of the model."""
        inputs = self.tower_inputs
        sequences = ["watches"] + (["searches"] if inputs.num_tokens else [])
        return {
            "sequences": sequences,
            "features": [feature.name for feature in inputs.features],
            "sees_request_time": self.sees_request_time,
            "trains_on_validation": self.trains_on_validation,
        }

    @property
    def tables(self) -> list[tf.Variable]:
        """Variables looked up by row, for the table optimiser."""
        bias = [self.bias] if self.config.bias else []
        return [*self.user_tower.tables, self.videos.table, *bias]

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
        """Returns vectors as they are scored: of length one if by cosine."""
        if self.config.similarity == "cosine":
            return tf.math.l2_normalize(vectors, axis=-1)
        return vectors

    def _scaled_users(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None
    ) -> tf.Tensor:
        vectors = self.directions(self.user_tower(features, seed=seed))
        if self.config.temperature == 1.0:
            return vectors
        return vectors / self.config.temperature

    def video_vectors(self) -> np.ndarray:
        """Returns `[vocabulary_size, dim + 1] float32`; row i is video index i + 1."""
        rows = self.directions(tf.convert_to_tensor(self.videos.table))
        return self.head.video_vectors(rows.numpy(), self.bias.numpy())


class Ensemble(_AsksForUsers, tf.keras.Model):
    """Networks side by side: the score is the mean of theirs.

    Vectors are the networks' own, one behind another, the videos' divided by how many
    there are: one nearest-neighbour search serves them all.
    """

    def __init__(self, members: Sequence[CandidateModel]) -> None:
        """Joins trained networks of one config."""
        super().__init__(name="candidates")
        self.members = list(members)
        self.config = self.members[0].config
        self.vector_dim = sum(member.vector_dim for member in members)
        self.tower_inputs = self.members[0].tower_inputs
        self.encoders = self.members[0].encoders
        self.sees_request_time = self.members[0].sees_request_time
        self.trains_on_validation = self.members[0].trains_on_validation

    @property
    def bias_coordinates(self) -> list[int]:
        """Which coordinates of served vectors are a video's bias, and 1 of a user."""
        ends = np.cumsum([member.vector_dim for member in self.members])
        return [int(end) - 1 for end in ends]

    @property
    def user_variables(self) -> list[tf.Variable]:
        """What a query is made with."""
        return [v for member in self.members for v in member.user_variables]

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns what it reads of a request."""
        return self.members[0].fields(data)

    def facts(self) -> dict[str, object]:
        """Returns what a manifest says of the model."""
        return self.members[0].facts()

    def query_vectors(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        own = [member.query_vectors(features, seed) for member in self.members]
        return tf.concat(own, axis=-1)

    def video_vectors(self) -> np.ndarray:
        """Returns `[vocabulary_size, vector_dim] float32`; row i is index i + 1."""
        own = [member.video_vectors() for member in self.members]
        joined: np.ndarray = np.concatenate(own, axis=1) / np.float32(len(own))
        return joined


def joined(members: Sequence[CandidateModel]) -> "CandidateModel | Ensemble":
    """Returns the one network there is, or an ensemble of several."""
    return members[0] if len(members) == 1 else Ensemble(members)


def _blocks(size: int, step: int = _CONTEXT_BATCH) -> list[tuple[int, int]]:
    starts = range(0, size, step)
    return [(start, min(start + step, size)) for start in starts]


def build(config: configs.Candidates, data: prepared.PreparedData) -> CandidateModel:
    """Returns a model with fresh weights, all its variables made."""
    model = _made(config, data, tower_inputs.of(config, data))
    model.head.initialise(data)
    return model


def _made(
    config: configs.Candidates,
    data: prepared.PreparedData,
    inputs: tower_inputs.Inputs,
) -> CandidateModel:
    model = CandidateModel(config, inputs)
    none = np.zeros([1], np.int64)
    log = tower_inputs.open_log(inputs, data, serving=True)
    features = tower_inputs.contexts(config, log, none, none)
    model.query_vectors(features)
    return model


def save(model: CandidateModel | Ensemble, directory: pathlib.Path) -> None:
    """Writes weights and features into an artefact directory being published."""
    weights.save(model, directory)
    reading.write(directory / FEATURES, model.tower_inputs.measured)


def load(
    directory: pathlib.Path, data: prepared.PreparedData
) -> CandidateModel | Ensemble:
    """Loads the trained model of an artefact.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    directory = pathlib.Path(directory)
    config = weights.trained_config(directory, KIND, data.manifest).candidates
    inputs = tower_inputs.read(directory / FEATURES, config, data)
    model = joined([_made(config, data, inputs) for _ in range(config.ensemble_size)])
    weights.restore(model, directory)
    return model
