import pathlib

import numpy as np
import pytest

from tests import refusals
from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.retrieval.index import artifact, brute_force, ivf, scann_index


def _candidates(path: pathlib.Path, content: str) -> artifacts.Manifest:
    with artifacts.publish(path, "candidates", {}, {}) as partial:
        (partial / "weights").write_text(content)
    return artifacts.read_manifest(path, "candidates")


def _build(
    workdir: pathlib.Path, config: configs.IndexConfig | None = None
) -> tuple[artifacts.Manifest, np.ndarray]:
    candidates = _candidates(workdir / "candidates", "a")
    vectors, _ = contract.clustered(60, dim=4, num_queries=1)
    inputs = {"data": "0" * 16, "candidates": candidates.fingerprint}
    config = configs.IndexConfig() if config is None else config
    artifact.build(workdir / "index", vectors, config, inputs)
    return candidates, vectors


def test_both_indexes_are_published_and_load(tmp_path: pathlib.Path) -> None:
    candidates, vectors = _build(tmp_path)
    queries = vectors[:4]
    wanted, _ = contract.exact(vectors, queries, 9)
    classes = {"exact": brute_force.BruteForce}
    if scann_index.is_available():
        classes["scann"] = scann_index.Scann  # type: ignore[assignment]
    else:
        classes["ivf"] = ivf.Ivf  # type: ignore[assignment]
    for name, cls in classes.items():
        index = artifact.load(tmp_path / "index", name, candidates)  # type: ignore[arg-type]
        assert isinstance(index, cls)
        np.testing.assert_array_equal(index.search(queries, 9)[0], wanted)
    manifest = artifacts.read_manifest(tmp_path / "index", "index", deep=True)
    assert (
        configs.component(configs.IndexConfig, manifest.config) == configs.IndexConfig()
    )
    assert manifest.facts["indexes"] == list(classes)
    assert manifest.facts["served"] == list(classes)[-1]


def test_the_kind_that_serves_is_built_beside_the_exact_one(
    tmp_path: pathlib.Path,
) -> None:
    config = configs.IndexConfig(search=configs.IvfConfig(num_lists=3))
    candidates, _ = _build(tmp_path, config)
    manifest = artifacts.read_manifest(tmp_path / "index", "index")
    assert manifest.facts["indexes"] == ["exact", "ivf"]
    assert manifest.facts["served"] == "ivf"
    assert artifact.load(tmp_path / "index", "ivf", candidates).num_videos


def test_stale_index_is_refused_by_naming_both(tmp_path: pathlib.Path) -> None:
    candidates, _ = _build(tmp_path)
    other = _candidates(tmp_path / "candidates", "b")
    message = (
        f"{tmp_path / 'index'} was made from candidates {candidates.fingerprint}, but "
        f"the candidates next to it is {other.fingerprint}: run the step that makes "
        f"index again"
    )
    assert refusals.line(artifact.load, tmp_path / "index", "exact", other) == message


def test_index_built_without_scann_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scann_index, "is_available", lambda: False)
    candidates, vectors = _build(tmp_path)
    exact = artifact.load(tmp_path / "index", "exact", candidates)
    assert exact.num_videos == len(vectors)
    manifest = artifacts.read_manifest(tmp_path / "index", "index")
    assert manifest.facts["served"] == "ivf"
    with pytest.raises(
        errors.UserError, match=r"expected an index scann .*found exact"
    ):
        artifact.load(tmp_path / "index", "scann", candidates)
