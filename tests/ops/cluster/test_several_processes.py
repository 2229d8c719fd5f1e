"""Two worker processes train what one does: the same losses, the same metrics."""

import subprocess
import sys

import numpy as np
import pytest

from tests import planted
from tests.ops.cluster import clusters
from ytdnn.ops.cluster import local_cluster

STEPS = 100
_MODULE = "tests.ops.cluster.losses_of_steps"


def _found(text):
    line = next((x for x in text.splitlines() if x.startswith("FOUND")), None)
    assert line is not None, text
    return [np.array(eval(values)) for values in line.split("|")[1:]]


def _command(data, strategy, stage):
    arguments = [str(data.directory), strategy, stage, str(STEPS)]
    return [sys.executable, "-m", _MODULE, *arguments]


@pytest.mark.parametrize(
    ("stage", "events_per_shard"),
    [
        # Each worker has shards of its own.
        pytest.param("candidates", 2_000, marks=pytest.mark.thorough),
        pytest.param("candidates", 10_000_000, marks=pytest.mark.slow),
        pytest.param("ranking", 10_000_000, marks=pytest.mark.slow),
    ],
)
def test_two_workers_train_as_one_process(
    repository, tmp_path, capfd, stage, events_per_shard
):
    data = planted.prepared_data(tmp_path, events_per_shard=events_per_shard)
    assert (len(data.log.shards) > 1) == (events_per_shard < 10_000)
    plan = local_cluster.Plan(
        command=_command(data, "multi_worker", stage),
        workers=2,
        servers=0,
        logs=tmp_path,
        restarts=0,
        say=print,
        is_open=not clusters.has_own_network(),
    )
    assert local_cluster.run(plan) == 0, capfd.readouterr()
    of_chief = _found(capfd.readouterr().out)
    of_other = _found((tmp_path / "worker-1.log").read_text())
    alone = subprocess.run(
        _command(data, "none", stage),
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    losses, metrics = _found(alone.stdout)
    assert len(losses) == STEPS
    assert losses[-10:].mean() < losses[:10].mean()
    for of_worker, measured in (of_chief, of_other):
        np.testing.assert_allclose(of_worker, losses, rtol=1e-4)
        np.testing.assert_allclose(measured, metrics, rtol=1e-4)
