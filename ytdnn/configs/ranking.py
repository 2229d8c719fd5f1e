"""Settings of ranking (PAPER §4)."""

from ytdnn.configs import components
from ytdnn.configs import features as features_config
from ytdnn.configs import training as training_config


@components.validated
class Ranking:
    """Ranking (PAPER §4).

    Attributes:
      embedding_dim: Width of the shared video embedding.
      history_length: Number of most recent watches that are averaged.
      features: What is read besides the videos shown and watched (PAPER §4.1).
      tower: Widths of the ReLU layers before the logit.
      dropout: Share of tower activations dropped in training.
      num_quantiles: Number of quantiles that normalise each continuous feature.
      training: Optimisation.
    """

    embedding_dim: components.Positive = 32
    history_length: components.Positive = 50
    features: features_config.Features = features_config.Features()
    tower: tuple[components.Positive, ...] = (128, 64)
    dropout: components.Fraction = 0.0
    num_quantiles: components.Positive = 100
    training: training_config.Training = training_config.Training(
        epochs=3,
        table_optimizer="adagrad",
        table_learning_rate=0.05,
        table_accumulator=1e-7,
    )
