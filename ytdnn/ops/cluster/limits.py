"""Checks that settings fit a strategy, before training starts."""

from ytdnn.base import configs, errors
from ytdnn.ops.cluster import tasks


def require_fits(
    strategy: str,
    training: configs.TrainingConfig,
    stage: str,
    loss: object | None = None,
) -> None:
    """Checks that a stage can be trained under a strategy.

    Args:
      strategy: Name of the strategy, as in `configs.Config.strategy`.
      training: Settings of the stage.
      stage: `candidates` or `ranking`.
      loss: Loss of the candidates.

    Raises:
      errors.UserError: The strategy does not support the settings.
    """
    if strategy == "tpu" and training.table_optimizer == "lazy_adam":
        raise errors.UserError(
            f"expected {stage}.training.table_optimizer of adagrad or adam for "
            f"--strategy=tpu, received lazy_adam: XLA has no updates of single rows"
        )
    # Workers would gather the rows of each step of a call under one key, which
    # TensorFlow refuses where their numbers differ; a coordinator hands out steps.
    several = training.steps_per_execution
    if strategy in (tasks.MULTI_WORKER, tasks.PARAMETER_SERVER) and several > 1:
        raise errors.UserError(
            f"expected {stage}.training.steps_per_execution=1 for "
            f"--strategy={strategy}, received {several}: several processes make one "
            f"step at a time"
        )
    if strategy != tasks.PARAMETER_SERVER:
        return
    if isinstance(loss, configs.FullSoftmaxConfig):
        raise errors.UserError(
            f"expected a loss that reads few rows of the video table for "
            f"--strategy={strategy}, received full_softmax, which reads all in each "
            f"step: give --config.candidates.loss=sampled_softmax"
        )
    if training.ema_decay > 0.0:
        raise errors.UserError(
            f"expected {stage}.training.ema_decay=0 for --strategy={strategy}, "
            f"received {training.ema_decay}: averages of weights count steps, and the "
            f"workers' steps overlap"
        )
