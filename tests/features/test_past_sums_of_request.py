"""What requests may bring beside what a log has: any order, gaps, unknown values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import past_sums, past_sums_of_request
from ytdnn.log import lookups, prepared, raw_request

CHANNEL = past_sums.KEY_COLUMNS[0]
ASKED = [f"v{i}" for i in range(12)]


def sums(
    data: prepared.PreparedData,
    table: str,
    column: str,
    asked: Sequence[str] = ASKED,
    **raw: Any,
) -> past_sums_of_request.RequestSums:
    empty = {schema.WATCHED_VIDEO_IDS: [""], schema.TIME: 1_000}
    ids = tf.constant([asked], tf.string)
    made = {
        name: tf.convert_to_tensor(value)[tf.newaxis]
        for name, value in (empty | raw).items()
    }
    for name in (schema.TIME, schema.WATCH_TIMES, schema.IMPRESSION_TIMES):
        if name in made:
            made[name] = tf.cast(made[name], tf.int64)
    request = raw_request.Request(made, lookups.VideoIds(data.catalogue), ids)
    return past_sums_of_request.RequestPast(data).sums(request, table, column)


def shown(ids: list[str], times: list[int], clicked: list[int]) -> dict[str, Any]:
    return {
        schema.IMPRESSION_VIDEO_IDS: ids,
        schema.IMPRESSION_TIMES: times,
        schema.IMPRESSION_CLICKED: clicked,
    }


def test_the_order_of_impressions_is_that_of_their_times(
    data: prepared.PreparedData,
) -> None:
    rng = np.random.default_rng(0)
    ids = [f"v{i}" for i in rng.integers(12, size=200)]
    times = rng.permutation(np.arange(850, 1_050)).tolist()  # some after the request
    found = sums(
        data, schema.IMPRESSIONS, past_sums.VIDEO, **shown(ids, times, [0] * 200)
    )
    of_video = {
        v: [t for i, t in zip(ids, times, strict=True) if i == v and t < 1_000]
        for v in ASKED
    }
    last = sorted(t for t in times if t < 1_000)[-96]
    for i, video in enumerate(ASKED):
        before = of_video[video]
        assert found.key_sum(past_sums.EVENTS)[0, i] == len(before)
        assert found.latest()[0, i] == max(before, default=0)
        assert found.key_sum("last_96")[0, i] == sum(t >= last for t in before)


def test_of_impressions_of_one_time_the_last_are_the_latest(
    data: prepared.PreparedData,
) -> None:
    given = shown(["v1", *["v5"] * 95, "v9"], [7] * 97, [0] * 97)
    found = sums(data, schema.IMPRESSIONS, past_sums.VIDEO, **given)
    assert found.key_sum("last_96")[0].numpy()[[1, 5, 9]].tolist() == [0, 95, 1]
    assert found.user_sum("last_96")[0, 0] == 96


def test_clicks_that_are_not_known_are_no_clicks_and_no_misses(
    data: prepared.PreparedData,
) -> None:
    given = shown(["v1", "v1", "v1", "v5"], [1, 2, 3, 4], [1, -1, 0, -1])
    found = sums(data, schema.IMPRESSIONS, past_sums.VIDEO, **given)
    for name, expected in (
        (past_sums.EVENTS, 3),
        (past_sums.WITH_CLICK, 2),
        (past_sums.CLICKS, 1),
    ):
        assert found.key_sum(name)[0, 1] == expected
    assert found.user_sum(past_sums.WITH_CLICK)[0, 0] == 2
    given[schema.IMPRESSION_CLICKED] = [0]  # shorter than the ids: unknown in front
    found = sums(data, schema.IMPRESSIONS, past_sums.VIDEO, **given)
    assert found.user_sum(past_sums.WITH_CLICK)[0, 0] == 1


def test_watches_of_unknown_length_or_video_count_as_what_is_known(
    data: prepared.PreparedData,
) -> None:
    """v1, v5 and v9 are of one channel, v8 has none; padding may lie anywhere."""
    watched = {
        schema.WATCHED_VIDEO_IDS: ["v1", "", "v5", "nowhere", "v8", "v9"],
        schema.WATCHED_SECONDS: [10.0, 99.0, -1.0, 7.0, 8.0, 30.0],
        schema.WATCH_TIMES: [10, 0, 20, 30, 40, 0],
    }
    found = sums(data, schema.WATCHES, CHANNEL, **watched)
    assert found.key_sum(past_sums.EVENTS)[0, 1] == 3
    assert found.key_sum(past_sums.WITH_SECONDS)[0, 1] == 2
    assert found.key_sum(past_sums.SECONDS)[0, 1] == 40
    assert found.user_sum(past_sums.EVENTS)[0, 0] == 5
    assert found.user_sum(past_sums.SECONDS)[0, 0] == 55
    assert found.latest()[0, 1] == 0  # of the last one, whose time is not known
    assert not found.is_known[0, 8]
    assert found.key_sum(past_sums.EVENTS)[0, 8] == 0


def test_without_events_all_sums_are_zero(data: prepared.PreparedData) -> None:
    for column in (CHANNEL, past_sums.VIDEO):
        found = sums(
            data,
            schema.IMPRESSIONS,
            column,
            **{
                schema.IMPRESSION_VIDEO_IDS: tf.zeros([0], tf.string),
                schema.IMPRESSION_TIMES: tf.zeros([0], tf.int64),
                schema.IMPRESSION_CLICKED: tf.zeros([0], tf.int32),
            },
        )
        for values in (found.key_sum(past_sums.EVENTS), found.latest()):
            assert not values.numpy().any()
