"""Settings of ranking (PAPER §4), and of its heads, each with its own (PAPER §4.2)."""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

import pydantic

from ytdnn.base import registries
from ytdnn.base.configs import by_size, networks, setting_types

HEAD: Final = "head"  # the loss of the click and the watch time
OUTCOME_WEIGHT: Final = 0.1
_WEIGHT = re.compile(r"(?P<name>[A-Za-z]\w*)=\d+(\.\d+)?(e-?\d+)?")


@setting_types.validated
class WeightedLogisticConfig:
    """Logistic regression in which a click weighs its watch time, as in the paper.

    Its odds are served as expected watch seconds: near them where clicks are rare,
    above them where they are not.
    """

    kind: Literal["weighted_logistic"] = "weighted_logistic"


@setting_types.validated
class ClickConfig:
    """Logistic regression of the click: orders by its probability."""

    kind: Literal["click"] = "click"


@setting_types.validated
class ClickTimesWatchTimeConfig:
    """The probability of a click times the watch time given one.

    Attributes:
      order_by: Quantity that orders impressions: the `odds` of the click times the
        watch time, to which the weighted logistic converges, or the expected watch
        `seconds`.
      watch_time: Target of the watch time of a click: the `fraction` of the video, at
        most 1; the mean `seconds`, by gamma regression; `auto`, the first if one share
        of the durations predicts watch times better than one mean, else the second.
    """

    order_by: Literal["seconds", "odds"] = "odds"
    watch_time: Literal["auto", "fraction", "seconds"] = "auto"
    kind: Literal["click_times_watch_time"] = "click_times_watch_time"


Head = (
    WeightedLogisticConfig
    | ClickConfig
    | ClickTimesWatchTimeConfig
    | setting_types.Extension
)


@setting_types.validated
class RankingConfig:
    """Ranking (PAPER §4).

    Attributes:
      enabled: Whether the ranker orders the served lists: `auto` (its order, the
        candidates' or a counted one, as the validation window shows), `true`, or
        `false`: none is trained. A log without usable impressions has no ranker anyway.
      embedding_dim: Width of the shared video embedding.
      history_length: Number of most recent watches that are averaged.
      features: Features in addition to the videos shown and watched (PAPER §4.1).
      own_columns: Maximum number of columns of `users` and `videos` outside the schema
        that are features without being named; 0 = none (docs/features.md).
      least_impressions: If the ranker's own window has fewer impressions, the latest
        earlier ones train the ranker too, without candidate scores; 0 = never.
      normalization: Normalization of continuous features.
      tower: Widths of the ReLU layers before the head; none: a linear model.
      dropout: Share of tower activations dropped in training.
      head: Target of an impression, and the score that orders it (PAPER §4.2).
      precision: Precision of the tower's products: `float32` or `bfloat16`.
      training: Settings of the optimisation.
      loss_weights: Weights of the losses that are added up, such as ("liked=0.5",
        "reported=0"): of each outcome of the log by name, and of the `head`'s own, 1.
        Others have the default; an outcome of weight 0 is not predicted
        (docs/feedback.md).
      auto: Settings that are chosen from the size of the log (docs/defaults.md), in
        place of their values here.
    """

    enabled: Literal["auto"] | bool = "auto"
    embedding_dim: setting_types.Positive = 16
    history_length: setting_types.Positive = 50
    features: networks.FeaturesConfig = networks.FeaturesConfig()
    own_columns: setting_types.NonNegative = 64
    least_impressions: setting_types.NonNegative = 0
    normalization: Annotated[networks.Normalization, setting_types.BY_KIND] = (
        networks.QuantilesConfig()
    )
    tower: tuple[setting_types.Positive, ...] = (512, 256)
    dropout: setting_types.Fraction = 0.2
    head: Annotated[Head, setting_types.OneOf(registries.HEADS)] = (
        ClickTimesWatchTimeConfig()
    )
    precision: Literal["float32", "bfloat16"] = "float32"
    # In memory at a time while training; of a larger log, shards of users.
    window_events: ClassVar[int] = 1 << 23
    training: networks.TrainingConfig = networks.TrainingConfig(
        epochs=10,
        patience=4,
        table_optimizer="adagrad",
        table_learning_rate=0.0003,
        table_accumulator=1e-7,
    )
    auto: tuple[by_size.RankingSetting, ...] = ()
    loss_weights: tuple[str, ...] = ()
    outcome_tower: ClassVar[tuple[int, ...]] = (128, 64)  # of each outcome

    @pydantic.field_validator("loss_weights", mode="after")
    @classmethod
    def _are_weights(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = []
        for entry in value:
            found = _WEIGHT.fullmatch(entry)
            if found is None or found["name"] in names:
                raise ValueError(
                    f"expected loss_weights as name=number, each name once, received "
                    f"{entry!r}"
                )
            names.append(found["name"])
        return value

    def weights_of(self, outcomes: Sequence[str]) -> dict[str, float]:
        """Returns the weight of the head's loss and of each outcome's, by name.

        Args:
          outcomes: Names of outcomes; others with a weight are added.
        """
        given = (entry.partition("=") for entry in self.loss_weights)
        default = dict.fromkeys(outcomes, OUTCOME_WEIGHT)
        return {HEAD: 1.0} | default | {name: float(value) for name, _, value in given}
