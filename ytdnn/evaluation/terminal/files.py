"""Writes an evaluation: the numbers, and the files for people."""

import pathlib

from ytdnn.base import registries
from ytdnn.evaluation import report_files


def write(directory: pathlib.Path, result: report_files.Result) -> None:
    """Publishes an evaluation with its registered files: a page, TensorBoard's scalars.

    Args:
      directory: Directory of the evaluation; an earlier one is replaced.
      result: The evaluation.

    Raises:
      errors.UserError: The directory holds something else.
    """
    with report_files.publish(directory, result) as partial:
        for part in registries.REPORT_FILES.parts():
            part.make(result.report, partial)
