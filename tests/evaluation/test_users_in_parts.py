"""A log in windows of users is measured as the whole: the report has its numbers.

They agree but for their last digits: the last bits of a product of vectors depend on
the processor and on how many are computed at once.
"""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars import testing

from tests import full_log, untrained
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.evaluation import report_types, users_in_parts
from ytdnn.features import co_watch_vectors
from ytdnn.log import events, merged_shards, prepared
from ytdnn.retrieval.index import brute_force

EVALUATION = configs.EvaluationConfig(ks=(2, 5), num_resamples=20)
CONFIG = dataclasses.replace(untrained.CONFIG, evaluation=EVALUATION)
LOG = full_log.tables()
FEW = 1_000  # events: several users, and a part of the log


def _measured(
    run: untrained.Run, data: prepared.PreparedData, window_events: int
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Returns report and table of users, without times and sizes of windows."""
    trained = run.stage.candidates
    exact = brute_force.BruteForce.build(trained.video_vectors(), CONFIG.index)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs.EvaluationConfig, "window_events", window_events)
        result = fakes.evaluate_models(
            data,
            trained,
            run.ranker,
            {"exact": exact},
            CONFIG,
            events.Split.TEST,
            sources=run.stage.other_sources,
        )
    report = report_types.to_dict(result.report)
    for name in ("made", "latency", "config"):
        report.pop(name)
    return report, result.users


@pytest.fixture(scope="module")
def whole(untrained_run: untrained.Run) -> tuple[dict[str, Any], pl.DataFrame]:
    return _measured(untrained_run, untrained_run.data, 1 << 23)


@pytest.mark.parametrize(
    "events_per_shard", [500, pytest.param(10_000, marks=pytest.mark.thorough)]
)
def test_the_report_is_that_of_the_whole(
    untrained_run: untrained.Run,
    whole: tuple[dict[str, Any], pl.DataFrame],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    events_per_shard: int,
) -> None:
    data = full_log.prepared_data(tmp_path, LOG, events_per_shard=events_per_shard)
    # Sums of other shards are rounded otherwise.
    vectors = co_watch_vectors.vectors(untrained_run.data, 16)
    monkeypatch.setattr(co_watch_vectors, "vectors", lambda data, dim: vectors)
    join, joined = merged_shards.joined, []

    def counted(shards: Any, num_users: int) -> events.Shard:
        joined.append(sum(shard.num_events for shard in shards))
        found = join(shards, num_users)
        assert len(found.watches) <= FEW or len(shards) == 1
        return found

    monkeypatch.setattr(merged_shards, "joined", counted)
    report, users = _measured(untrained_run, data, FEW)
    assert report["off_policy"] is not None
    pairs = (pl.DataFrame([report]), pl.DataFrame([whole[0]])), (users, whole[1])
    for pair in pairs:
        testing.assert_frame_equal(*pair, rel_tol=1e-5, abs_tol=1e-6)
    every = sum(shard.num_events for shard in data.log.shards)
    assert joined, "expected windows, found the log read as a whole"
    assert len(data.log.shards) == 1 or max(joined) < every


def test_windows_hold_the_users_asked_about(tmp_path: pathlib.Path) -> None:
    data = full_log.prepared_data(tmp_path, LOG, events_per_shard=300)
    windows = users_in_parts.WindowOpener(FEW)
    users = np.array([7, 3, 3, 28, 0])
    ends = data.log.shard_index.offsets("watches")[users] + 2
    found: dict[int, int] = {}
    for rows, window in windows.opened(data, users):
        assert window.data.log.shard_index.num_events <= FEW
        here = window.positions("watches", users[rows], ends[rows])
        videos = np.asarray(window.data.watches.videos)[here]
        found |= dict(zip(rows.tolist(), videos.tolist(), strict=True))
    expected = data.log.shard_index.gather("watches", "videos", ends)
    assert [found[row] for row in range(5)] == expected.tolist()
    assert expected.tolist() == np.asarray(data.watches.videos)[ends].tolist()
