"""Windows computed one at a time, through files: the report of one process."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tests import untrained
from ytdnn import configs
from ytdnn.evaluation import by_window, evaluate_run, report_model, window_results
from ytdnn.ranking import predictions

EVALUATION = configs.EvaluationConfig(ks=(2, 5), num_resamples=20, window_events=1_000)
CONFIG = dataclasses.replace(
    untrained.CONFIG,
    evaluation=EVALUATION,
    ranking=dataclasses.replace(untrained.CONFIG.ranking, enabled=True),
)
UNREPEATABLE = ("made", "latency", "training")


class ThroughFiles:
    """Divides the work as several processes do, last window first."""

    def __init__(self, workdir: pathlib.Path, directory: pathlib.Path) -> None:
        self._results = window_results.WindowResults(workdir, CONFIG)
        self._directory = directory
        self.windows: dict[str, int] = {}

    def __call__(
        self, name: str, parts: Sequence[slice], make: by_window.Make
    ) -> Iterator[by_window.Results]:
        del make
        self.windows[name] = len(parts)
        files = [self._directory / f"{name}-{n}.npz" for n in range(len(parts))]
        for number in reversed(range(len(parts))):
            window_results.write(self._results(name, number), files[number])
        return map(window_results.read, files)


@pytest.mark.thorough
def test_the_report_is_that_of_one_process(
    untrained_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    workdir = untrained_run.workdir
    work = ThroughFiles(workdir, tmp_path)
    found, expected = (
        evaluate_run.evaluate(workdir, CONFIG, work=given)
        for given in (work, by_window.here)
    )
    assert min(work.windows[name] for name in ("lists", "predictions")) > 1
    assert text(found.report) == text(expected.report)
    assert found.users.equals(expected.users)


def text(report: report_model.Report) -> str:
    values = report_model.to_dict(report)
    assert {"system", "co_watch"} < set(values["lists"])
    return json.dumps({k: v for k, v in values.items() if k not in UNREPEATABLE})


def test_files_hold_every_bit(tmp_path: pathlib.Path) -> None:
    order = np.array([0.1, -0.0, np.nan, np.nextafter(1.0, 2.0)])
    likes = np.array([0.5, 0.25, 1e-45, 1.0], np.float32)
    given = {
        "the ranker / mine": predictions.Predictions(
            order, logits=order[::-1], outcomes={"liked": likes, "a/b": likes}
        ),
        "popularity": predictions.Predictions(order[:0]),
        "lists": np.arange(6, dtype=np.int32).reshape(2, 3)[:, :2],
    }
    window_results.write(given, tmp_path / "file")
    found = window_results.read(tmp_path / "file")
    assert list(found) == list(given)
    ranked = found["the ranker / mine"]
    assert ranked.order.tobytes() == order.tobytes()
    assert ranked.logits.tobytes() == order[::-1].tobytes()
    assert ranked.outcomes["a/b"].dtype == np.float32
    assert list(ranked.outcomes) == ["liked", "a/b"]
    assert ranked.outcomes["liked"].tobytes() == likes.tobytes()
    assert ranked.seconds is None
    assert ranked.listed_terms == {}
    assert found["popularity"].order.shape == (0,)
    assert found["lists"].tolist() == [[0, 1], [3, 4]]
    assert found["lists"].dtype == np.int32
