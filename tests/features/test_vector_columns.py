"""Vectors of videos and users as features, and products with watched ones."""

import functools
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import vector_log
from tests.features import contract
from ytdnn import configs
from ytdnn.candidates import content
from ytdnn.features import base_feature, own_columns, vector_columns
from ytdnn.log import log_tensors, prepared
from ytdnn.ranking import building


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return vector_log.prepared_data(tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="module")
def log_without(tmp_path_factory: pytest.TempPathFactory) -> contract.LogWithout:
    @functools.cache
    def prepare(column: str) -> prepared.PreparedData:
        log = vector_log.tables()
        table, name = column.split(".")
        log[table] = log[table].drop(name)
        return vector_log.prepared_data(tmp_path_factory.mktemp("without"), log)

    return prepare


class TestVectorOfVideos(contract.FeatureContract):
    name = "videos.clip"


class TestVectorInContent(contract.FeatureContract):
    name = "videos.clip"
    network = base_feature.CONTENT


class TestVectorOfUsers(contract.FeatureContract):
    name = "users.taste"
    network = base_feature.CANDIDATES


class TestProductWithTheAverage(contract.FeatureContract):
    name = "videos.clip.of_watched"


class TestProductWithTheLast(contract.FeatureContract):
    name = "videos.clip.of_last_watched"


class TestProductWithTheNearest(contract.FeatureContract):
    name = "videos.clip.of_nearest_watched"


def test_products_are_those_of_the_last_fifty_watches(
    data: prepared.PreparedData,
) -> None:
    """By NumPy, one position after the other."""
    rows = np.asarray(data.catalogue.vectors.rows("videos.clip"), np.float64)
    split_requests = contract.SplitRequests.from_data(data)
    log = log_tensors.LogTensors(data)
    found = {
        kind: vector_columns.WatchedProduct("videos.clip", kind)
        .open_log(log)(split_requests.positions())
        .numpy()
        for kind in vector_columns.PRODUCTS
    }
    offsets, watched = data.watches.offsets, np.asarray(data.watches.videos)
    seen = 0
    for place, (user, end) in enumerate(
        zip(split_requests.users, split_requests.ends, strict=True)
    ):
        history = watched[max(offsets[user], end - 50) : end]
        earlier = rows[history]
        there = earlier.any(axis=1)
        for column, video in enumerate(split_requests.videos[place]):
            each = earlier @ rows[video]
            got = [found[kind][place, column] for kind in vector_columns.PRODUCTS]
            if not rows[video].any() or not there.any():
                assert got == [-2.0, -2.0, -2.0]
                continue
            last = each[-1] if there[-1] else -2.0
            expected = [each[there].mean(), last, each[there].max()]
            most = 1.0 - 2.0**-10  # of the same vector, in 16 bits
            np.testing.assert_allclose(got, np.minimum(expected, most), atol=1e-4)
            seen += 1
    assert seen > 20


def test_the_ranker_reads_vectors_of_videos_and_their_products_by_default(
    data: prepared.PreparedData,
) -> None:
    found = own_columns.find(data, 64)
    wanted = ["videos.clip", *vector_columns.products("videos.clip", data.catalogue)]
    assert [name for name in found.read if "clip" in name] == wanted
    assert not any("taste" in name for name in found.read)
    model = building.build(configs.RankingConfig(tower=(8,), embedding_dim=4), data)
    assert set(wanted) <= {feature.name for feature in model.features}


def test_content_reads_vectors_of_videos_by_default(
    data: prepared.PreparedData,
) -> None:
    read = content.from_config(configs.CandidatesConfig(), data)
    assert read is not None
    assert "videos.clip" in [feature.name for feature in read.features]
    off = configs.ContentConfig(
        features=configs.FeaturesConfig(remove=("videos.clip",))
    )
    read = content.from_config(configs.CandidatesConfig(content=off), data)
    assert read is not None
    assert "videos.clip" not in [feature.name for feature in read.features]


def test_a_column_without_a_vector_is_no_feature(tmp_path: pathlib.Path) -> None:
    log = vector_log.tables()
    none = pl.lit(None, pl.List(pl.Float64)).alias("clip")
    log["videos"] = log["videos"].with_columns(none)
    data = vector_log.prepared_data(tmp_path, log)
    assert data.catalogue.vectors.widths == {"users.taste": vector_log.WIDTH}
    assert "videos.clip" not in own_columns.find(data, 64).read
