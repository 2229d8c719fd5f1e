"""The order of a slate: caps of the config and of requests."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import full_log, untrained
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.retrieval import diversity, filter_graph, filter_schema, slate


def greedy(order: np.ndarray, values: np.ndarray, most: np.ndarray) -> list[int]:
    """Returns the page that takes the best next one that all its values have room for.

    Args:
      order: `[n]`, `-inf` = none.
      values: `[columns, n]`, 0 = unknown.
      most: `[columns]`.
    """
    taken: list[int] = []
    for place in np.argsort(-order, kind="stable"):
        numbers = (values[:, taken] == values[:, [place]]).sum(axis=1)
        has_room = (numbers < most) | (values[:, place] == 0)
        if has_room.all() and np.isfinite(order[place]):
            taken.append(int(place))
    return taken


@pytest.mark.parametrize("num_columns", [1, 2, 4])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_cap_is_greedy(most: int, num_columns: int) -> None:
    rng = np.random.default_rng(most)
    order = rng.integers(0, 9, (20, 30)).astype(np.float32)  # with ties
    order[rng.random(order.shape) < 0.1] = -np.inf
    values = rng.integers(0, 6, (20, num_columns, 30)).astype(np.int32)
    limits = rng.integers(1, most + 1, (20, num_columns)).astype(np.int32)
    found = tf.function(slate.capped)(order, values, limits).numpy()
    for row in range(len(order)):
        places = np.argsort(-found[row], kind="stable")
        places = places[np.isfinite(found[row][places])]
        assert places.tolist() == greedy(order[row], values[row], limits[row])


def test_places_of_sources_leave_some_to_the_tower() -> None:
    config = configs.CompositionConfig(10, (("co_watch", 0.3), ("popular", 0.2)))
    assert config.num_from_tower == 5
    with pytest.raises(
        ValueError, match="leave the candidate model at least one place of 4"
    ):
        configs.CompositionConfig(4, (("co_watch", 0.5), ("popular", 0.5)))


@pytest.fixture(scope="module")
def reader(untrained_run: untrained.Run) -> slate.Caps:
    return slate.Caps(filter_graph.Filters(untrained_run.data))


def codes_of(reader: slate.Caps) -> dict[str, np.ndarray]:
    size = reader._filters.lists().num_videos + 1
    codes = reader._filters.lists().codes.numpy()[:, :size]
    return {name: codes[place] for name, place in reader._filters.columns.items()}


def ordered(
    reader: slate.Caps,
    videos: np.ndarray,
    asked: list[dict[str, int]],
    rule: slate.SlateOrder | None = None,
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
    found = reader(raw, tf.constant(videos), tf.constant(order), rule).numpy()
    return [
        row[np.isfinite(by)].tolist() for row, by in zip(videos, found, strict=True)
    ]


@pytest.mark.parametrize("of_all", [0, 1, 2])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_caps_fill_the_page_together(
    reader: slate.Caps, untrained_run: untrained.Run, of_all: int, data: st.DataObject
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
    config = configs.CompositionConfig(max_per_channel=of_all)
    rule = slate.SlateOrder(config, untrained_run.data)
    for row, own, left in zip(
        videos, asked, ordered(reader, videos, asked, rule), strict=True
    ):
        caps = [*own.items(), *([("channel_id", of_all)] if of_all else [])]
        values = np.array([codes[name][row] for name, _ in caps]).reshape(-1, len(row))
        order = np.where(row, -np.arange(len(row), dtype=np.float32), -np.inf)
        taken = greedy(order, values, np.array([most for _, most in caps]))
        assert left == row[taken].tolist()


def test_a_column_that_is_not_known_permits_nothing(reader: slate.Caps) -> None:
    videos = np.array([[3, 4], [3, 4]], np.int32)
    assert ordered(reader, videos, [{"chanel": 1}, {}]) == [[], [3, 4]]


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
    found = filter_schema.indices(data.catalogue, "channel_id").tolist()
    assert found[0] == 0
    assert [number == 0 for number in found[1:]] == [one is None for one in ids]
    pairs = set(zip(ids, found[1:], strict=True)) - {(None, 0)}
    assert len(pairs) == len({one for one, _ in pairs}) == len(set(found) - {0})
