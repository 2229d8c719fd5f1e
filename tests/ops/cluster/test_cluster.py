"""A local cluster as a user starts it: what it makes, what survives, what it ends."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tests import quick
from tests.ops.cluster import clusters
from ytdnn.base import artifacts, errors
from ytdnn.candidates import model
from ytdnn.log import prepared
from ytdnn.ops.cluster import local_cluster, tasks
from ytdnn.run import pipeline

MOST_SECONDS = 150
SERVERS = ["--workers=2", "--ps=2"]
CANDIDATES = ["train", "--stage=candidates"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run that one process trained."""
    workdir = clusters.prepared_run(tmp_path_factory.mktemp("alone"))
    pipeline.train(workdir)
    return workdir


@pytest.fixture(scope="module")
def prepared_run(tmp_path_factory):
    """A run that nothing was trained in."""
    return clusters.prepared_run(tmp_path_factory.mktemp("prepared"))


def _weights(workdir: pathlib.Path, stage: str) -> dict[str, np.ndarray]:
    kept = tf.train.load_checkpoint(str(workdir / stage / "weights"))
    kinds = kept.get_variable_to_dtype_map()
    names = [name for name, kind in kinds.items() if kind == tf.float32]
    return {name: kept.get_tensor(name) for name in names}


def _assert_same_weights(alone: pathlib.Path, workdir: pathlib.Path) -> None:
    for stage in ("candidates", "ranking"):
        expected, found = _weights(alone, stage), _weights(workdir, stage)
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            # Products of 16-bit vectors carry differences of rounding on.
            np.testing.assert_allclose(found[name], values, atol=3e-4, err_msg=name)


def _own_network() -> None:
    with contextlib.suppress(errors.UserError):
        local_cluster.enter_own_network()


def _validation(workdir: pathlib.Path) -> dict[str, float]:
    return artifacts.read_manifest(workdir / "candidates", "candidates").facts[
        "validation"
    ]


@pytest.mark.thorough
def test_workers_in_step_make_what_one_process_makes(alone, tmp_path):
    workdir = clusters.prepared_run(tmp_path)
    out = clusters.finished(clusters.start(workdir, "--workers=2"), MOST_SECONDS)
    assert "ranking: done" in out.replace("[3/3] ", "")
    _assert_same_weights(alone, workdir)
    assert _validation(workdir) == pytest.approx(_validation(alone), rel=1e-4)
    assert (workdir / "cluster" / "worker-1.log").read_text()
    assert not clusters.processes(workdir)


@pytest.mark.thorough
def test_one_worker_with_servers_makes_what_one_process_makes(alone, tmp_path):
    """Tables and kernels sharded: one worker's steps do not overlap."""
    workdir = clusters.prepared_run(tmp_path)
    clusters.finished(clusters.start(workdir, "--workers=1", "--ps=2"), MOST_SECONDS)
    _assert_same_weights(alone, workdir)
    assert _validation(workdir) == pytest.approx(_validation(alone), rel=1e-4)
    states = [
        np.load(each / "candidates" / "0.optimizer.npz") for each in (alone, workdir)
    ]
    sizes = [{name: state[name].shape for name in state.files} for state in states]
    assert sizes[0] == sizes[1]
    trained = model.load(workdir / "candidates", prepared.load(workdir / "data"))
    assert np.isfinite(trained.video_vectors()).all()


@pytest.mark.parametrize("flags", [["--workers=2"], ["--workers=2", "--ps=1"]])
def test_the_cluster_ends_with_the_one_who_started_it(tmp_path, flags):
    workdir = clusters.prepared_run(tmp_path)
    process = clusters.start(workdir, *flags)
    deadline = time.monotonic() + MOST_SECONDS
    while len(clusters.processes(workdir)) < 3:  # the starter and two workers
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    clusters.wait_until_none(workdir)


