"""Training curves, read from the TensorBoard logs of a run's artefacts."""

import pathlib

import tensorflow as tf
from tensorflow.core.util import event_pb2

from ytdnn.base import artifacts
from ytdnn.evaluation import report_model


def read(
    workdir: pathlib.Path, stages: tuple[str, ...]
) -> dict[str, report_model.TrainingReport]:
    """Returns the epochs of each stage that has logs.

    A training that was killed and resumed logs an epoch again; the later value counts.
    An epoch without a value of a scalar has None.
    """
    reports = {}
    for stage in stages:
        by_epoch: dict[int, dict[str, float]] = {}
        for path in sorted((workdir / stage / artifacts.LOGS).glob("events.*")):
            _add(path, by_epoch)
        if by_epoch:
            reports[stage] = _columns(by_epoch)
    return reports


def _add(path: pathlib.Path, by_epoch: dict[int, dict[str, float]]) -> None:
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        event = event_pb2.Event.FromString(record)
        for value in event.summary.value:
            scalar = float(tf.make_ndarray(value.tensor))
            by_epoch.setdefault(int(event.step), {})[value.tag] = scalar


def _columns(by_epoch: dict[int, dict[str, float]]) -> report_model.TrainingReport:
    epochs = sorted(by_epoch)
    names = sorted({name for scalars in by_epoch.values() for name in scalars})
    return report_model.TrainingReport(
        epochs=tuple(epochs),
        scalars={name: tuple(by_epoch[e].get(name) for e in epochs) for name in names},
    )
