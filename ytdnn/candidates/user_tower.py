"""The user tower: raw features to the user vector in one object (PAPER §3.2, §3.3).

Encoded watch history, demographics, device and other features, the bag of search
tokens; concatenated; the ReLU tower; a linear layer to the embedding size. The paper's
last ReLU layer is itself the user vector; here a linear layer follows it, so that a
vector may have negative coordinates. Beyond the paper, a skip connection may lead from
the encoded sequences to the user vector (`ytdnn/layers/gated_bags.py`).
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.candidates import tower_inputs
from ytdnn.features import reading, registry
from ytdnn.layers import randomness, towers
from ytdnn.log import catalogues, fields, positions, prepared

_CONTEXT_BATCH = 1024
_STDDEV = 0.05  # of the initial values of features' embeddings


class UserTower(tf.keras.layers.Layer):
    """Maps features of slices to user vectors.

    Attributes:
      inputs: Inputs of the tower.
    """

    def __init__(
        self,
        config: configs.CandidatesConfig,
        inputs: tower_inputs.TowerInputs,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          config: Settings of candidate generation.
          inputs: Inputs of the tower.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.config = config
        self.inputs = inputs
        of_videos = None
        if inputs.of_videos is not None:
            dim = config.embedding_dim
            of_videos = inputs.of_videos.vectors(dim, "watched_content")
        self.watches = registry.make_encoder(
            config,
            inputs.vocabulary_size,
            of_videos,
            inputs.sees_request_time,
        )
        self.features = reading.encoders(inputs.features, inputs.measured, _STDDEV)
        self.searches = None
        if inputs.num_tokens:
            from ytdnn.features.sequences import search_bag

            self.searches = search_bag.SearchBag(
                config, inputs.num_tokens, name="searches"
            )
        self.tower = towers.Tower(
            config.tower, config.dropout, config.precision, name="tower"
        )
        dim = config.embedding_dim
        self.output_layer = tf.keras.layers.Dense(dim, name="user_vector")
        self.skip_connection = None
        if config.skip_connection != "none":
            from ytdnn.layers import gated_bags

            self.skip_connection = gated_bags.GatedBags(
                sum(encoder.num_bags for encoder in self.encoders),
                dim,
                gated=config.skip_connection == "gated",
                dropout=config.dropout,
                precision=config.precision,
                name="skip_connection",
            )

    @property
    def encoders(self) -> list[registry.Encoder]:
        """The encoders of the sequences it reads."""
        return [self.watches] + ([self.searches] if self.searches is not None else [])

    @property
    def tables(self) -> list[tf.Variable]:
        """Large variables looked up by row, for the table optimiser."""
        return [table for encoder in self.encoders for table in encoder.tables]

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the request fields that the tower reads."""
        watched = self.watches.fields(catalogue)
        of_features = reading.request_fields(self.inputs.features, catalogue)
        searches = self.searches.fields(catalogue) if self.searches is not None else ()
        return fields.union(watched, of_features, searches)

    def call(
        self, tensors: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, embedding_dim] float32`.

        Args:
          tensors: Tensors that `ytdnn.log.inputs.cut` returns.
          seed: `[2] int32` of this training step, or None outside training.
        """
        history = self.watches(tensors, seed)
        searches = [] if self.searches is None else self.searches(tensors, seed)
        beside = reading.encode(self.features, tensors)
        inputs = tf.concat([*history, *beside, *searches], axis=-1)
        top = self.tower(
            inputs, randomness.substream(seed, randomness.RandomStream.TOWER)
        )
        vectors = towers.dense(self.output_layer, top, seed)
        if self.skip_connection is None:
            return vectors
        skip_seed = randomness.substream(seed, randomness.RandomStream.SKIP_CONNECTION)
        return vectors + self.skip_connection(
            tf.concat([*history, *searches], axis=-1), top, skip_seed
        )


class FromLogs:
    """Users' vectors from a prepared set, of a network or of several.

    Attributes:
      config: Settings of candidate generation.
      vector_dim: Width of served vectors.
      tower_inputs: Inputs of the user tower.
    """

    config: configs.CandidatesConfig
    vector_dim: int
    tower_inputs: tower_inputs.TowerInputs

    def query_vectors(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        raise NotImplementedError

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors from the events before given watches.

        The request is the watch's own: its device and, if the model reads it, its time.
        After a user's last watch these are missing.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions in the watch arrays where each user's
            context ends (the watch there is not in it).
          times: `[n]` times of the requests; only earlier searches count; None: those
            before the watch.

        Returns:
          `[n, vector_dim] float32`.
        """
        log = self.open_log(data)
        num_searches = None
        if times is not None and log.searches is not None:
            num_searches = data.log.searches.num_before(users, times)
        return self.vectors_at(log, users, end_watches, num_searches)

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: np.ndarray
    ) -> np.ndarray:
        """Returns users' vectors at the requests of logged impressions.

        Args:
          data: The prepared set.
          impression_rows: `[n]` rows of the impression arrays, one of each request.

        Returns:
          `[n, vector_dim] float32`.
        """
        log, shown = self.open_log(data), data.impressions
        users = np.asarray(shown.users)[impression_rows]
        starts = np.asarray(data.watches.offsets)[users]
        ends = starts + np.asarray(shown.num_watches)[impression_rows]
        num_searches = None
        if log.searches is not None and shown.num_searches is not None:
            num_searches = np.asarray(shown.num_searches)[impression_rows]
        return self.vectors_at(log, users, ends, num_searches, impression_rows)

    def open_log(self, data: prepared.PreparedData) -> positions.WatchLog:
        """Returns the tensors that the tower reads, with values as for a request."""
        return tower_inputs.open_log(self.tower_inputs, data, serving=True)

    def vectors_at(
        self,
        log: positions.WatchLog,
        users: np.ndarray,
        end_watches: np.ndarray,
        num_searches: np.ndarray | None = None,
        impressions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns users' vectors, `[n, vector_dim] float32`, of an opened log.

        Args:
          log: The log from `open_log`.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          num_searches: `[n]` of the user's searches that count; None: those before the
            watch.
          impressions: `[n]` rows of impressions, if these are the requests; None:
            watches are.
        """
        vectors = [np.zeros([0, self.vector_dim], np.float32)]
        for start in range(0, len(users), _CONTEXT_BATCH):
            rows = slice(start, start + _CONTEXT_BATCH)
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
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Returns the value of each feature at requests, `[n, …]` by its name.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's context ends.
          times: `[n]` times of the requests.
        """
        log = self.open_log(data)
        num_searches = None
        if log.searches is not None:
            num_searches = data.log.searches.num_before(users, times)
        tensors = tower_inputs.contexts(
            self.config, log, users, end_watches, num_searches
        )
        names = [feature.name for feature in self.tower_inputs.features]
        return {name: tensors[name][:, 0].numpy() for name in names}
