"""An evaluation written: the numbers, and beside them the files that are for people."""

import pathlib

from ytdnn import artifacts
from ytdnn.evaluation import measure, report_files, run_table
from ytdnn.pages import evaluation_page, tensorboard


def write(directory: pathlib.Path, result: measure.Result) -> None:
    """Publishes an evaluation with its page and TensorBoard's scalars.

    Args:
      directory: Where it will stand, in place of an earlier one.
      result: As an evaluation returns it.

    Raises:
      errors.UserError: The directory holds something else.
    """
    directory = directory.resolve()
    is_of_run = directory.name in run_table.DIRECTORIES.values()
    name = (directory.parent if is_of_run else directory).name
    with report_files.publish(directory, result) as partial:
        page = evaluation_page.render(result.report, name)
        artifacts.write_text(partial / report_files.PAGE, page)
        tensorboard.write(result.report, partial / artifacts.LOGS)
