"""The order of a slate: blend, caps of the config and of requests."""

import collections
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import full_log, untrained
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import positions
from ytdnn.retrieval import attributes, column_filters, diversity, slate


def greedy(order: np.ndarray, channels: np.ndarray, most: int) -> list[int]:
    """Returns the page that takes the best next one its channel has room for."""
    taken: list[int] = []
    for place in np.argsort(-order, kind="stable"):
        same = [p for p in taken if channels[p] == channels[place] > 0]
        if len(same) < most and np.isfinite(order[place]):
            taken.append(int(place))
    return taken


@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_cap_is_greedy(most: int) -> None:
    rng = np.random.default_rng(most)
    order = rng.integers(0, 9, (20, 30)).astype(np.float32)  # with ties
    order[rng.random(order.shape) < 0.1] = -np.inf
    channels = rng.integers(0, 6, order.shape).astype(np.int32)
    found = slate.capped(tf.constant(order), tf.constant(channels), most).numpy()
    for row in range(len(order)):
        places = np.argsort(-found[row], kind="stable")
        places = places[np.isfinite(found[row][places])]
        assert places.tolist() == greedy(order[row], channels[row], most)


def test_a_blend_adds_weighted_scores_and_the_lowest_where_there_is_none() -> None:
    none = positions.NO_SCORE
    logits = tf.constant([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    scores = tf.constant([[4.0, none, -1.0], [none, none, none]])
    found = slate.blended(logits, scores, 0.5)
    np.testing.assert_allclose(found, [[3.0, 1.5, 2.5], [1.0, 2.0, 3.0]])


def test_places_of_sources_leave_some_to_the_tower() -> None:
    config = configs.CompositionConfig(10, (("co_watch", 0.3), ("popular", 0.2)))
    assert config.num_from_tower == 5
    with pytest.raises(
        ValueError, match="leave the candidate model at least one place of 4"
    ):
        configs.CompositionConfig(4, (("co_watch", 0.5), ("popular", 0.5)))


@pytest.fixture(scope="module")
def reader(untrained_run: untrained.Run) -> slate.Caps:
    return slate.Caps(column_filters.Filters(untrained_run.data))


def codes_of(reader: slate.Caps) -> dict[str, np.ndarray]:
    size = reader._filters.lists().num_videos + 1
    codes = reader._filters.lists().codes.numpy()[:, :size]
    return {name: codes[place] for name, place in reader._filters.columns.items()}


def ordered(
    reader: slate.Caps, videos: np.ndarray, asked: list[dict[str, int]]
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
def test_caps_leave_the_best_of_each_value(
    reader: slate.Caps, untrained_run: untrained.Run, data: st.DataObject
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
    for row, most, left in zip(
        videos, asked, ordered(reader, videos, asked), strict=True
    ):
        expected = [video for video in row.tolist() if video]
        for column in (name for name in codes if name in most):
            seen: collections.Counter[int] = collections.Counter()
            kept = []
            for video in expected:
                value = int(codes[column][video])
                seen[value] += 1
                if not value or seen[value] <= most[column]:
                    kept.append(video)
            expected = kept
        assert left == expected


def test_a_column_that_is_not_known_permits_nothing(reader: slate.Caps) -> None:
    videos = np.array([[3, 4], [3, 4]], np.int32)
    found = ordered(reader, videos, [{"chanel": 1}, {}])
    assert found == [[], [3, 4]]


def test_without_caps_the_order_is_the_same_object(reader: slate.Caps) -> None:
    order = tf.zeros([1, 2])
    assert reader({}, tf.ones([1, 2], tf.int32), order) is order


def test_a_cap_needs_channels(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].drop("channel_id")
    data = full_log.prepared_data(tmp_path, log)
    with pytest.raises(errors.UserError) as caught:
        diversity.require(configs.CompositionConfig(max_per_channel=3), data.catalogue)
    assert str(caught.value).startswith(
        "expected videos.channel_id in the log for config.composition.max_per_channel"
    )


def test_equal_channels_have_one_number(tmp_path: pathlib.Path) -> None:
    data = full_log.prepared_data(tmp_path, full_log.tables())
    ids = data.videos["channel_id"].to_list()
    found = attributes.indices(data.catalogue, "channel_id").tolist()
    assert found[0] == 0
    assert [number == 0 for number in found[1:]] == [one is None for one in ids]
    pairs = set(zip(ids, found[1:], strict=True)) - {(None, 0)}
    assert len(pairs) == len({one for one, _ in pairs}) == len(set(found) - {0})
