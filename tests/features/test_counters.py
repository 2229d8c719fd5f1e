"""Counters of random logs against a plain recount, wherever they are read."""

import dataclasses
import datetime

import hypothesis
import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import changed_log, full_log
from tests.features import contract
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.features import counter_features, counter_sums, request_reading
from ytdnn.log import batch_streams, log_tensors, prepared, window_choice
from ytdnn.retrieval import live_counts

NAMES = [
    f"{group}_{statistic}{window}"
    for group in ("video", "channel", "videos.genre")
    for statistic in ("impressions", "clicks", "watches")
    for window in ("", "_week", "_day", "_hour")
]
BORDERS = [0, 1, 3_600, 86_400, 7 * 86_400]


def _counter(name, data):
    return {each.name: each for each in counter_features.every(data)}.get(name)


def _random(data, seed):
    """Returns the set with events at a few times around the serving moment.

    Seconds are shared by many events, windows begin and end at events, some events are
    there twice, and the impressions of a slate are at several times.
    """
    rng, end = np.random.default_rng(seed), counter_sums.serving_moment(data)
    times = end + np.array(
        [s * b + d for b in BORDERS for s in (-1, 1) for d in (0, 1)]
    )

    def drawn(events):
        size = len(events)
        videos = rng.integers(1, data.num_videos + 1, size).astype(np.int32)
        return events.replace(videos=videos, times=rng.choice(times, size))

    shown = drawn(data.impressions).replace(
        clicked=rng.random(len(data.impressions)) < 0.5
    )
    return changed_log.with_tables(data, impressions=shown, watches=drawn(data.watches))


def _recounted(data, name, video, moment):
    """Returns a counter's value by a loop over all events."""
    group, _, rest = name.partition("_")
    statistic, _, window = rest.partition("_")
    column = {"channel": "channel_id", "videos.genre": "genre"}.get(group)
    of = range(data.num_videos + 1)
    if column:
        of = [None, *data.videos[column].to_list()]
    if of[video] is None:
        return -1
    seconds = {"": np.inf, "week": 604_800, "day": 86_400, "hour": 3_600}[window]
    events = data.watches if statistic == "watches" else data.impressions
    counted = np.ones(len(events), bool) if statistic != "clicks" else events.clicked
    return sum(
        bool(counts) and of[each] == of[video] and moment - seconds <= time < moment
        for each, time, counts in zip(
            events.videos.tolist(), events.times.tolist(), counted, strict=True
        )
    )


@pytest.mark.parametrize("name", NAMES)
@hypothesis.settings(max_examples=3, deadline=None)
@hypothesis.given(seed=st.integers(0, 1_000), which=st.integers(0, 200))
def test_they_equal_a_recount_at_slates_at_any_time_and_when_served(
    data, name, seed, which
):
    log, counter = _random(data, seed), _counter(name, data)
    end, shown = counter_sums.serving_moment(log), log.impressions
    rows = shown.ranked[which::300]
    found = contract._at_impressions(counter, log, rows)[:, 0].numpy()
    assert found.tolist() == [
        _recounted(log, name, int(shown.videos[row]), moment)
        for row, moment in zip(rows, shown.request_times[rows].tolist(), strict=True)
    ]
    videos = [0, 1 + which % log.num_videos, 1 + seed % log.num_videos]
    read = counter.open_log(log_tensors.LogTensors(log))
    for time in (0, end, end - 86_400, end + 3_600, end - 40 * 86_400):
        at = log_tensors.video_positions(tf.constant([videos]))
        at = dataclasses.replace(at, times=tf.constant([time], tf.int64))
        expected = [_recounted(log, name, v, time or end) for v in videos[1:]]
        assert read(at).numpy().tolist() == [[-1, *expected]]
    table = counter.open_request(log).rows.numpy()
    expected = [_recounted(log, name, v, end) for v in videos[1:]]
    assert table[videos].tolist() == [-1, *expected]


@hypothesis.settings(max_examples=5, deadline=None)
@hypothesis.given(seed=st.integers(0, 1_000), delay=st.sampled_from([1, 600, 86_400]))
def test_a_delayed_counter_is_that_of_so_much_earlier(data, seed, delay):
    log = _random(data, seed)
    config = data.manifest.config | {"counters_delay_seconds": float(delay)}
    manifest = dataclasses.replace(log.manifest, config=config)
    late, end = (
        dataclasses.replace(log, manifest=manifest),
        counter_sums.serving_moment(log),
    )
    for name in ("video_impressions", "channel_watches_day"):
        counter = _counter(name, late)
        videos = np.arange(1, 9)
        for moment in (end, end - 3_600):
            requests = counter_sums.CounterRequests(
                counter_sums.sums_at(late, np.array([moment]), keep=False),
                videos,
                np.full(len(videos), moment),
            )
            assert counter.values(requests).tolist() == [
                _recounted(log, name, video, moment - delay) for video in videos
            ]
        assert counter.open_request(late).rows.numpy()[1:9].tolist() == [
            _recounted(log, name, video, end - delay) for video in videos
        ]


