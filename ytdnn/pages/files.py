"""Writes an evaluation: the numbers, and the files for people."""

import pathlib

from ytdnn import artifacts
from ytdnn.evaluation import report_files
from ytdnn.pages import evaluation_page, tensorboard


def write(directory: pathlib.Path, result: report_files.Result) -> None:
    """Publishes an evaluation with its page and TensorBoard's scalars.

    Args:
      directory: Where it will stand, in place of an earlier one.
      result: As an evaluation returns it.

    Raises:
      errors.UserError: The directory holds something else.
    """
    with report_files.publish(directory, result) as partial:
        page = evaluation_page.render(result.report)
        artifacts.write_text(partial / report_files.PAGE, page)
        tensorboard.write(result.report, partial / artifacts.LOGS)
