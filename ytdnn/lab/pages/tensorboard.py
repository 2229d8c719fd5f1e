"""A report as TensorBoard scalars: one run for each model, so that plots share an axis.

`lists/recall` has the curve over the length of the list as its steps; a number that has
no such axis (`lists/recall@10`, `impressions/auc`) stands at step 0.
"""

import pathlib
from collections.abc import Iterator

from ytdnn.base import artifacts, registries
from ytdnn.evaluation import report_model

Scalar = tuple[str, int, float]  # tag, step, value


@registries.HOOKS.register("tensorboard")
def write_logs(report: report_model.Report, directory: pathlib.Path) -> None:
    """Writes the scalars of a report into the directory of an evaluation."""
    write(report, directory / artifacts.LOGS)


def write(report: report_model.Report, directory: pathlib.Path) -> None:
    """Writes the scalars of a report.

    Args:
      report: The report.
      directory: Gets a directory for each model.
    """
    import tensorflow as tf  # only here: showing a report must not load it

    for model in {**report.lists, **report.impressions}:
        writer = tf.summary.create_file_writer(str(directory / _file_name(model)))
        with writer.as_default():
            for tag, step, value in scalars(report, model):
                tf.summary.scalar(tag, value, step=step)
        writer.close()


def scalars(report: report_model.Report, model: str) -> Iterator[Scalar]:
    """Yields tag, step and value of each number of a model that is defined."""
    for kind, entries in zip(("lists", "impressions"), report.kinds, strict=True):
        values = entries[model].values if model in entries else {}
        for metric, value in values.items():
            if value is not None:
                yield f"{kind}/{metric}", 0, value
    for metric, curve in report.curves.get(model, {}).items():
        for k, value in zip(curve.k, curve.values, strict=True):
            if value is not None:
                yield f"lists/{metric}", k, value


def _file_name(model: str) -> str:
    """Returns a model's name with characters that are special in a path replaced."""
    plain = "".join(c if c.isalnum() or c in "-_. " else "_" for c in model)
    return plain.lstrip(".") or "model"
