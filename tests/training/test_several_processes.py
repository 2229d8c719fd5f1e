"""Two worker processes train what one does: the same losses, the same metrics."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests import planted
from ytdnn.training import tasks

STEPS = 100


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _start(data, repository, strategy, stage, addresses=(), number=0):
    task = {
        "cluster": {"worker": list(addresses)},
        "task": {"type": "worker", "index": number},
    }
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = os.environ | threads | {tasks.VARIABLE: json.dumps(task)}
    arguments = [str(data.directory), strategy, stage, str(STEPS)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.losses_of_steps", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=repository,
        env=environment,
    )


def _found(process):
    out, err = process.communicate(timeout=120)
    line = next((x for x in out.splitlines() if x.startswith("FOUND")), None)
    assert line is not None, err
    return [np.array(eval(values)) for values in line.split("|")[1:]]


def _free_addresses(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


@pytest.mark.parametrize(
    "stage", ["candidates", pytest.param("ranking", marks=pytest.mark.slow)]
)
def test_two_workers_train_as_one_process(data, repository, stage):
    addresses = _free_addresses(2)
    workers = [
        _start(data, repository, "multi_worker", stage, addresses, n) for n in range(2)
    ]
    try:
        found = [_found(worker) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    losses, metrics = _found(_start(data, repository, "none", stage))
    assert len(losses) == STEPS
    assert losses[-10:].mean() < losses[:10].mean()
    for of_worker, measured in found:
        np.testing.assert_allclose(of_worker, losses, rtol=1e-4)
        np.testing.assert_allclose(measured, metrics, rtol=1e-4)
