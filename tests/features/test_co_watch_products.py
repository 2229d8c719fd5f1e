"""Products of co-watch vectors with those of the watched videos."""

import functools

import numpy as np
import numpy.typing as npt

from tests.features import contract
from ytdnn import configs
from ytdnn.features import (
    base_feature,
    co_watch_products,
    co_watch_vectors,
    feature_choice,
    past_sums,
    vector_columns,
)
from ytdnn.log import earlier_impressions, events, log_tensors, prepared
from ytdnn.ranking import building

Floats = npt.NDArray[np.float64]

NAMES = [f"co_watch.{kind}" for kind in vector_columns.PRODUCTS]


class TestProductWithTheAverage(contract.FeatureContract):
    name = "co_watch.of_watched"


class TestProductWithTheLast(contract.FeatureContract):
    name = "co_watch.of_last_watched"


class TestProductWithTheNearest(contract.FeatureContract):
    name = "co_watch.of_nearest_watched"


def test_it_is_the_mean_cosine_of_counted_vectors(data: prepared.PreparedData) -> None:
    """By NumPy, of each user's impressions in the ranker's window."""
    rows_of_videos = _with_channels(data)
    shown = data.impressions
    rows = building.rows_of(data.log, events.Split.TRAIN)
    feature = feature_choice.named(base_feature.RANKING, [NAMES[0]], data)[0]
    found = contract._at_impressions(feature, data, rows)[:, 0].numpy()
    num_known = 0
    for row, value in zip(rows, found, strict=True):
        begin = data.watches.offsets[shown.users[row]]
        end = begin + shown.num_watches[row]
        watched = np.asarray(data.watches.videos)[max(begin, end - 200) : end]
        history = rows_of_videos[watched]
        history = history[history.any(axis=1)]
        if not len(history) or not rows_of_videos[shown.videos[row]].any():
            assert value == feature.missing
            continue
        num_known += 1
        expected = (history @ rows_of_videos[shown.videos[row]]).mean()
        np.testing.assert_allclose(value, expected, atol=2e-3)
    assert num_known > len(rows) / 2


def _with_channels(data: prepared.PreparedData) -> Floats:
    """Returns the unit sums of each vector and its channel's mean, `[n + 1, 16]`."""
    own = np.zeros((data.num_videos + 1, 16))
    counted = co_watch_vectors.vectors(data, 16)
    own[1 : len(counted) + 1] = counted
    whole = own.copy()
    channels = [None, *data.videos["channel_id"].to_list()]
    assert len(set(channels)) < len(channels) / 2
    for video, channel in enumerate(channels):
        same = [v for v, other in enumerate(channels) if other == channel]
        if channel is not None:
            known = np.linalg.norm(own[same], axis=1).sum()
            whole[video] += own[same].sum(axis=0) / max(known, 1.0)
    return whole / np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-9)


def test_a_video_that_nobody_has_watched_has_the_vector_of_its_channel(
    data: prepared.PreparedData,
) -> None:
    rows = np.asarray(co_watch_products.FEATURES[0].table(data))
    channels = past_sums.keys(data, "videos.channel_id")
    counted = co_watch_vectors.vectors(data, 16).any(axis=1)
    new = np.setdiff1d(np.arange(1, data.num_videos + 1), 1 + np.flatnonzero(counted))
    known = np.isin(channels[new], channels[1 + np.flatnonzero(counted)])
    assert known.any()
    assert rows[new[known]].any(axis=1).all()
    assert not rows[new[~known]].any()


def test_impressions_before_the_ranker_s_window_have_none(
    data: prepared.PreparedData,
) -> None:
    """The vectors know what was clicked there; the others keep theirs."""
    added = earlier_impressions.with_earlier_impressions(data, 10_000)
    rows = building.training_rows(added.log)
    is_early = added.impressions.splits[rows] == events.Split.EARLIER
    assert 100 < is_early.sum() < len(rows)
    for feature in co_watch_products.FEATURES:
        read = [
            contract._at_impressions(feature, d, rows, log_tensors.LogTensors(d))
            for d in (data, added)
        ]
        assert (read[1][is_early] == feature.missing).numpy().all()
        np.testing.assert_array_equal(read[0][~is_early], read[1][~is_early])


def test_a_window_of_users_reads_the_vectors_of_the_whole_log(
    data: prepared.PreparedData,
) -> None:
    few = data.with_log(data.log.read_users(np.arange(5)))
    feature = co_watch_products.FEATURES[0]
    whole = prepared.load(data.log.directory)
    np.testing.assert_array_equal(feature.table(few), feature.table(whole))


def test_rankers_read_them_where_they_have_a_window_of_their_own(
    data: prepared.PreparedData, data_without_windows: prepared.PreparedData
) -> None:
    choose = functools.partial(
        feature_choice.choose, base_feature.RANKING, config=configs.FeaturesConfig()
    )
    names = {feature.name for feature in choose(data=data)}
    assert set(NAMES) <= names
    others = choose(data=data_without_windows)
    assert not any(feature.name in NAMES for feature in others)
