"""Settings of a refresh: training that goes on with the events since."""

from ytdnn.configs import components


@components.validated
class RefreshConfig:
    """The continued training of trained models (docs/freshness.md).

    Attributes:
      epochs: Passes over the new events, for both stages.
      replay: Number of old watches for each new one that the candidates train on again,
        so that they do not forget them.
      learning_rate_share: Learning rates, as a share of those of the first training.
    """

    epochs: components.Positive = 3
    replay: components.NonNegativeFloat = 0.5
    learning_rate_share: components.PositiveFloat = 1.0
