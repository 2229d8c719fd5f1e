"""The user tower: raw features to the user vector in one object (PAPER §3.2, §3.3).

Encoded watch history, demographics, device and other features, the bag of search
tokens; concatenated; the ReLU tower; a linear layer to the embedding size. The paper's
last ReLU layer is itself the user vector; here a linear layer follows it, so that a
vector may have negative coordinates. Beyond the paper, a skip connection may lead from
the encoded sequences to the user vector (`ytdnn/layers/bags.py`).

Its features are chosen by the config among those the log has, measured on the training
watches, and kept with the model.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ytdnn.base import configs, ragged, schema
from ytdnn.features import base_feature, feature_choice, open_features
from ytdnn.layers import bags, randomness, towers
from ytdnn.log import batch_streams, io_fields, log_tensors, prepared, slice_batches

PreparedData = prepared.PreparedData
Config = configs.CandidatesConfig

if TYPE_CHECKING:
    from ytdnn.candidates import content

_STDDEV = 0.05  # of the initial values of features' embeddings
CONTENT = "content.json"
_POSITIONS_A_PART = 1 << 16
_NUM_QUANTILES = 100  # of each continuous feature


@dataclasses.dataclass(frozen=True)
class TowerInputs:
    """The inputs of a user tower.

    Attributes:
      vocabulary_size: Videos with an id embedding.
      num_tokens: Size of the vocabulary of search tokens, 0 where searches are not
        read.
      features: Features of users and requests.
      measured: Statistics that their encoders need.
      of_videos: Inputs of the content side; None: videos have only ids.
    """

    vocabulary_size: int
    num_tokens: int = 0
    features: tuple[base_feature.Feature, ...] = ()
    measured: open_features.Statistics = dataclasses.field(default_factory=dict)
    of_videos: "content.ContentInputs | None" = None

    @property
    def sees_request_time(self) -> bool:
        """Whether the time of the request is read; reports of evaluation state this."""
        return any(feature.sees_request_time for feature in self.features)


def measure_inputs(config: Config, data: PreparedData) -> TowerInputs:
    """Returns the inputs of a user tower, measured on the training data of a set.

    Raises:
      errors.UserError: The config names an unknown feature.
    """
    features = feature_choice.choose(base_feature.CANDIDATES, data, config.features)
    training = slice_batches.training_set(data)
    examples = _training_features(features, training, config.window_events)
    measured = open_features.measure(features, data, examples, _NUM_QUANTILES)
    of_videos = None
    if config.content.enabled:
        from ytdnn.candidates import content

        of_videos = content.from_config(config, data)
    return make_inputs(config, data, features, measured, of_videos)


def make_inputs(config: Config, data: PreparedData, *parts: Any) -> TowerInputs:
    """Returns the inputs with these parts, and sizes of a set's vocabularies."""
    num_tokens = data.catalogue.tokens.height if config.search_length else 0
    return TowerInputs(data.vocabulary_size, num_tokens, *parts)


def _training_features(
    features: feature_choice.Features, training: PreparedData, window_events: int
) -> Iterator[open_features.Tensors]:
    """Yields the features of all training positions, part by part."""
    opener = functools.partial(open_features.open_log, features)
    for window in batch_streams.ShardWindows(training, window_events):
        log = log_tensors.load_watches(window, opener, with_searches=False)
        for part in ragged.slices(log.num_watches, _POSITIONS_A_PART):
            rows = tf.range(part.start, part.stop, dtype=tf.int64)[:, tf.newaxis]
            yield slice_batches.labels(log, rows, tf.ones_like(rows, tf.bool))


def open_log(
    read: TowerInputs, data: PreparedData, serving: bool = False
) -> log_tensors.WatchLog:
    """Returns the tensors that a user tower reads at a prepared set's watches.

    Args:
      read: Inputs of the tower.
      data: The prepared set.
      serving: Whether training-only features have their serving value.
    """

    def opener(log: log_tensors.LogTensors) -> Mapping[str, log_tensors.Reader]:
        readers = open_features.open_log(read.features, log, serving)
        if not read.sees_request_time:
            return readers
        return {**readers, schema.REQUEST_TIMES: lambda at: at.times}

    return log_tensors.load_watches(data, opener, with_searches=read.num_tokens > 0)


class UserTower(tf.keras.layers.Layer):
    """Maps features of slices to user vectors.

    Attributes:
      inputs: Inputs of the tower.
      passed_bag: Place of the bag of the history that is the user's vector, while a
        counted start is chosen and nothing else adds to it; None: all is computed.
    """

    passed_bag: int | None = None

    def __init__(self, config: Config, inputs: TowerInputs, **kwargs: Any) -> None:
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
        self.watches = feature_choice.make_encoder(
            config,
            inputs.vocabulary_size,
            of_videos,
            inputs.sees_request_time,
        )
        self.features = open_features.encoders(
            inputs.features, inputs.measured, _STDDEV
        )
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
            self.skip_connection = bags.GatedBags(
                sum(encoder.num_bags for encoder in self.encoders),
                dim,
                gated=config.skip_connection == "gated",
                dropout=config.dropout,
                precision=config.precision,
                name="skip_connection",
            )

    @property
    def encoders(self) -> list[feature_choice.Encoder]:
        """The encoders of the sequences it reads."""
        return [self.watches] + ([self.searches] if self.searches is not None else [])

    @property
    def tables(self) -> list[tf.Variable]:
        """Large variables looked up by row, for the table optimiser."""
        return [table for encoder in self.encoders for table in encoder.tables]

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that the tower reads."""
        watched = self.watches.fields(catalogue)
        of_features = open_features.request_fields(self.inputs.features, catalogue)
        searches = self.searches.fields(catalogue) if self.searches is not None else ()
        return io_fields.union(watched, of_features, searches)

    def call(
        self, tensors: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, embedding_dim] float32`.

        Args:
          tensors: Tensors that `ytdnn.log.slice_batches.cut` returns.
          seed: `[2] int32` of this training step, or None outside training.
        """
        history = self.watches(tensors, seed)
        if self.passed_bag is not None:
            width = self.config.embedding_dim
            return history[0][..., self.passed_bag * width :][..., :width]
        searches = [] if self.searches is None else self.searches(tensors, seed)
        beside = open_features.encode(self.features, tensors)
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
