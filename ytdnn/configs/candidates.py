"""Settings of candidate generation (PAPER §3)."""

from typing import Literal

import pydantic

from ytdnn.configs import components
from ytdnn.configs import features as features_config
from ytdnn.configs import training as training_config


@components.validated
class Candidates:
    """Candidate generation (PAPER §3).

    Attributes:
      embedding_dim: Width of video embeddings and of the user vector.
      history_length: Most recent watches in the bag.
      search_length: Most recent searches in the bag of search tokens; 0: none are read.
      features: What is read beside watches and searches (PAPER §3.3).
      bags: Bags of the history: `mean` (the paper's), `sum`, `max` by coordinate.
      decay_rates: One recency-weighted average, weights rate^position, for each.
      learned_bags: Averages of the history by learned weights of its positions,
        beside those above.
      tower: Widths of the ReLU layers before the linear user vector.
      skip_connection: What leads from the bags to the user vector beside the tower:
        `none` (the paper's), a `linear` layer, or one whose bags are `gated` by the
        tower's top.
      dropout: Share of tower activations, and of the coordinates of bags that lead
        past it, dropped in training.
      history_dropout: Share of watches dropped from a history in training, and of
        tokens from the bag of searches.
      label: `next_watch` (context: what lies before it) or `held_out_watch` (context:
        what lies around it; the paper's figure 5a, for comparison).
      examples_per_user: Labels each user has in an epoch, drawn anew in each one, at
        most as many as there are; 0 = all.
      ensemble_size: Networks trained one after another, from different seeds. Scores
        are the means of theirs, and served vectors as many times as wide.
      train_on_validation: Whether watches held out for validation are labels too, as
        for a model that will serve, or to meet published leave-one-out numbers. No
        epoch can be chosen then: all are run and the last weights kept, so find their
        number without it first.
      bias: Whether the video table has a bias for each video.
      similarity: `dot` product of user and video vectors, or `cosine`.
      temperature: Scores are divided by it.
      loss: `sampled_softmax`, `full_softmax` (the reference, small corpora), or
        `hierarchical_softmax` (a binary tree; served to first order).
      in_batch: sampled softmax: Whether labels of other users in the batch are
        negatives.
      num_negatives: Sampled negatives a step, beside the in-batch ones.
      proposal_exponent: Negatives are drawn by label count to this power, but for
        the two shares below.
      uniform_share: Share of negatives drawn uniformly.
      log_uniform_share: Share of negatives drawn log-uniformly in the rank of label
        counts.
      correct_positive: Whether the positive's score too is corrected by its expected
        count among the negatives. Measured: its gradient is then never nearer to
        the full softmax's, and for rare videos far from it.
      tree_order: hierarchical softmax: Order of the leaves, by `frequency` or by
        `cluster` of videos watched by the same users.
      label_smoothing: Share of the label's probability spread over all videos
        (full softmax only).
      slice_length: Consecutive positions of the log that share one history gather.
      precision: Arithmetic of the tower's products.
      training: Optimisation.
    """

    embedding_dim: components.Positive = 64
    history_length: components.Positive = 50
    search_length: components.NonNegative = 50
    features: features_config.Features = features_config.Features()
    bags: tuple[Literal["mean", "sum", "max"], ...] = ("mean",)
    decay_rates: tuple[components.Rate, ...] = (0.5, 0.8, 0.93)
    learned_bags: components.NonNegative = 0
    tower: tuple[components.Positive, ...] = (256, 128)
    skip_connection: Literal["none", "linear", "gated"] = "none"
    dropout: components.Fraction = 0.0
    history_dropout: components.Fraction = 0.2
    label: Literal["next_watch", "held_out_watch"] = "next_watch"
    examples_per_user: components.NonNegative = 0
    ensemble_size: components.Positive = 1
    train_on_validation: bool = False
    bias: bool = True
    similarity: Literal["dot", "cosine"] = "dot"
    temperature: components.PositiveFloat = 1.0
    loss: Literal["sampled_softmax", "full_softmax", "hierarchical_softmax"] = (
        "sampled_softmax"
    )
    in_batch: bool = True
    num_negatives: components.NonNegative = 1024
    proposal_exponent: components.Share = 0.75
    uniform_share: components.Share = 0.0
    log_uniform_share: components.Share = 0.0
    correct_positive: bool = False
    tree_order: Literal["frequency", "cluster"] = "cluster"
    label_smoothing: components.Fraction = 0.0
    slice_length: components.Positive = 16
    precision: Literal["float32", "bfloat16"] = "float32"
    training: training_config.Training = training_config.Training()

    @pydantic.model_validator(mode="after")
    def _has_a_bag(self) -> "Candidates":
        if not self.bags and not self.decay_rates:
            raise ValueError("expected a bag of the history in bags or decay_rates")
        return self

    @pydantic.model_validator(mode="after")
    def _settings_of_the_loss_fit(self) -> "Candidates":
        if self.uniform_share + self.log_uniform_share > 1.0:
            raise ValueError(
                "expected uniform_share + log_uniform_share of at most 1, received "
                f"{self.uniform_share} + {self.log_uniform_share}"
            )
        if self.num_negatives == 0 and not self.in_batch:
            raise ValueError("expected num_negatives above 0 where in_batch is false")
        if self.loss == "hierarchical_softmax" and self.similarity == "cosine":
            raise ValueError("expected similarity dot for hierarchical_softmax")
        return self
