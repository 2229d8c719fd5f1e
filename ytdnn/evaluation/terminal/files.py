"""Writes an evaluation: the numbers, and the files for people."""

import pathlib

from ytdnn.base import registries
from ytdnn.evaluation import report_files

_FILES = ("page", "tensorboard")  # of the laboratory, where it is installed


def write(directory: pathlib.Path, result: report_files.Result) -> None:
    """Publishes an evaluation with its registered files: a page, TensorBoard's scalars.

    Args:
      directory: Directory of the evaluation; an earlier one is replaced.
      result: The evaluation.

    Raises:
      errors.UserError: The directory holds something else.
    """
    with report_files.publish(directory, result) as partial:
        for name in _FILES:
            part = registries.HOOKS.get(name)
            if part is not None:
                part.make(result.report, partial)
