"""Settings of candidate generation (PAPER §3)."""

from typing import Annotated, ClassVar, Literal

import pydantic

from ytdnn.base import registries
from ytdnn.base.configs import by_size, networks, setting_types


@setting_types.validated
class NetworkConfig:
    """The network of the paper (PAPER §3); the other settings are its own."""

    kind: Literal["network"] = "network"


@setting_types.validated
class CandidatesConfig:
    """Candidate generation (PAPER §3).

    Attributes:
      model: The `network`, or another model that makes lists, see
        `ytdnn/retrieval/model_interface.py`: one that counts, or a file's own.
      embedding_dim: Width of video embeddings and of the user vector.
      history_length: Number of most recent watches that are read.
      search_length: Number of most recent searches that are read; 0 = none.
      features: Features in addition to watches and searches (PAPER §3.3).
      content: Content features of videos, for new ones.
      encoder: Encoder of the watch history. With an encoder other than bags, serving
        reads `history_length` watches, and training reads up to that number at the last
        position of a slice, so `label.slice_length` is at most that.
      initial_vectors: Initial values of the video tables: `random`, or vectors of
        `co_watched` videos, a factorisation of the matrix of viewers in common
        (`ytdnn/features/co_watch_vectors.py`), or `factored` ones
        with its lengths, which the similarity `cosine` would ignore. Ten watches are
        enough to train a video from these, but hardly from a random start. Meant for a
        skip connection.
      decay_rates: For each rate, in addition to the mean (the paper's), a
        recency-weighted average with weights rate^position.
      learned_bags: Number of averages with learned weights of the positions, in
        addition to those.
      tower: Widths of the ReLU layers before the linear user vector.
      skip_connection: Connection from the bags to the user vector, around the tower:
        `none` (as in the paper), a `linear` layer, or a linear layer with bags that are
        `gated` by the tower's last layer.
      dropout: Share of tower activations, and of the inputs of the skip connection,
        dropped in training.
      history_dropout: Share of watches dropped from a history in training, and of
        tokens from the bag of searches.
      label: The watches that are predicted, and their context.
      ensemble_size: Number of networks, trained one after another from different
        seeds. The score is the mean of their scores; served vectors are that many times
        as wide.
      distillation: With several networks under full softmax, the share of the other
        networks' mean prediction in the target of the last one (Hinton et al., 2015;
        born-again networks: Furlanello et al., 2018). The last one alone is kept: its
        vectors, index and user tower cost as much as those of one network. 0 = they are
        independent, and all are kept.
      train_on_validation: Whether to train on the watches held out for validation
        too, as for a model that will serve, or to compare with published
        leave-one-out numbers. Then no epoch can be chosen by validation: all are run
        and the last weights kept, so choose their number without it first.
      similarity: `dot` product of user and video vectors, or `cosine`; or
        `user_cosine`, the product with the user's vector at length one, so that the
        length of a video's vector expresses how reliable its direction is.
      temperature: Scores are divided by it.
      loss: Loss that training minimises.
      precision: Precision of the tower's matrix products.
      training: Settings of the optimisation.
      validation_users: Users that each epoch is validated on, a sample that is the same
        for all epochs and seeds; 0 = all.
      validate_repeats: Whether repeated watches are right answers in validation and
        watched videos are listed; for logs with repeated watches (`--repeats`).
      validate_last: Whether validation predicts the last watch of each user from all
        watches before it, instead of all watches from those before the window; for logs
        of sessions (`--sessions`).
      auto: Settings that are chosen for the log (docs/defaults.md), in place of their
        values here. Without a config file all of these are, except those given on the
        command line.
      contest: Whether settings in `auto` are chosen by a contest on validation; else
        those of its member `wide` are taken.
    """

    model: Annotated[
        NetworkConfig | setting_types.Extension,
        setting_types.OneOf(registries.CANDIDATE_MODELS),
    ] = NetworkConfig()
    embedding_dim: setting_types.Positive = 64
    history_length: setting_types.Positive = 50
    search_length: setting_types.NonNegative = 50
    features: networks.FeaturesConfig = networks.FeaturesConfig()
    content: networks.ContentConfig = networks.ContentConfig()
    encoder: Annotated[networks.Encoder, setting_types.OneOf(registries.ENCODERS)] = (
        networks.BagsConfig()
    )
    initial_vectors: Literal["random", "co_watched", "factored"] = "random"
    decay_rates: tuple[setting_types.Rate, ...] = (0.5, 0.8, 0.93)
    learned_bags: setting_types.NonNegative = 0
    tower: tuple[setting_types.Positive, ...] = (256, 128)
    skip_connection: Literal["none", "linear", "gated"] = "none"
    dropout: setting_types.Fraction = 0.0
    history_dropout: setting_types.Fraction = 0.2
    label: Annotated[
        networks.NextWatchConfig | networks.LabelExtension,
        setting_types.OneOf(registries.LABELS),
    ] = networks.NextWatchConfig()
    ensemble_size: setting_types.Positive = 1
    distillation: setting_types.Fraction = 0.0
    train_on_validation: bool = False
    similarity: Literal["dot", "cosine", "user_cosine"] = "dot"
    temperature: setting_types.PositiveFloat = 1.0
    loss: Annotated[
        networks.SampledSoftmaxConfig
        | networks.FullSoftmaxConfig
        | setting_types.Extension,
        setting_types.OneOf(registries.LOSSES),
    ] = networks.SampledSoftmaxConfig()
    precision: Literal["float32", "bfloat16"] = "float32"
    training: networks.TrainingConfig = networks.TrainingConfig()
    # In memory at a time while training; of a larger log, shards of users.
    window_events: ClassVar[int] = 1 << 24
    validation_users: setting_types.NonNegative = 10_000
    validate_repeats: bool = False
    validate_last: bool = False
    auto: tuple[by_size.CandidateSetting, ...] = ()
    contest: bool = True

    @property
    def is_network(self) -> bool:
        """Whether the model is the network, which has vectors and so a bundle."""
        return isinstance(self.model, NetworkConfig)

    @pydantic.model_validator(mode="after")
    def _the_encoder_fits(self) -> "CandidatesConfig":
        if self.context_length < 1:
            raise ValueError(
                f"expected label.slice_length of at most history_length for "
                f"{self.encoder.kind}, received {self.slice_length} and "
                f"{self.history_length}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _there_is_a_teacher(self) -> "CandidatesConfig":
        if self.distillation and self.ensemble_size == 1:
            raise ValueError(
                "expected an ensemble_size of at least 2 with distillation, received "
                "1: a network learns from those before it"
            )
        if self.distillation and not isinstance(self.loss, networks.FullSoftmaxConfig):
            raise ValueError(
                f"expected loss full_softmax with distillation, received "
                f"{self.loss.kind}"
            )
        return self

    @property
    def num_kept(self) -> int:
        """Number of networks of the trained model."""
        return 1 if self.distillation else self.ensemble_size

    @property
    def reads_bags(self) -> bool:
        """Whether the history is read by bags, alone or together with an encoder."""
        return isinstance(self.encoder, networks.BagsConfig) or self.encoder.beside_bags

    @property
    def slice_length(self) -> int:
        """Positions of a slice of training."""
        own = self.label
        if isinstance(own, networks.NextWatchConfig) and not own.examples_per_user:
            return own.slice_length
        return 1

    @property
    def context_length(self) -> int:
        """Number of rows of a slice before its first label.

        With bags each position reads its own last `history_length` rows. Other encoders
        read all rows of a slice, as many as in serving.
        """
        if isinstance(self.encoder, networks.BagsConfig):
            return self.history_length
        return self.history_length - self.slice_length + 1
