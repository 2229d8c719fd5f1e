"""Statistics of trained encoders are read back as written; tables are packed."""

import dataclasses
import pathlib
import types
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from tests.features import contract
from ytdnn.base import errors, registries
from ytdnn.features import base_feature, column_features, open_features, request_reading

_SEGMENT = column_features.TextColumn("users.segment", "users.segment")


@pytest.mark.parametrize(
    "found",
    [
        base_feature.FeatureStatistics(num_values=40, dim=6),
        base_feature.FeatureStatistics(quantiles=(0.5, 1.0)),
        base_feature.FeatureStatistics(num_values=2, numbers=(3.0, 4.0)),
    ],
)
def test_what_was_measured_comes_back_whole(
    tmp_path: pathlib.Path, found: base_feature.FeatureStatistics
) -> None:
    open_features.write(tmp_path / "features.json", {"country": found})
    assert open_features.read_file(tmp_path / "features.json") == {"country": found}


def test_an_embedding_keeps_its_width_after_its_vocabulary_grew(
    tmp_path: pathlib.Path,
) -> None:
    """A refresh keeps the width of the weights it carries over.

    The width follows the number of values, by powers of two: 3,000 values beside the
    width of 10 ask for another one.
    """

    def width(measured: base_feature.FeatureStatistics) -> int:
        layer = _SEGMENT.encoder(measured, contract.SETTINGS)
        return int(layer(tf.constant([1])).shape[-1])

    before = width(base_feature.FeatureStatistics(num_values=10))
    grown = base_feature.FeatureStatistics(num_values=3000, dim=before)
    assert width(base_feature.FeatureStatistics(num_values=3000)) != before
    open_features.write(tmp_path / "features.json", {"country": grown})
    assert (
        width(open_features.read_file(tmp_path / "features.json")["country"]) == before
    )


@dataclasses.dataclass
class _Request:
    """The one part of a request that tables read."""

    video_indices: tf.Tensor


class _Doubled(base_feature.RowsOfVideos):
    """A reader that computes with its table."""


def test_plain_tables_of_one_type_are_packed_and_read_alike() -> None:
    rng = np.random.default_rng(0)
    floats = [rng.random(9).astype(np.float32) for _ in range(3)]
    readers: dict[str, base_feature.RequestReader] = {
        "views": base_feature.RowsOfVideos(floats[0]),
        "topic": base_feature.RowsOfVideos(np.arange(9, dtype=np.int32)),
        "age": _Doubled(floats[1]),
        "clicks": base_feature.RowsOfVideos(floats[2]),
        "words": base_feature.RowsOfVideos(np.ones((9, 2), np.float32)),
    }
    tables, others = request_reading._packed(readers)
    assert [one.names for one in tables] == [("views", "clicks")]
    assert set(others) == {"topic", "age", "words"}
    request = _Request(tf.constant([[3, 0, 8], [1, 1, 2]]))
    found = tables[0](request)
    for name in ("views", "clicks"):
        np.testing.assert_array_equal(found[name], readers[name](request))


@pytest.mark.parametrize(
    "value", [None, 1.0, tf.zeros([2, 3]), tf.zeros([2], tf.int64), tf.constant(["a"])]
)
def test_values_of_a_users_feature_are_checked(value: Any) -> None:
    own = types.SimpleNamespace(
        name="own", scope=base_feature.Scope.REQUEST, inner_shape=(), dtype=tf.float32
    )
    at = types.SimpleNamespace(times=tf.zeros([2], tf.int64))
    with extras.registered():
        registries.FEATURES.register("own")(lambda: own)
        read = open_features.checked(own, lambda at: tf.zeros([2]))
        assert read(at).shape == [2]
        for reader in (value, lambda at: value):
            with pytest.raises(errors.UserError, match="to return float32"):
                open_features.checked(own, reader)(at)
