"""Batches no larger than the data: padding would only cost time and memory."""

import dataclasses

from ytdnn import configs, progress

_LEAST = 1_024  # smaller ones gain nothing


def capped(
    training: configs.Training, num_examples: int, stage: str
) -> configs.Training:
    """Returns the settings with a batch that the examples of an epoch about fill.

    The cap is the power of two at or above their number, and at least 1,024.

    Args:
      training: Of a stage.
      num_examples: Of an epoch.
      stage: Its name, for the line that says so.
    """
    most = max(_LEAST, 1 << max(0, num_examples - 1).bit_length())
    if training.batch_size <= most:
        return training
    progress.say(
        f"note: {stage}: training.batch_size is {training.batch_size:,}, but there are "
        f"only {num_examples:,} examples: {most:,} is used"
    )
    return dataclasses.replace(training, batch_size=most)
