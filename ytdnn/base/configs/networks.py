"""Settings of the networks and of their training: the parts of both stages.

Features are those of PAPER §3.3 and §4.1, labels those of §3.4, losses those of §3.1
(docs/encoders.md, docs/losses.md); each loss and encoder has settings of its own.
"""

from typing import ClassVar, Final, Literal

import pydantic

from ytdnn.base.configs import setting_types

_SLICE_LENGTH = 16
# Share of scored videos without the embedding and bias of their id in a training step,
# and of watches without the embedding, so that the content side learns to predict new
# videos. From 0.05 to 0.4 their lists are level (experiments/new_videos.py).
ID_DROPOUT: Final = 0.2


@setting_types.validated
class FeaturesConfig:
    """The features of a network; a feature exists only if the log has its columns.

    `docs/features.md` lists the names. Any other column is a feature by its full name:
    "users.segment", "videos.genre" (numbers are continuous, others categorical).

    Attributes:
      add: Features in addition to the default ones.
      remove: Default features to leave out.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@setting_types.validated
class ContentConfig:
    """The content side of the video tables: vectors of new videos.

    A video's vector is that of its id plus that of its content; a video without an id
    embedding, such as a new upload, has only its content. The content side exists if
    the log has a column of `videos` with content features, but not with a loss
    whose rows of the video table are no videos. Index and bundle then have a vector for
    every video of the catalogue: disable it if `videos` has far more videos than are
    watched, and memory is short.

    Attributes:
      enabled: Whether there is a content side.
      features: Features of videos that it reads.
      popularity_by_age: Whether scores depend on the popularity of videos of the same
        age. It needs `videos.upload_time`: a log without it has a content side only if
        this is false.
    """

    enabled: bool = True
    features: FeaturesConfig = FeaturesConfig()
    popularity_by_age: bool = True


@setting_types.validated
class NextWatchConfig:
    """The next watch, predicted from the history before it (the paper's choice).

    Attributes:
      examples_per_user: Training examples per user and epoch, drawn anew each epoch;
        a user with fewer watches has fewer. 0 = all.
      slice_length: Number of consecutive positions of the log that share one gather of
        the history; only if all watches are labels.
    """

    examples_per_user: setting_types.NonNegative = 0
    slice_length: setting_types.Positive = _SLICE_LENGTH
    kind: Literal["next_watch"] = "next_watch"

    @pydantic.model_validator(mode="after")
    def _slices_are_of_all_watches(self) -> "NextWatchConfig":
        if self.examples_per_user and self.slice_length != _SLICE_LENGTH:
            raise ValueError(
                f"expected no slice_length with examples_per_user, received "
                f"{self.slice_length}: labels that are drawn share no history; leave "
                f"slice_length out, or set examples_per_user to 0"
            )
        return self


@setting_types.validated
class LabelExtension(setting_types.Extension):
    """Base class of the settings of a label that a file or a package registers.

    Attributes:
      examples_per_user: See `NextWatchConfig`.
    """

    examples_per_user: setting_types.NonNegative = 0


@setting_types.validated
class QuantilesConfig:
    """The quantile CDF of the training data, in [0, 1).

    Attributes:
      powers: Whether the square and the root are inputs too.
      num_pieces: Number of pieces of the value that are inputs too, each rising from 0
        to 1 in its part of [0, 1), with the log odds or the log of the number itself
        (both beyond the paper); 0 = neither.
    """

    powers: bool = True
    num_pieces: setting_types.NonNegative = 3
    kind: Literal["quantiles"] = "quantiles"


@setting_types.validated
class RawConfig:
    """The value without normalisation, which trains poorly according to the paper."""

    kind: Literal["raw"] = "raw"


Normalization = QuantilesConfig | RawConfig


@setting_types.validated
class BagsConfig:
    """Averages of the history (PAPER §3.2).

    `decay_rates` and `learned_bags` of the candidates add some.
    """

    kind: Literal["bags"] = "bags"


@setting_types.validated
class EncoderExtension(setting_types.Extension):
    """Base class of the settings of an encoder that a file or a package registers.

    Attributes:
      beside_bags: Whether bags are used as well; the vectors are concatenated.
    """

    beside_bags: bool = False


Encoder = BagsConfig | EncoderExtension


@setting_types.validated
class SampledSoftmaxConfig:
    """Softmax over the label and sampled negatives: for any size of corpus.

    Attributes:
      in_batch: Whether labels of other users in the batch are negatives.
      num_negatives: Sampled negatives per step, in addition to the in-batch ones.
      proposal_exponent: Negatives are drawn in proportion to label count to this
        power; 0 = uniformly, 1 = as often as they are labels.
    """

    in_batch: bool = True
    num_negatives: setting_types.NonNegative = 1024
    proposal_exponent: setting_types.Share = 0.75
    kind: Literal["sampled_softmax"] = "sampled_softmax"

    @pydantic.model_validator(mode="after")
    def _there_are_negatives(self) -> "SampledSoftmaxConfig":
        if self.num_negatives == 0 and not self.in_batch:
            raise ValueError(
                "expected num_negatives above 0 with in_batch false, received 0"
            )
        return self


@setting_types.validated
class FullSoftmaxConfig:
    """Softmax over all videos: the reference, for small corpora.

    Attributes:
      label_smoothing: Share of the label's probability spread over all videos.
    """

    label_smoothing: setting_types.Fraction = 0.0
    kind: Literal["full_softmax"] = "full_softmax"


def rows_are_videos(loss: object) -> bool:
    """Returns whether the rows of the video table are videos under a loss."""
    return bool(getattr(loss, "rows_are_videos", True))


@setting_types.validated
class TrainingConfig:
    """Optimisation of one stage.

    Attributes:
      epochs: Passes over the training examples.
      batch_size: Examples per step, over all replicas.
      learning_rate: Peak rate of the dense layers' optimiser (Adam). All rates decay
        to zero over all epochs, along a cosine.
      table_optimizer: Optimiser of the embedding tables: `adagrad` or `lazy_adam`,
        which update only the rows of the batch, so that the cost of a step does not
        grow with the corpus; or `adam`, for small corpora.
      table_learning_rate: Peak rate of the tables' optimiser.
      table_accumulator: Initial value of Adagrad's accumulator. A small one lets rows
        that are rarely seen take large first steps.
      table_gradient: Gradient of the tables: of the batch's `mean` loss, or of its
        `sum`, as in TFRS's tasks. Adagrad's accumulator and Adam's epsilon are meant
        for sums: a mean's gradient for a row seen once in a batch is so small that the
        row hardly moves. The dense layers always use the mean.
      patience: Epochs without a better validation metric before stopping early.
      steps_per_execution: Number of steps in one call of TensorFlow, as in Keras.
        Several save the time between calls, which matters for short steps and
        accelerators; the numbers are those of 1. Only for a single process.
    """

    epochs: setting_types.Positive = 5
    batch_size: setting_types.Positive = 1024
    learning_rate: setting_types.PositiveFloat = 1e-3
    table_optimizer: Literal["adagrad", "lazy_adam", "adam"] = "adagrad"
    table_learning_rate: setting_types.PositiveFloat = 0.1
    table_accumulator: setting_types.PositiveFloat = 0.1
    table_gradient: Literal["mean", "sum"] = "mean"
    patience: setting_types.Positive = 2
    checkpoint_every_steps: ClassVar[int] = 2_000  # and at the end of an epoch
    steps_per_execution: setting_types.Positive = 1


@setting_types.validated
class ClusterConfig:
    """How several processes train together: constants (docs/scale.md)."""

    start_seconds: ClassVar[int] = 300  # that processes wait for one another
    lost_seconds: ClassVar[int] = 60  # without an answer
    # Of a table's shards, one on each parameter server at most; above the size of a
    # tower's kernels.
    shard_megabytes: ClassVar[float] = 64.0


@setting_types.validated
class RefreshConfig:
    """The continued training of trained models (docs/freshness.md).

    Attributes:
      epochs: Passes over the new events, for both stages.
      replay: Number of old watches, for each new one, that the candidates are trained
        on again, against forgetting.
    """

    epochs: setting_types.Positive = 3
    replay: setting_types.NonNegativeFloat = 0.5
