"""A bundle of any set of kinds of index."""

import dataclasses
import pathlib
import shutil

import pytest

from tests.bundle import conftest
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import bundle, export, saved_models
from ytdnn.retrieval.index import artifact, scann_index


@pytest.fixture
def workdir(run: conftest.Run, tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "run"
    shutil.copytree(run.workdir, directory)
    return directory


def _export(
    run: conftest.Run, workdir: pathlib.Path, index: configs.IndexConfig
) -> bundle.Bundle:
    inputs = artifacts.read_manifest(run.workdir / "index", "index").inputs
    vectors = run.candidates.video_vectors()
    artifact.build(workdir / "index", vectors, index, inputs)
    config = dataclasses.replace(run.config, index=index)
    return bundle.load(export.export(workdir, config))


KINDS = ("scann", "ivf")


@pytest.mark.parametrize(
    ("search", "suffixes"),
    [
        (configs.ExactConfig(), {"_exact": "exact"}),
        (configs.IvfConfig(), {"": "ivf", "_exact": "exact"}),
        (configs.ScannConfig(), {"": "scann", "_exact": "exact"}),
    ],
)
def test_each_kind_has_its_models_once(
    run: conftest.Run,
    workdir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    search: object,
    suffixes: dict[str, str],
) -> None:
    if "scann" in suffixes.values() and not scann_index.is_available():
        pytest.skip("ScaNN is not installed")
    monkeypatch.setattr(saved_models, "save", lambda model, at: at.mkdir(parents=True))
    made = _export(run, workdir, configs.IndexConfig(search=search))  # type: ignore[arg-type]
    models = made.manifest.facts["models"]
    wanted = {stem + suffix for stem in ("index", "recommender") for suffix in suffixes}
    assert set(models) == wanted | {"user_tower", "ranker"}
    for suffix, kind in suffixes.items():
        needs = ["scann"] if kind == "scann" else []
        assert models[f"recommender{suffix}"]["needs"] == needs
    assert schema.IDS in models[f"index{next(iter(suffixes))}"]["outputs"]
