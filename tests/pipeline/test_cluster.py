"""A local cluster as a user starts it: what it makes, what survives, what it ends."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.pipeline import clusters
from ytdnn import artifacts, pipeline
from ytdnn.candidates import model as candidate_model
from ytdnn.data import prepared

MOST_SECONDS = 150


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run that one process trained."""
    workdir = clusters.prepared_run(tmp_path_factory.mktemp("alone"))
    pipeline.train(workdir)
    return workdir


def _weights(workdir: pathlib.Path, stage: str) -> dict[str, np.ndarray]:
    kept = tf.train.load_checkpoint(str(workdir / stage / "weights"))
    kinds = kept.get_variable_to_dtype_map()
    names = [name for name, kind in kinds.items() if kind == tf.float32]
    return {name: kept.get_tensor(name) for name in names}


def _validation(workdir: pathlib.Path) -> dict[str, float]:
    return artifacts.read_manifest(workdir / "candidates", "candidates").facts[
        "validation"
    ]


def test_workers_in_step_make_what_one_process_makes(alone, tmp_path):
    workdir = clusters.prepared_run(tmp_path)
    out = clusters.finished(clusters.start(workdir, "--workers=2"), MOST_SECONDS)
    assert "ranking: done" in out.replace("[3/3] ", "")
    for stage in ("candidates", "ranking"):
        expected, found = _weights(alone, stage), _weights(workdir, stage)
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)
    assert _validation(workdir) == pytest.approx(_validation(alone), rel=1e-4)
    assert (workdir / "cluster" / "worker-1.log").read_text()
    assert not clusters.processes(workdir)


def test_parameter_servers_make_the_artefact_of_one_process(alone, tmp_path):
    workdir = clusters.prepared_run(tmp_path)
    flags = ["--workers=1", "--ps=2"]
    command = ["train", "--stage=candidates"]
    process = clusters.start(workdir, *flags, command=command)
    clusters.finished(process, MOST_SECONDS)
    expected, found = _weights(alone, "candidates"), _weights(workdir, "candidates")
    shapes = [{k: v.shape for k, v in each.items()} for each in (expected, found)]
    assert shapes[0] == shapes[1]
    states = [
        np.load(each / "candidates" / "0.optimizer.npz") for each in (alone, workdir)
    ]
    sizes = [{name: state[name].shape for name in state.files} for state in states]
    assert sizes[0] == sizes[1]
    trained = candidate_model.load(
        workdir / "candidates", prepared.load(workdir / "data")
    )
    assert np.isfinite(trained.video_vectors()).all()
    first = _validation(alone)["ndcg@10"]
    assert _validation(workdir)["ndcg@10"] > 0.5 * first
