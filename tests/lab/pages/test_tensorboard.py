import pathlib

import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from tests.evaluation.terminal import example
from ytdnn.lab.pages import tensorboard


def _read(directory: pathlib.Path) -> dict[str, list[tuple[int, float]]]:
    found = event_accumulator.EventAccumulator(
        str(directory),
        size_guidance={event_accumulator.TENSORS: 0},  # all of them
    )
    found.Reload()
    return {
        tag: [
            (event.step, float(tf.make_ndarray(event.tensor_proto)))
            for event in found.Tensors(tag)
        ]
        for tag in found.Tags()["tensors"]
    }


def test_tensorboard_reads_numbers_and_curves(tmp_path: pathlib.Path) -> None:
    report = example.report()
    report["lists"]["candidates"]["values"]["hit_rate@10"] = 0.25
    report["impressions"]["ranker"]["values"]["auc"] = None
    tensorboard.write(example.typed(report), tmp_path / "evaluation")
    runs = {path.name for path in (tmp_path / "evaluation").iterdir()}
    assert runs == {"popularity", "candidates", "system", "oracle", "ranker"}
    found = _read(tmp_path / "evaluation" / "candidates")
    assert found["lists/hit_rate@10"] == [(0, 0.25)]
    assert [step for step, _ in found["lists/recall"]] == list(example.CURVE_KS)
    ranker = _read(tmp_path / "evaluation" / "ranker")
    assert set(ranker) == {"impressions/log_loss", "impressions/weighted_per_user_loss"}


def test_a_name_that_is_a_path_stays_inside(tmp_path: pathlib.Path) -> None:
    report = example.report()
    report["lists"] = {"als/../v2": report["lists"]["candidates"]}
    tensorboard.write(example.typed(report), tmp_path / "logs")
    runs = {path.name for path in (tmp_path / "logs").iterdir()}
    assert runs == {"als_.._v2", "popularity", "ranker", "oracle"}
