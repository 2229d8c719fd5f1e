"""Caps of requests on columns of videos, in the graph and by NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import untrained
from ytdnn.base import schema
from ytdnn.retrieval import caps, filters


@pytest.fixture(scope="module")
def reader(untrained_run: untrained.Run) -> caps.Caps:
    return caps.Caps(filters.Filters(untrained_run.data))


def codes_of(reader: caps.Caps) -> dict[str, np.ndarray]:
    size = reader._filters.lists().num_videos + 1
    codes = reader._filters.lists().codes.numpy()[:, :size]
    return {name: codes[place] for name, place in reader._filters.columns.items()}


def ordered(
    reader: caps.Caps, videos: np.ndarray, asked: list[dict[str, int]]
) -> list[list[int]]:
    """Returns the videos that are left of lists, best first, by the graph."""
    width = max(1, *map(len, asked))
    names = [[*one, *[""] * (width - len(one))] for one in asked]
    counts = [[*one.values(), *[0] * (width - len(one))] for one in asked]
    raw = {
        schema.MAX_PER_COLUMNS: tf.constant(names),
        schema.MAX_PER_COUNTS: tf.constant(counts, tf.int32),
    }
    order = np.tile(-np.arange(videos.shape[1], dtype=np.float32), (len(videos), 1))
    order[videos == 0] = -np.inf
    found = reader(raw, tf.constant(videos), tf.constant(order)).numpy()
    return [
        row[np.isfinite(by)].tolist() for row, by in zip(videos, found, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_graph_keeps_what_numpy_keeps(
    reader: caps.Caps, untrained_run: untrained.Run, data: st.DataObject
) -> None:
    size = untrained_run.data.num_videos
    columns = ["channel_id", "topic", "language", "stars"]
    cap = st.dictionaries(st.sampled_from(columns), st.integers(1, 4), max_size=3)
    asked = data.draw(st.lists(cap, min_size=2, max_size=2))
    videos = np.array(
        [data.draw(st.permutations(range(1, size + 1)))[:12] for _ in asked], np.int32
    )
    videos[0, 9:] = 0
    codes = codes_of(reader)
    found = ordered(reader, videos, asked)
    for row, most, left in zip(videos, asked, found, strict=True):
        keep = caps.kept(row[np.newaxis], codes, most)[0]
        assert left == row[keep].tolist()
        for column, number in most.items():
            values = codes[column][left]
            counts = np.bincount(values[values > 0], minlength=1)
            assert counts.max() <= number


def test_a_column_that_is_not_known_permits_nothing(reader: caps.Caps) -> None:
    videos = np.array([[3, 4], [3, 4]], np.int32)
    found = ordered(reader, videos, [{"chanel": 1}, {}])
    assert found == [[], [3, 4]]


def test_without_caps_the_order_is_the_same_object(reader: caps.Caps) -> None:
    order = tf.zeros([1, 2])
    assert reader({}, tf.ones([1, 2], tf.int32), order) is order
