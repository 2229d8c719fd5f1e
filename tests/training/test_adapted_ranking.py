"""Quantiles of scores on another scale: the ranker sees what it was trained with."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import strategies

from tests import planted
from ytdnn.features import base_feature, first_stage_features
from ytdnn.log import events, log_tensors
from ytdnn.ranking import model as ranking_model
from ytdnn.ranking import network
from ytdnn.retrieval import trained_stage
from ytdnn.retrieval.index import brute_force
from ytdnn.training import adapted_ranking, candidates, ranking

floats = strategies.floats(-100.0, 100.0, width=32)


def test_a_value_keeps_its_quantile():
    rng = np.random.default_rng(0)
    then, now = rng.normal(size=10_000), 5.0 + 3.0 * rng.normal(size=10_000)
    values = np.linspace(-4.0, 4.0, 17)  # beyond what is known, too
    moved = adapted_ranking.moved(values, then, now)
    np.testing.assert_allclose(moved, 5.0 + 3.0 * values, atol=0.5)
    between = np.abs(values) < 2.0
    np.testing.assert_allclose(moved[between], 5.0 + 3.0 * values[between], atol=0.2)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A ranker trained with scores of candidates that have not seen its window."""
    directory = tmp_path_factory.mktemp("planted")
    data = planted.prepared_data(directory)
    config = planted.tiny_config()
    candidates.train(config, data, directory / "candidates")
    first_stage = trained_stage.load(directory / "candidates", data, config.composition)
    ranker = dataclasses.replace(
        config.ranking, training=dataclasses.replace(config.ranking.training, epochs=1)
    )
    config = dataclasses.replace(config, ranking=ranker)
    ranking.train(config, data, directory / "ranking", first_stage)
    return adapted_ranking.TrainedRanker(directory / "ranking", data, first_stage)


class _Scaled(trained_stage.FirstStage):
    """Candidates of the same opinions, their scores on another scale."""

    @functools.cached_property
    def exact(self):
        return brute_force.BruteForceModule(7.0 * self.candidates.video_vectors())


@pytest.fixture(scope="module")
def served(earlier):
    """The same ranker behind candidates whose scores are seven times as large."""
    stage = earlier.first_stage
    scaled = _Scaled(stage.candidates, earlier.data, stage.composition, stage.manifest)
    directory = earlier.directory.with_name("later") / "ranking"
    later = adapted_ranking.TrainedRanker(directory, earlier.data, scaled)
    inputs = {
        "data": earlier.data.manifest.fingerprint,
        "candidates": stage.manifest.fingerprint,
    }
    adapted_ranking.publish(planted.tiny_config(), earlier, later, inputs)
    return later


def _readings(trained):
    """Returns the ranker's encoding of scores at some requests, at the log's end."""
    model = ranking_model.load(trained.directory, trained.data, trained.first_stage)
    (feature,) = [
        f for f in model.features if isinstance(f, first_stage_features.ReplayedFeature)
    ]
    data = trained.data
    users = np.arange(data.num_users)
    ends = np.asarray(data.watches.offsets)[1:]
    times = np.full(len(users), data.windows.end_of_log + 1)
    videos = np.tile(np.arange(1, 41, dtype=np.int32), (len(users), 1))
    scores = model.readings(data, users, ends, times, videos)[feature.name]
    quantiles = model.measured.features[feature.name].quantiles
    encoder = feature.encoder(
        base_feature.FeatureStatistics(quantiles=quantiles),
        base_feature.EncoderSettings(0.1),
    )
    return scores, encoder(scores).numpy()[..., 0]


@pytest.mark.thorough
def test_the_ranker_reads_what_it_was_trained_with(earlier, served):
    """Whatever the scale: the share of lists below each score is the same."""
    scores, shares = _readings(earlier)
    others, seen = _readings(served)
    known = scores > log_tensors.NO_SCORE
    np.testing.assert_allclose(others[known], 7.0 * scores[known], atol=1e-4)
    # The histories of both requests differ by what was watched in the window.
    assert np.abs(seen - shares).mean() < 0.05
    # With the quantiles it was trained with, it would have read something else.
    (feature,) = _scores_of(earlier)
    old = ranking_model.load(earlier.directory, earlier.data, earlier.first_stage)
    encoder = feature.encoder(
        old.measured.features[feature.name], base_feature.EncoderSettings(0.1)
    )
    assert np.abs(encoder(others).numpy()[..., 0] - shares).mean() > 0.15


def _scores_of(trained):
    model = ranking_model.load(trained.directory, trained.data, trained.first_stage)
    return [
        f for f in model.features if isinstance(f, first_stage_features.ReplayedFeature)
    ]


def test_lists_are_asked_for_not_logged_positions(earlier, monkeypatch):
    """There the later candidates have seen what was clicked."""
    asked = []

    def listed(self, users, ends, times):
        asked.append((users, ends, times))
        return np.arange(10.0)

    replay = type(earlier.first_stage.open_log(earlier.data))
    monkeypatch.setattr(replay, "listed_scores", listed)
    adapted_ranking.listed_scores(earlier, earlier, seed=0)
    (users, _, times), (same, lasts, now) = asked
    assert users.tolist() == same.tolist()
    data = earlier.data
    begins = data.manifest.facts["windows"]["ranking"]
    assert (now == begins).all()
    known = np.asarray(data.watches.times) < begins
    counts = np.add.reduceat(np.append(known, 0), np.asarray(data.watches.offsets))
    ends = np.asarray(data.watches.offsets)[:-1] + counts[:-1]
    assert lasts.tolist() == ends[users].tolist()
    learned = np.asarray(data.impressions.splits) == events.Split.TRAIN
    window = np.asarray(data.impressions.times)[learned]
    assert window.min() <= times.min()
    assert times.max() <= window.max()


def test_without_scores_the_statistics_are_those_of_the_training():
    measured = network.Statistics(1, {}, None)
    none = np.zeros(0)
    assert adapted_ranking.with_moved(measured, [], none, none) == measured
