"""Kinds of index by name: those of ytdnn, and one of a package."""

import pathlib

import numpy as np
import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import artifacts, errors, registries
from ytdnn.retrieval.index import artifact, interface

VECTORS = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
QUERIES = VECTORS[:5] + 0.1


def test_every_kind_of_the_union_is_registered() -> None:
    kinds = configs.choices()["index.search"]
    assert set(registries.INDEXES.own()) == {"exact", "scann", "ivf"}
    for kind in registries.INDEXES.own():
        assert registries.INDEXES[kind].config is kinds[kind]


def test_an_unknown_kind_is_answered_with_those_known() -> None:
    with pytest.raises(errors.UserError, match=r"a kind of index \(.*ivf.*\)"):
        registries.INDEXES["ivff"]


def test_a_kind_of_a_package_is_built_kept_and_loaded(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path / "package"):
        values = configs.to_dict(configs.Config())
        values["index"]["search"] = {"kind": "two_pass", "first": 12, "kept": 60}
        config = configs.from_dict(values).index
        artifact.build(tmp_path / "index", VECTORS, config, {"candidates": "x"})
        manifest = artifacts.read_manifest(tmp_path / "index", "index")
        assert manifest.facts["served"] == "two_pass"
        found = registries.INDEXES["two_pass"].make.load(tmp_path / "index/two_pass")
        videos, scores = found.search(QUERIES, 5)
    order = np.argsort(-QUERIES @ VECTORS.T, axis=1)[:, :5] + 1
    assert interface.recall(videos, order) > 0.8
    np.testing.assert_allclose(
        scores, np.take_along_axis(QUERIES @ VECTORS.T, videos - 1, 1), rtol=1e-5
    )
