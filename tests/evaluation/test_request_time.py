"""Numbers of a model that sees the request's time say so."""

import dataclasses

import pytest

from tests import planted
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.candidates import model
from ytdnn.evaluation import evaluate_run, report_summary
from ytdnn.log import prepare
from ytdnn.retrieval.index import artifact
from ytdnn.training import candidates


@pytest.mark.thorough
def test_a_report_says_that_the_request_time_was_seen(tmp_path):
    log = planted.write_log(tmp_path / "log")
    (log / "impressions.parquet").unlink()
    config = planted.tiny_config()
    settings = dataclasses.replace(
        config.candidates,
        features=configs.FeaturesConfig(add=("request_time",)),
        training=dataclasses.replace(config.candidates.training, epochs=1),
    )
    config = dataclasses.replace(config, candidates=settings)
    source = configs.DataConfig(source="log", dir=str(log))
    data = prepare.prepare(source, tmp_path / "data")
    candidates.train(config, data, tmp_path / "candidates")
    manifest = artifacts.read_manifest(tmp_path / "candidates", "candidates")
    assert manifest.facts["sees_request_time"] is True
    vectors = model.load(tmp_path / "candidates", data).video_vectors()
    made_from = {"data": data.manifest.fingerprint, "candidates": manifest.fingerprint}
    artifact.build(tmp_path / "index", vectors, config.index, made_from)
    found = evaluate_run.evaluate(tmp_path, config).report
    assert found.protocol.sees_request_time is True
    assert "reads the time of the request" in " ".join(report_summary.notes(found))
