import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import changed_log, planted
from tests.features import first_stage
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.evaluation import leaks
from ytdnn.features import (
    base_feature,
    counters,
    feature_choice,
    first_stage_features,
)
from ytdnn.log import events, prepared
from ytdnn.ranking import building, inputs

LENGTH = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("planted")
    return planted.prepared_data(directory)


def _log(data: prepared.PreparedData) -> inputs.ImpressionLog:
    """Returns what a request would be answered from, the first stage asked too."""
    chosen = feature_choice.choose(base_feature.RANKING, data, configs.FeaturesConfig())
    replay = first_stage.make(data).open_log(data)
    return inputs.ImpressionLog(data, chosen, LENGTH, replay).as_served()


def test_histories_agree_with_a_plain_reading_of_the_log(
    data: prepared.PreparedData,
) -> None:
    rows = np.arange(0, len(data.impressions), 37)
    cut = _log(data).impressions(tf.constant(rows))
    for place, row in enumerate(rows):
        user, now = data.impressions.users[row], data.impressions.times[row]
        watches = slice(data.watches.offsets[user], data.watches.offsets[user + 1])
        before = data.watches.times[watches] < now
        videos = data.watches.videos[watches][before][-LENGTH:]
        history = np.zeros(LENGTH, np.int32)
        history[LENGTH - len(videos) :] = videos
        assert cut[schema.HISTORY_VIDEOS][place].numpy().tolist() == history.tolist()
        shown = cut[schema.IMPRESSION_VIDEOS][place].numpy().tolist()
        assert shown == [data.impressions.videos[row]]


def test_what_is_read_stops_before_the_impression(data: prepared.PreparedData) -> None:
    """What happens from the impression on changes nothing."""
    row = int(np.argmax(data.impressions.num_watches))
    user = np.array([data.impressions.users[row]])
    end = data.watches.offsets[user] + data.impressions.num_watches[row]
    now = np.array([data.impressions.times[row]])
    other = leaks.with_other_future(data, user, end, now)
    videos = np.array(other.impressions.videos)
    videos[row] = data.impressions.videos[row]
    other = changed_log.with_tables(
        other, impressions=other.impressions.replace(videos=videos)
    )
    before, after = (_log(d).impressions(tf.constant([row])) for d in (data, other))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], name)


def test_candidates_are_read_as_the_impressions_they_would_be(
    data: prepared.PreparedData,
) -> None:
    rows = np.arange(0, len(data.impressions), 91)
    shown, log = data.impressions, _log(data)
    users = shown.users[rows]
    as_candidates = log.candidates(
        tf.constant(users),
        tf.constant(data.watches.offsets[users] + shown.num_watches[rows]),
        tf.constant(shown.times[rows]),
        tf.constant(shown.videos[rows])[:, tf.newaxis],
    )
    logged = log.impressions(tf.constant(rows))
    assert set(as_candidates) == set(logged)
    # The first stage, and co-watching, know the others, and are not asked about them.
    is_asked = shown.splits[rows] != events.Split.CONTEXT
    assert is_asked.any()
    declared = {feature.name: feature for feature in feature_choice.declared()}
    for name, values in logged.items():
        is_hidden = isinstance(declared.get(name), first_stage_features.FromCandidates)
        same = is_asked if is_hidden else np.ones_like(is_asked)
        of_these = as_candidates[name][same], values[same]
        np.testing.assert_allclose(*of_these, rtol=1e-5, atol=1e-6, err_msg=name)


def test_an_impression_is_read_as_of_the_moment_of_another(
    data: prepared.PreparedData,
) -> None:
    """All but counters, and what the request itself brings, is of that moment."""
    shown = data.impressions
    rows = building.rows_of(data.log, events.Split.TEST)[::23]
    of_test = building.rows_of(data.log, events.Split.TEST)
    first = of_test[np.unique(shown.users[of_test], return_index=True)[1]]
    owners = np.unique(shown.users[of_test])
    then = first[np.searchsorted(owners, shown.users[rows])]
    assert (shown.times[then] < shown.times[rows]).any()
    log = _log(data)
    found = log.impressions(tf.constant(rows), tf.constant(then))
    videos = tf.constant(shown.videos[rows])[:, tf.newaxis]
    expected = log.candidates_at(tf.constant(then), videos)
    own = log.impressions(tf.constant(rows))
    assert found.keys() == expected.keys()
    of_rows = {"device"} | {
        feature.name
        for feature in feature_choice.declared()
        if isinstance(feature, counters.Counter)
    }
    for name, values in found.items():
        right = own if name in of_rows else expected
        np.testing.assert_array_equal(values, right[name], name)
    histories = [x[schema.HISTORY_VIDEOS] for x in (found, own)]
    assert (histories[0] != histories[1]).numpy().any()
