"""Settings of a refresh: training that goes on with the events since."""

from ytdnn.configs import components


@components.validated
class Refresh:
    """How trained models go on learning (docs/freshness.md).

    Attributes:
      epochs: Passes over the new events, of both stages.
      replay: Old watches for each new one that the candidates learn from again, so
        that what they knew is not forgotten.
      learning_rate_share: Of the learning rates of the first training.
    """

    epochs: components.Positive = 3
    replay: components.NonNegativeFloat = 0.5
    learning_rate_share: components.PositiveFloat = 1.0
