"""Evaluates bundles and files of predictions by the same rules as a run."""

import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import configs

if TYPE_CHECKING:
    from ytdnn.evaluation import report_files


def evaluate(
    kind: str,
    path: pathlib.Path,
    data_directory: pathlib.Path,
    config: configs.EvaluationConfig,
    split: str,
    out: pathlib.Path,
) -> "report_files.Evaluated":
    """Measures a bundle or predictions, writes the report, and returns it.

    Args:
      kind: `bundle` or `predictions`.
      path: The bundle's directory, or the file of predictions.
      data_directory: The prepared set it is measured on.
      config: Settings of lengths, slices and resamples.
      split: `test` or `validation`.
      out: Directory of the report, made if missing.

    Raises:
      errors.UserError: An input is missing or damaged, or does not fit the prepared
        set.
    """
    from ytdnn.evaluation import bundles, other_systems, predictions, report_files
    from ytdnn.log import prepared

    data = prepared.load(data_directory)
    report_files.require_own(out)
    if kind == "bundle":
        other = bundles.read(path, data, config)
    else:
        other = predictions.read(path, data)
    report_files.write(out, other_systems.evaluate(other, data, config, split))
    return report_files.read(out)