def test_a_lists_counters_are_those_of_each_slate_not_of_the_lists_begin(data):
    counter, log = _counter("video_impressions", data), log_tensors.LogTensors(data)
    rows = data.impressions.ranked[::17]
    shown = log_tensors.video_positions(
        tf.constant(data.impressions.videos[rows])[:, tf.newaxis]
    )
    shown = dataclasses.replace(
        shown, rows=tf.constant(rows), times=tf.ones(len(rows), tf.int64), is_shown=True
    )
    read = counter.open_log(log)
    np.testing.assert_array_equal(
        read(shown), read(dataclasses.replace(shown, is_logged=True))
    )
    assert len(np.unique(read(shown))) > 5


def test_windows_of_a_log_in_shards_read_the_same(data, tmp_path, monkeypatch):
    sharded = full_log.prepared_data(tmp_path, full_log.tables(), events_per_shard=800)
    windows = batch_streams.ShardWindows(prepared.load(sharded.directory), 1)
    assert len(windows) > 3
    monkeypatch.setattr(counter_sums, "_REQUESTS_A_PART", 7)
    for name in ("channel_click_rate_day", "video_seconds_per_click"):
        counter = _counter(name, data)
        expected = contract._at_impressions(
            counter, sharded, sharded.impressions.ranked
        )
        parts = [
            contract._at_impressions(
                counter, one, one.impressions.ranked, log_tensors.LogTensors(one)
            )
            for one in windows
        ]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
        assert len(np.unique(expected)) > 20


def test_a_window_of_a_ratio_is_smoothed_with_the_groups_own_ratio(data):
    requests = counter_sums.served(data)
    day, ever, clicks, shown = (
        _counter(f"channel_{name}", data).values(requests)
        for name in ("click_rate_day", "click_rate", "clicks_day", "impressions_day")
    )
    known = shown >= 0
    np.testing.assert_allclose(
        day[known], ((clicks + 10 * ever) / (shown + 10))[known], rtol=1e-5
    )
    assert (shown > 0).any()


def test_a_mean_of_outcomes_is_that_of_impressions_where_it_is_known(tmp_path):
    log = full_log.tables()
    liked = [None if i % 3 == 0 else i % 7 < 3 for i in range(len(log["impressions"]))]
    log["impressions"] = log["impressions"].with_columns(liked=pl.Series(liked))
    data = full_log.prepared_data(tmp_path, log, outcomes=("liked",))
    shown = data.impressions
    found = _counter("topic_liked_mean", data).values(counter_sums.served(data))
    values = shown.outcomes[:, 0]
    before = ~np.isnan(values) & (shown.times < counter_sums.serving_moment(data))
    of = np.array([None, *data.videos["topic"].to_list()])
    for video in (1, 2):
        own = values[before & (of[shown.videos] == of[video])].astype(float)
        prior = 10 * values[before].astype(float).mean()
        expected = (own.sum() + prior) / (len(own) + 10)
        np.testing.assert_allclose(found[video], expected, rtol=1e-4)
    assert np.isnan(values).any()


@pytest.mark.parametrize(
    "name", ["videos.genre", "video_likes", "video_clicks_year", "users.segment_clicks"]
)
def test_other_names_are_no_counters(data, name):
    assert _counter(name, data) is None


def test_served_counters_are_one_variable_with_a_name(data):
    chosen = [_counter(name, data) for name in NAMES[:3]]
    (table,) = request_reading.RequestReaders(chosen, data).variables
    assert table.name == "counters:0"
    assert table.shape == (data.num_videos + 1, 3)


def test_events_before_counters_from_are_in_histories_alone(data):
    """Their times may be made up; both kinds of counts leave them out."""
    end = counter_sums.serving_moment(data)
    begin = end - 5 * 86_400
    text = datetime.datetime.fromtimestamp(begin, datetime.UTC).isoformat()
    config = data.manifest.config | {"counters_from": text}
    log = dataclasses.replace(
        changed_log.with_tables(data),
        manifest=dataclasses.replace(data.manifest, config=config),
    )
    times = np.asarray(data.watches.times)
    assert times.min() < begin < times.max()
    found = _counter("video_watches", log).open_request(log).rows.numpy()[1:]
    counted = (times >= begin) & (times < end)
    videos = np.asarray(data.watches.videos)[counted]
    assert found.tolist() == np.bincount(videos, minlength=len(found) + 1)[1:].tolist()
    live = live_counts.LiveCounts(log, end)
    assert live.times.min() >= begin
    late = times >= begin
    columns = data.watches.users, times, data.watches.videos
    rows = [np.asarray(column)[late].tolist() for column in columns]
    assert len(live.times) == len(set(zip(*rows, strict=True)))
    with pytest.raises(errors.UserError, match=r"data\.counters_from as 2022"):
        window_choice.counted_from(configs.DataConfig(counters_from="now"))