@pytest.mark.thorough
def test_nothing_outside_reaches_the_servers_and_an_interrupt_ends_them(tmp_path):
    workdir = clusters.prepared_run(tmp_path)
    process = clusters.start(workdir, "--workers=2")
    clusters.wait_for_checkpoint(workdir, process)
    (pid,) = clusters.processes(workdir, '"type": "worker", "index": 0')
    variables = (pathlib.Path("/proc") / str(pid) / "environ").read_bytes().decode()
    ports = re.findall(r"127\.0\.0\.1:(\d+)", variables)
    assert len(ports) == 2
    for port in ports if clusters.has_own_network() else ():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), 1.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    clusters.wait_until_none(workdir)


def test_a_mistake_of_the_command_is_the_clusters(tmp_path):
    workdir = clusters.prepared_run(tmp_path)
    flags = ["--workers=1"]
    process = clusters.start(workdir, *flags, command=["train", "--stage=nonsense"])
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "expected --stage" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "victim"),
    [
        (["--workers=2"], ("worker", 0)),
        (["--workers=2"], ("worker", 1)),
        (SERVERS, ("worker", 1)),
        (["--workers=1", "--ps=1"], ("chief", 0)),
        (["--workers=1", "--ps=1"], ("ps", 0)),
    ],
)
def test_after_a_lost_process_all_resume_from_the_checkpoint(
    alone, tmp_path, flags, victim
):
    workdir = clusters.prepared_run(tmp_path)
    process = clusters.start(workdir, *flags, command=CANDIDATES)
    clusters.wait_for_checkpoint(workdir, process)
    job, index = victim
    (pid,) = clusters.processes(workdir, f'"type": "{job}", "index": {index}')
    clusters.kill(pid)
    out = clusters.finished(process, 2 * MOST_SECONDS)
    assert "all processes start again (restart 1 of 10)" in out
    if len(flags) == 1:  # in step, the numbers are those of an undisturbed process
        expected, found = _weights(alone, "candidates"), _weights(workdir, "candidates")
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)
    expected, found = clusters.losses(alone), clusters.losses(workdir)
    # Far closer to each other than what is learned, though steps may be asynchronous.
    np.testing.assert_allclose(found[-1], expected[-1], atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(not clusters.has_own_network(), reason="no network namespaces here")
def test_without_a_starter_the_others_end_with_a_line(tmp_path):
    """Two processes in one network, started as on two machines."""
    workdir = clusters.prepared_run(tmp_path)
    code = (
        "import sys;"
        "from tests.ops.cluster import clusters;"
        "from ytdnn.ops.cluster import local_cluster;"
        "local_cluster.enter_own_network();"
        "sys.exit(clusters.lose_a_worker(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(workdir)],
        capture_output=True,
        text=True,
        timeout=2 * MOST_SECONDS,
        check=False,
    )
    assert done.returncode == errors.LOST_STATUS, done.stderr
    assert "start it again; the same command resumes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("strategy", "jobs", "job", "missing"),
    [
        (
            "multi_worker",
            {"worker": 2},
            "worker",
            "expected worker 1 of the cluster at 127.0.0.1:",
        ),
        (
            "parameter_server",
            {"chief": 1, "worker": 1, "ps": 1},
            "chief",
            "expected worker 0 of the cluster at 127.0.0.1:",
        ),
        (
            "parameter_server",
            {"chief": 1, "worker": 1, "ps": 1},
            "ps",
            "expected chief of the cluster at 127.0.0.1:",
        ),
    ],
)
def test_a_process_that_never_comes_is_one_line(
    prepared_run, strategy, jobs, job, missing
):
    ports = iter(range(41_000, 41_009))
    places = {
        name: [f"127.0.0.1:{next(ports)}" for _ in range(number)]
        for name, number in jobs.items()
    }
    described = {"cluster": places, "task": {"type": job, "index": 0}}
    command = [*quick.PROGRAM, "train", f"--workdir={prepared_run}"]
    done = subprocess.run(
        [*command, f"--strategy={strategy}"],
        env=os.environ | {"START_SECONDS": "4", tasks.VARIABLE: json.dumps(described)},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=_own_network,
        check=False,
    )
    assert done.returncode == errors.LOST_STATUS, done.stderr
    assert missing in done.stderr
    assert "Traceback" not in done.stderr
