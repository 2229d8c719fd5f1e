"""Every encoder the whole way: prepare, train, index, rank, evaluate, export, serve."""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import ytdnn
from tests import planted, untrained
from tests.features.sequences import documented
from tests.features.sequences.documented import registered as registered
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import bundle, requests, user_requests
from ytdnn.candidates import model
from ytdnn.log import events, prepared

GRU = "gru"


def _config(encoder: configs.Encoder, log: pathlib.Path) -> configs.Config:
    config = planted.tiny_config()
    candidates = dataclasses.replace(
        config.candidates,
        encoder=encoder,
        features=configs.FeaturesConfig(add=("request_time",)),
        history_length=12,
        label=configs.NextWatchConfig(slice_length=8),
        history_dropout=0.1,
        training=configs.TrainingConfig(
            epochs=6, batch_size=256, learning_rate=0.01, table_learning_rate=0.5
        ),
    )
    # The ranker asks for the vectors of impressions; once is enough, and slow enough.
    ranking = dataclasses.replace(
        config.ranking,
        enabled=True,
        training=dataclasses.replace(config.ranking.training, epochs=1),
    )
    data = configs.DataConfig(
        source="log", dir=str(log), ranking_fraction=0.4, vocabulary="train"
    )
    return dataclasses.replace(
        config,
        extensions=(str(documented.FILE),),
        data=data,
        candidates=candidates,
        ranking=ranking,
        evaluation=configs.EvaluationConfig(num_resamples=20),
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], pathlib.Path]:
    """Runs each encoder the whole way when it is first asked for."""
    home = tmp_path_factory.mktemp("encoders")
    log = planted.write_log(home / "log")
    made: dict[str, pathlib.Path] = {}

    def run(kind: str) -> pathlib.Path:
        if kind not in made:
            workdir = home / kind
            ytdnn.prepare(workdir, _config(documented.gru(beside_bags=True), log))
            ytdnn.train(workdir)
            ytdnn.evaluate(workdir)
            ytdnn.export(workdir)
            untrained.serve_only()
            made[kind] = workdir
        return made[kind]

    return run


Runs = Callable[[str], pathlib.Path]
KINDS = (GRU,)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_learns_and_says_what_it_reads(runs: Runs, kind: str) -> None:
    workdir = runs(kind)
    facts = artifacts.read_manifest(workdir / "candidates", "candidates").facts
    assert facts["encoder"] == kind
    assert facts["sees_request_time"]
    # A user's taste is half of the 40 videos, of which a list at random has a quarter.
    assert facts["validation"]["hit_rate@10"] > 0.35
    report = json.loads((workdir / "evaluation" / "report.json").read_text())
    assert report["protocol"]["sees_request_time"]
    assert schema.TIME in bundle.load(workdir / "bundle").inputs("user_tower")


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_served_vectors_are_those_of_the_model(runs: Runs, kind: str) -> None:
    workdir = runs(kind)
    data = prepared.load(workdir / "data")
    users, ends = (found[:9] for found in data.windows.first_watches(events.Split.TEST))
    expected = model.load(workdir / "candidates", data).user_vectors(data, users, ends)
    served = bundle.load(workdir / "bundle")
    fields = served.inputs("user_tower")
    for user, end, vector in zip(users, ends, expected, strict=True):
        time = int(data.watches.times[end])
        request = user_requests.at_position(data, int(user), int(end), time)
        known = {name: value for name, value in request.items() if name in fields}
        typed = {
            name: tf.constant(value, tf.as_dtype(fields[name].dtype))
            for name, value in requests.parse(known, fields).items()
        }
        found = served.model("user_tower")(**typed)[schema.USER_VECTOR]
        np.testing.assert_allclose(found[0], vector, atol=1e-5)


@pytest.mark.slow
def test_a_users_own_encoder_is_refitted(runs: Runs, tmp_path: pathlib.Path) -> None:
    workdir = shutil.copytree(runs(GRU), tmp_path / "run")
    ytdnn.refit(workdir)
    untrained.serve_only()
    manifest = artifacts.read_manifest(workdir / "refit" / "candidates", "candidates")
    assert manifest.facts["encoder"] == GRU
