"""Settings of candidate generation (PAPER §3)."""

from typing import Annotated, Literal

import pydantic

from ytdnn.configs import components, labels, losses
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
      label: What is predicted from what.
      ensemble_size: Networks trained one after another, from different seeds. Scores
        are the means of theirs, and served vectors as many times as wide.
      train_on_validation: Whether watches held out for validation are labels too, as
        for a model that will serve, or to meet published leave-one-out numbers. No
        epoch can be chosen then: all are run and the last weights kept, so find their
        number without it first.
      bias: Whether the video table has a bias for each video.
      similarity: `dot` product of user and video vectors, or `cosine`.
      temperature: Scores are divided by it.
      loss: What training minimises.
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
    label: Annotated[labels.NextWatch | labels.HeldOutWatch, components.BY_KIND] = (
        labels.NextWatch()
    )
    ensemble_size: components.Positive = 1
    train_on_validation: bool = False
    bias: bool = True
    similarity: Literal["dot", "cosine"] = "dot"
    temperature: components.PositiveFloat = 1.0
    loss: Annotated[
        losses.SampledSoftmax | losses.FullSoftmax | losses.HierarchicalSoftmax,
        components.BY_KIND,
    ] = losses.SampledSoftmax()
    precision: Literal["float32", "bfloat16"] = "float32"
    training: training_config.Training = training_config.Training()

    @pydantic.model_validator(mode="after")
    def _has_a_bag(self) -> "Candidates":
        if not self.bags and not self.decay_rates:
            raise ValueError("expected a bag of the history in bags or decay_rates")
        return self

    @pydantic.model_validator(mode="after")
    def _the_loss_fits(self) -> "Candidates":
        is_tree = isinstance(self.loss, losses.HierarchicalSoftmax)
        if is_tree and self.similarity == "cosine":
            raise ValueError("expected similarity dot for hierarchical_softmax")
        return self
