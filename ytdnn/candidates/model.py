"""The candidate model: user tower and video table, trained, saved and loaded.

P(video i | user) ∝ exp(v_i · u + b_i) (PAPER §3.1). A bias makes served vectors one
coordinate wider: the video's is its bias, the user's is 1.
"""

import pathlib

import numpy as np
import tensorflow as tf

from ytdnn import artifacts, configs
from ytdnn.candidates import user_tower
from ytdnn.data import inputs as data_inputs
from ytdnn.data import prepared
from ytdnn.layers import embeddings

KIND = "candidates"
WEIGHTS = "weights"
_CONTEXT_BATCH = 1024


class CandidateModel(tf.keras.Model):
    """User tower and video table."""

    def __init__(self, config: configs.Candidates, inputs: user_tower.Inputs) -> None:
        """Creates the model with fresh weights.

        Args:
          config: Sizes.
          inputs: Which features there are.
        """
        super().__init__(name="candidates")
        self.config = config
        self.user_tower = user_tower.UserTower(config, inputs, name="user_tower")
        self.videos = embeddings.Table(
            inputs.num_videos, config.embedding_dim, name="videos"
        )
        self.bias = tf.Variable(
            tf.zeros([inputs.num_videos + 1]), trainable=config.bias, name="bias"
        )

    @property
    def tables(self) -> list[tf.Variable]:
        """Variables looked up by row, for the table optimiser."""
        bias = [self.bias] if self.config.bias else []
        return [self.user_tower.videos.table, self.videos.table, *bias]

    def query_vectors(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, dim + 1] float32`, the last coordinate 1."""
        vectors = self.user_tower(features, seed=seed)
        return tf.concat([vectors, tf.ones_like(vectors[..., :1])], axis=-1)

    def video_vectors(self) -> np.ndarray:
        """Returns `[num_videos, dim + 1] float32`; row i is video index i + 1."""
        table = np.concatenate(
            [self.videos.table.numpy(), self.bias.numpy()[:, np.newaxis]], axis=1
        )
        return table[1:]

    def user_vectors(
        self, data: prepared.PreparedData, users: np.ndarray, end_watches: np.ndarray
    ) -> np.ndarray:
        """Returns users' vectors from what they watched before given watches.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions in the watch arrays where each user's
            context ends (the watch there is not in it).

        Returns:
          `[n, dim + 1] float32`.
        """
        log = data_inputs.whole_log(data)
        vectors = [
            self._context_vectors(log, users[start:stop], end_watches[start:stop])
            for start, stop in _blocks(len(users))
        ]
        width = self.config.embedding_dim + 1
        return np.concatenate(vectors) if vectors else np.zeros([0, width], np.float32)

    def _context_vectors(
        self, log: data_inputs.Log, users: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        length = self.config.history_length
        features = data_inputs.contexts(log, users, ends, length)
        vectors: np.ndarray = self.query_vectors(features)[:, 0].numpy()
        return vectors


def _blocks(size: int) -> list[tuple[int, int]]:
    starts = range(0, size, _CONTEXT_BATCH)
    return [(start, min(start + _CONTEXT_BATCH, size)) for start in starts]


def build(config: configs.Candidates, data: prepared.PreparedData) -> CandidateModel:
    """Returns a model with fresh weights, all its variables made."""
    model = CandidateModel(config, user_tower.Inputs.of(data))
    ones = np.zeros([1], np.int64)
    features = data_inputs.contexts(
        data_inputs.whole_log(data), ones, ones, config.history_length
    )
    model.query_vectors(features)
    return model


def save(model: CandidateModel, directory: pathlib.Path) -> None:
    """Writes the weights into an artefact directory being published."""
    tf.train.Checkpoint(model=model).write(str(directory / WEIGHTS))


def load(directory: pathlib.Path, data: prepared.PreparedData) -> CandidateModel:
    """Loads the trained model of an artefact.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    directory = pathlib.Path(directory)
    manifest = artifacts.read_manifest(directory, KIND)
    artifacts.require_input(manifest, directory, prepared.KIND, data.manifest)
    config = configs.component(configs.Config, manifest.config).candidates
    model = build(config, data)
    checkpoint = tf.train.Checkpoint(model=model)
    checkpoint.read(str(directory / WEIGHTS)).assert_existing_objects_matched()
    return model
