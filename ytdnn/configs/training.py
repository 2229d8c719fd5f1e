"""Settings of the optimisation of one stage."""

from typing import Literal

from ytdnn.configs import components


@components.validated
class Training:
    """Optimisation of one stage.

    Attributes:
      epochs: Passes over the training examples.
      batch_size: Examples a step over all replicas.
      learning_rate: Peak rate of the dense layers' optimiser (Adam).
      schedule: `constant`, or `cosine` decay to zero over all epochs.
      warmup_steps: Steps of linear warm-up.
      table_optimizer: `adagrad` or `lazy_adam` (touch only rows seen; the cost of a
        step does not grow with the corpus), or `adam` (small corpora).
      table_optimizers: Another optimiser for a table, as "videos=lazy_adam"; a wrong
        name is answered with the names there are.
      table_learning_rate: Peak rate of the tables' optimiser.
      table_accumulator: Adagrad's squares before the first step. A small one lets
        rows that are rarely seen move far at once.
      clip_norm: Global norm gradients are clipped to; 0 = never.
      ema_decay: Validate and publish the average of the weights after each step,
        each weighing this much less than the next; 0 = the last weights.
      patience: Epochs without a better validation value before stopping.
      checkpoint_every_steps: Steps between checkpoints within an epoch; each epoch
        ends with one too.
    """

    epochs: components.Positive = 5
    batch_size: components.Positive = 1024
    learning_rate: components.PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: components.NonNegative = 0
    table_optimizer: Literal["adagrad", "lazy_adam", "adam"] = "adagrad"
    table_optimizers: tuple[str, ...] = ()
    table_learning_rate: components.PositiveFloat = 0.1
    table_accumulator: components.PositiveFloat = 0.1
    clip_norm: components.NonNegativeFloat = 0.0
    ema_decay: components.Fraction = 0.0
    patience: components.Positive = 2
    checkpoint_every_steps: components.Positive = 2_000
