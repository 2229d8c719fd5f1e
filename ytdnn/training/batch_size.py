"""Batches no larger than the data: padding would only cost time and memory."""

import dataclasses

from ytdnn import configs, progress

_LEAST = 1_024  # smaller ones gain nothing


def capped(
    training: configs.TrainingConfig, num_examples: int, stage: str
) -> configs.TrainingConfig:
    """Returns the settings with a batch no larger than about the examples of an epoch.

    The cap is the power of two at or above their number, and at least 1,024.

    Args:
      training: Settings of a stage.
      num_examples: Number of examples of an epoch.
      stage: Name of the stage, for the message about it.
    """
    most = max(_LEAST, 1 << max(0, num_examples - 1).bit_length())
    if training.batch_size <= most:
        return training
    progress.say(
        f"note: {stage}: training.batch_size is {training.batch_size:,}, but there are "
        f"only {num_examples:,} examples: {most:,} is used"
    )
    return dataclasses.replace(training, batch_size=most)
