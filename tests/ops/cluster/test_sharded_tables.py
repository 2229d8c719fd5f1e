"""Variables over two parameter servers begin and train as those of one process."""

import subprocess
import sys

import numpy as np
import pytest

from tests import planted
from tests.ops.cluster import clusters
from ytdnn.ops.cluster import local_cluster

_MODULE = "tests.ops.cluster.losses_on_servers"


_KERNEL = "user_tower/tower/relu_0/kernel/part_1:0"


def _of_tables(kind):
    return [f"{name}/{kind}/part_1:0" for name in ("videos", "watched_videos")]


def _found(text):
    line = next((x for x in text.splitlines() if x.startswith("FOUND")), None)
    assert line is not None, text
    return [eval(values) for values in line.split("|")[1:]]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("stage", "hashed_rows", "expected"),
    [
        ("candidates", 0, (*_of_tables("table"), _KERNEL)),
        ("candidates", 34, (*_of_tables("shared_rows"), _KERNEL)),
    ],
)
def test_sharded_variables_have_the_losses_of_whole_ones(
    repository, tmp_path, capfd, stage, hashed_rows, expected
):
    """With one worker, whose steps follow one another as one process's do."""
    data = planted.prepared_data(tmp_path)

    def command(strategy):
        given = str(data.directory), strategy, stage, str(hashed_rows)
        return [sys.executable, "-m", _MODULE, *given]

    alone = subprocess.run(
        command("none"), capture_output=True, text=True, cwd=repository, check=True
    )
    plan = local_cluster.Plan(
        command=command("parameter_server"),
        workers=1,
        servers=2,
        logs=tmp_path,
        restarts=0,
        say=print,
        is_open=not clusters.has_own_network(),
    )
    assert local_cluster.run(plan) == 0, capfd.readouterr()
    losses, metrics, _ = _found(alone.stdout)
    of_shards, measured, sharded = _found(capfd.readouterr().out)
    assert set(expected) <= set(sharded)
    np.testing.assert_allclose(of_shards, losses, rtol=1e-4)
    np.testing.assert_allclose(measured, metrics, rtol=1e-4)
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
