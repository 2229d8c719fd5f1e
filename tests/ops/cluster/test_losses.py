"""Processes of a cluster train what one process does: the same losses and metrics."""

import subprocess
import sys

import numpy as np
import pytest

from tests import planted
from tests.ops.cluster import clusters

STEPS = 100
_KERNEL = "user_tower/tower/relu_0/kernel/part_1:0"
_TABLES = [f"{name}/table/part_1:0" for name in ("videos", "watched_videos")]


def _printed(text):
    line = next((x for x in text.splitlines() if x.startswith("FOUND")), None)
    assert line is not None, text
    return [eval(values) for values in line.split("|")[1:]]


def _alone(command, repository):
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=repository, check=True
    )
    return _printed(done.stdout)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("stage", "expected"),
    [("candidates", (*_TABLES, _KERNEL)), ("ranking", ("videos/table/part_1:0",))],
)
def test_sharded_variables_have_the_losses_of_whole_ones(
    repository, tmp_path, stage, expected
):
    """With one worker, whose steps follow one another as one process's do."""
    data = planted.prepared_data(tmp_path)

    def command(strategy):
        module = "tests.ops.cluster.losses_on_servers"
        return [sys.executable, "-m", module, str(data.directory), strategy, stage]

    losses, metrics, _ = _alone(command("none"), repository)
    out = clusters.output_of(command("parameter_server"), 1, 2, tmp_path)
    of_shards, measured, sharded = _printed(out)
    assert set(expected) <= set(sharded)
    np.testing.assert_allclose(of_shards, losses, rtol=1e-4)
    np.testing.assert_allclose(measured, metrics, rtol=1e-4)
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


@pytest.mark.parametrize(
    ("stage", "events_per_shard"),
    [
        # Each worker has shards of its own.
        pytest.param("candidates", 2_000, marks=pytest.mark.thorough),
        pytest.param("ranking", 10_000_000, marks=pytest.mark.slow),
    ],
)
def test_two_workers_train_as_one_process(
    repository, tmp_path, stage, events_per_shard
):
    data = planted.prepared_data(tmp_path, events_per_shard=events_per_shard)
    assert (len(data.log.shards) > 1) == (events_per_shard < 10_000)

    def command(strategy):
        module = "tests.ops.cluster.losses_of_steps"
        given = [str(data.directory), strategy, stage, str(STEPS)]
        return [sys.executable, "-m", module, *given]

    of_chief = _printed(clusters.output_of(command("multi_worker"), 2, 0, tmp_path))
    of_other = _printed((tmp_path / "worker-1.log").read_text())
    losses, metrics = _alone(command("none"), repository)
    assert len(losses) == STEPS
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    for of_worker, measured in (of_chief, of_other):
        np.testing.assert_allclose(of_worker, losses, rtol=1e-4)
        np.testing.assert_allclose(measured, metrics, rtol=1e-4)
