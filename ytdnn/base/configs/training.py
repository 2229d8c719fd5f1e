"""Settings of training: of one stage, of several processes, of a refresh."""

from typing import Literal

from ytdnn.base.configs import components


@components.validated
class TrainingConfig:
    """Optimisation of one stage.

    Attributes:
      epochs: Passes over the training examples.
      batch_size: Examples per step, over all replicas.
      learning_rate: Peak rate of the dense layers' optimiser (Adam).
      schedule: `constant`, or `cosine` decay to zero over all epochs.
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
      clip_norm: Global norm that gradients are clipped to; 0 = no clipping.
      ema_decay: Decay of the exponential moving average of the weights, which is then
        validated and published; 0 = no average.
      patience: Epochs without a better validation metric before stopping early.
      checkpoint_every_steps: Steps between checkpoints within an epoch; each epoch
        ends with one too.
      steps_per_execution: Number of steps in one call of TensorFlow, as in Keras.
        Several save the time between calls, which matters for short steps and
        accelerators; the numbers are those of 1. Only for a single process.
    """

    epochs: components.Positive = 5
    batch_size: components.Positive = 1024
    learning_rate: components.PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    table_optimizer: Literal["adagrad", "lazy_adam", "adam"] = "adagrad"
    table_learning_rate: components.PositiveFloat = 0.1
    table_accumulator: components.PositiveFloat = 0.1
    table_gradient: Literal["mean", "sum"] = "mean"
    clip_norm: components.NonNegativeFloat = 0.0
    ema_decay: components.Fraction = 0.0
    patience: components.Positive = 2
    checkpoint_every_steps: components.Positive = 2_000
    steps_per_execution: components.Positive = 1


@components.validated
class ClusterConfig:
    """How several processes train together (docs/scale.md).

    Attributes:
      start_seconds: Time that processes wait for one another to start.
      lost_seconds: Time after which a process without an answer counts as lost.
      shard_megabytes: Minimum size of a table's shards, at most one on each parameter
        server. Keep it above the size of a tower's kernels.
    """

    start_seconds: components.Positive = 300
    lost_seconds: components.Positive = 60
    shard_megabytes: components.PositiveFloat = 64.0


@components.validated
class RefreshConfig:
    """The continued training of trained models (docs/freshness.md).

    Attributes:
      epochs: Passes over the new events, for both stages.
      replay: Number of old watches, for each new one, that the candidates are trained
        on again, against forgetting.
    """

    epochs: components.Positive = 3
    replay: components.NonNegativeFloat = 0.5
