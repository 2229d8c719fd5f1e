import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import schema
from ytdnn.data import prepared
from ytdnn.ranking import exposures, features

LENGTH = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("planted")
    return planted.prepared_data(directory)


def test_seconds_since_is_missing_where_a_time_is_unknown() -> None:
    times = tf.constant([100, 100, 0, 100], tf.int64)
    earlier = tf.constant([90, 0, 90, 130], tf.int64)
    assert features.seconds_since(times, earlier).numpy().tolist() == [10, -1, -1, 0]


def test_features_agree_with_a_plain_reading_of_the_log(
    data: prepared.PreparedData,
) -> None:
    rows = np.arange(0, len(data.impressions.users), 37)
    cut = features.ImpressionLog(data, LENGTH).features(tf.constant(rows))
    cut = {name: values.numpy() for name, values in cut.items()}
    for place, row in enumerate(rows):
        user, now = data.impressions.users[row], data.impressions.times[row]
        watches = slice(data.watches.offsets[user], data.watches.offsets[user + 1])
        before = data.watches.times[watches] < now
        videos = data.watches.videos[watches][before][-LENGTH:]
        history = np.zeros(LENGTH, np.int32)
        history[LENGTH - len(videos) :] = videos
        assert cut[schema.HISTORY_VIDEOS][place].tolist() == history.tolist()
        last = data.watches.times[watches][before][-1:]
        since = now - last[0] if len(last) else -1
        assert cut[schema.SECONDS_SINCE_LAST_WATCH][place] == since
        if data.impressions.videos[row] == 0:
            continue  # the raw ids, which tell unknown videos apart, are gone
        same = data.impressions.users == user
        same &= data.impressions.videos == data.impressions.videos[row]
        earlier = data.impressions.times[same & (data.impressions.times < now)]
        assert cut[schema.NUM_EARLIER_IMPRESSIONS][place, 0] == len(earlier)
        since = now - earlier.max() if len(earlier) else -1
        assert cut[schema.SECONDS_SINCE_IMPRESSION][place, 0] == since


def test_features_stop_before_the_impression(data: prepared.PreparedData) -> None:
    """What happens from the impression on changes nothing."""
    row = int(np.argmax(data.impressions.num_watches))
    user, now = data.impressions.users[row], data.impressions.times[row]
    log = features.ImpressionLog(data, LENGTH)
    before = log.features(tf.constant([row]))
    stop = data.watches.offsets[user] + data.impressions.num_watches[row]
    videos = np.array(data.watches.videos)
    videos[stop:] = 1 + videos[stop:] % data.num_videos
    log._arrays["watch_videos"] = tf.constant(videos)
    times = np.array(data.watches.times)
    times[times >= now] += 1_000
    log._arrays["watch_times"] = tf.constant(times)
    after = log.features(tf.constant([row]))
    for name in before:
        assert np.array_equal(before[name], after[name]), name


def test_demographics_are_those_of_the_user(data: prepared.PreparedData) -> None:
    rows = np.array([5, 900, 4_000])
    cut = features.ImpressionLog(data, LENGTH).features(tf.constant(rows))
    users = data.users[data.impressions.users[rows].tolist()]
    genders = [data.vocabularies["gender"][i - 1] for i in cut["gender_index"].numpy()]
    assert genders == users["gender"].to_list()
    ages = [-1 if age is None else age / 100 for age in users["age"]]
    assert cut[schema.AGE_FRACTION].numpy().tolist() == pytest.approx(ages)


def test_exposures_agree_with_prepare(data: prepared.PreparedData) -> None:
    rows = np.flatnonzero(data.impressions.videos > 0)
    num_earlier, times = exposures.Exposures(data).before(
        data.impressions.users[rows],
        data.impressions.times[rows],
        data.impressions.videos[rows][:, np.newaxis],
    )
    assert num_earlier[:, 0].tolist() == data.impression_earlier[rows].tolist()
    expected = np.maximum(data.impression_earlier_time[rows], 0)
    assert times[:, 0].tolist() == expected.tolist()
    assert num_earlier.max() > 1


def test_exposures_of_pairs_that_were_never_shown_are_none(
    data: prepared.PreparedData,
) -> None:
    first = int(data.impressions.times.min())
    seen = exposures.Exposures(data)
    users = np.array([0, 1])
    everything = np.tile(np.arange(data.num_videos + 1), (2, 1))
    num_earlier, times = seen.before(users, np.array([first, first]), everything)
    assert not num_earlier.any()
    assert not times.any()
    num_earlier, _ = seen.before(users, np.array([0, 0]), everything)
    known = data.impressions.videos > 0
    expected = [np.sum(known & (data.impressions.users == user)) for user in users]
    assert num_earlier.sum(axis=1).tolist() == expected  # time unknown: all count
