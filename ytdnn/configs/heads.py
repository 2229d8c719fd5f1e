"""Settings of the ranker's heads (PAPER §4.2), each with its own."""

from typing import Literal

from ytdnn.configs import components


@components.validated
class WeightedLogisticConfig:
    """Logistic regression in which a click weighs its watch time, as in the paper.

    Its odds are served as expected watch seconds: near them where clicks are rare,
    above them where they are not.

    Attributes:
      weights: Weight of a click: its watch `seconds`, or 1 like every impression
        (`equal`), with which the odds are those of a click.
    """

    weights: Literal["seconds", "equal"] = "seconds"
    kind: Literal["weighted_logistic"] = "weighted_logistic"


@components.validated
class ExactOddsConfig:
    """Weighted logistic regression with odds equal to the expected watch seconds.

    Every impression, a clicked one too, is a negative of weight 1.
    """

    kind: Literal["exact_odds"] = "exact_odds"


@components.validated
class ClickConfig:
    """Logistic regression of the click: orders by its probability."""

    kind: Literal["click"] = "click"


@components.validated
class ClickTimesWatchTimeConfig:
    """The probability of a click times the watch time given one.

    Attributes:
      order_by: Quantity that orders impressions: the `odds` of the click times the
        watch time, to which the weighted logistic converges, or the expected watch
        `seconds`.
      watch_time: Target of the watch time of a click: the `fraction` of the video, at
        most 1; the mean `seconds`, by gamma regression; `auto`, the first where
        durations tell much of watch times, else the second; `log_seconds`; `quantiles`
        among videos of about its duration (D2Q); the chance of reaching several `bins`
        (CREAD); or the `ratio` to the duration, without bound.
      own_tower: Widths of the ReLU layers of the watch time's own tower, which changes
        nothing of the click's; none: both are read off one tower.
      watch_time_weight: Weight of the second head's loss in the sum of both.
    """

    order_by: Literal["seconds", "odds"] = "odds"
    watch_time: Literal[
        "auto", "fraction", "seconds", "log_seconds", "quantiles", "bins", "ratio"
    ] = "auto"
    own_tower: tuple[components.Positive, ...] = ()
    watch_time_weight: components.PositiveFloat = 1.0
    kind: Literal["click_times_watch_time"] = "click_times_watch_time"


Head = (
    WeightedLogisticConfig | ExactOddsConfig | ClickConfig | ClickTimesWatchTimeConfig
)
