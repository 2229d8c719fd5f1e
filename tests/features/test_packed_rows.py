"""Tables over the catalogue, side by side."""

import dataclasses

import numpy as np
import tensorflow as tf

from ytdnn.features import base_feature, packed_rows


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
    tables, others = packed_rows.packed(readers)
    assert [one.names for one in tables] == [("views", "clicks")]
    assert set(others) == {"topic", "age", "words"}
    request = _Request(tf.constant([[3, 0, 8], [1, 1, 2]]))
    found = tables[0](request)
    for name in ("views", "clicks"):
        expected = readers[name](request)
        np.testing.assert_array_equal(found[name], expected)
