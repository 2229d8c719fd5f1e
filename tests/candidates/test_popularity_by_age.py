"""Rates by age, by hand: two days of a log of three videos."""

import json

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import uploads
from ytdnn.candidates import popularity_by_age
from ytdnn.features import counter_sums
from ytdnn.log import events

DAY = 86_400
START = 18_500 * DAY
OLD, FRESH, LATE, UNWATCHED, UNKNOWN = "old", "fresh", "late", "unwatched", "unknown"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Of ten watches a day six are of the fresh video; then come the other windows."""
    watches = []
    for day in range(2):
        for i in range(10):
            video = FRESH if i < 6 else OLD if i < 9 else UNKNOWN
            watches.append((f"u{i}", video, START + day * DAY + 60 * i))
    watches += [(f"u{i % 10}", LATE, START + 3 * DAY + i) for i in range(6)]
    days = {OLD: -1_000, FRESH: 0, LATE: 3, UNWATCHED: 0, UNKNOWN: None}
    log = {
        "watches": pl.DataFrame(
            watches, schema=["user_id", "video_id", "time"], orient="row"
        ),
        "videos": pl.DataFrame(
            {
                "video_id": list(days),
                "upload_time": [
                    None if day is None else START + day * DAY + 5
                    for day in days.values()
                ],
            }
        ),
    }
    return uploads.prepared_data(tmp_path_factory.mktemp("ages"), log)


@pytest.fixture(scope="module")
def ages(data):
    found = popularity_by_age.measure(data)
    assert found is not None
    return found


def index_of(data, video):
    return data.videos["video_id"].to_list().index(video) + 1


def test_the_windows_are_as_planted(data):
    assert (np.asarray(data.watches.splits) == events.Split.TRAIN).sum() == 20
    assert data.vocabulary_size == 3


def test_rates_are_watches_over_those_of_the_mean_video(ages):
    """Of each day's ten watches the two videos of known age share ten, so five each.

    Age 0: 6 watched of 5; age 1: 6 of 5; older: 2 · 3 of 2 · 5. The prior is 20.
    """
    rates = np.exp(ages.log_rates)
    np.testing.assert_allclose(rates[[0, 1]], (6 + 20) / (5 + 20))
    np.testing.assert_allclose(rates[-1], (6 + 20) / (10 + 20))
    np.testing.assert_allclose(rates[2], 1.0)  # no video was of that age


def test_offsets_are_by_the_age_at_the_time_of_each_request(data, ages):
    videos = [index_of(data, v) for v in (FRESH, OLD, LATE, UNKNOWN)]
    times = tf.constant([START, START + 3 * DAY + 1], tf.int64)
    found = ages.offsets(times, tf.constant(videos, tf.int32)).numpy()
    rates = np.array(ages.log_rates, np.float32)
    expected = [[rates[0], rates[-1], rates[0], 0], [rates[3], rates[-1], rates[0], 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    own = ages.own_offsets(times, tf.constant(videos[:2], tf.int32)).numpy()
    np.testing.assert_array_equal(own, np.diag(found[:, :2]))


def test_what_was_uploaded_later_was_not_out(data, ages):
    videos = tf.constant([index_of(data, v) for v in (OLD, LATE, UNKNOWN)], tf.int32)
    times = tf.constant([START + 2 * DAY, START + 3 * DAY], tf.int64)
    found = ages.are_out(times, videos).numpy()
    np.testing.assert_array_equal(found, [[True, False, True], [True, True, True]])


def test_at_a_moment_each_video_has_its_age(data, ages):
    found = ages.at(START + DAY)
    rates = np.array(ages.log_rates, np.float32)
    assert found[0] == found[index_of(data, UNKNOWN)] == 0.0
    assert found[index_of(data, FRESH)] == rates[1]
    assert found[index_of(data, LATE)] == rates[0]  # not out yet: as young as can be
    np.testing.assert_array_equal(ages.at(), ages.at(counter_sums.serving_moment(data)))


def test_a_video_that_nobody_watched_in_training_is_no_new_upload(data, ages):
    """A mean video gets a third of the 20 watches, one of age 0 and 1 1.04 as many."""
    rate = (6 + 20) / (5 + 20)
    expected = ages.log_rates[1] - np.log1p(2 * 10 / 3 * rate)
    found = ages.at(START + DAY)
    np.testing.assert_allclose(found[index_of(data, UNWATCHED)], expected, rtol=1e-5)


def test_rates_are_read_as_they_were_written(data, ages, tmp_path):
    ages.write(tmp_path / "ages.json")
    again = popularity_by_age.read(tmp_path / "ages.json", data)
    assert again.log_rates == ages.log_rates
    np.testing.assert_array_equal(again.at(START), ages.at(START))
    assert json.loads((tmp_path / "ages.json").read_text())


def test_without_upload_times_there_is_nothing_to_measure(tmp_path):
    log = uploads.tables()
    log["videos"] = log["videos"].drop("upload_time")
    assert popularity_by_age.measure(uploads.prepared_data(tmp_path, log)) is None
