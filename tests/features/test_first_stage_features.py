import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from tests.features import contract, first_stage
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.features import base_feature, feature_choice, first_stage_features
from ytdnn.log import earlier_impressions, events, log_tensors, prepared
from ytdnn.ranking import building
from ytdnn.retrieval import interface, trained_stage


@pytest.fixture(scope="module")
def stage(data: prepared.PreparedData) -> trained_stage.FirstStage:
    return first_stage.make(data)


class TestCandidateScore(first_stage.FirstStageContract):
    name = "candidate_score"

    def test_it_is_the_product_of_both_vectors(
        self, data: prepared.PreparedData, stage: trained_stage.FirstStage
    ) -> None:
        shown = data.impressions
        rows = np.flatnonzero(shown.splits != events.Split.CONTEXT)
        log = self.log(data)
        feature = self.feature(data)
        found = contract._at_impressions(feature, data, rows, log)[:, 0].numpy()
        known = shown.videos[rows] <= data.vocabulary_size
        assert (found[~known] == feature.missing).all()
        model, users = stage.candidates, shown.users[rows]
        opened = model.open_log(data)
        ends = data.watches.offsets[users] + shown.num_watches[rows]
        vectors = model.vectors_at(
            opened,
            users,
            ends,
            data.log.searches.num_before(users, shown.times[rows]),
            rows,
        )
        products = vectors @ model.video_vectors().T
        expected = products[np.flatnonzero(known), shown.videos[rows][known] - 1]
        np.testing.assert_allclose(found[known], expected, rtol=1e-4, atol=1e-5)
        assert len(np.unique(found)) > len(rows) / 2


def test_impressions_before_the_ranker_s_window_have_none(
    data: prepared.PreparedData, stage: trained_stage.FirstStage
) -> None:
    """The candidate model has seen what was clicked there; the others keep theirs."""
    added = earlier_impressions.with_earlier_impressions(data, 10_000)
    rows = building.training_rows(added.log)
    is_early = added.impressions.splits[rows] == events.Split.EARLIER
    assert 100 < is_early.sum() < len(rows)
    feature = first_stage_features.CandidateScore()
    read = [
        contract._at_impressions(
            feature, d, rows, log_tensors.LogTensors(d, stage.open_log(d))
        )[:, 0].numpy()
        for d in (data, added)
    ]
    assert (read[1][is_early] == feature.missing).all()
    np.testing.assert_array_equal(read[0][~is_early], read[1][~is_early])


@pytest.mark.parametrize("protocol", ["leave_one_out", "split"])
def test_in_sample_there_is_none(tmp_path: pathlib.Path, protocol: str) -> None:
    log = full_log.tables()
    if protocol == "split":
        places = np.arange(log["watches"].height) * 3 // log["watches"].height
        names = np.array(["train", "validation", "test"])[places]
        log["watches"] = log["watches"].with_columns(split=names)
    data = full_log.prepared_data(tmp_path, log, protocol=protocol)
    chosen = feature_choice.choose(base_feature.RANKING, data, configs.FeaturesConfig())
    assert "candidate_score" not in [feature.name for feature in chosen]
    with pytest.raises(errors.UserError, match="has seen what was clicked") as refusal:
        feature_choice.choose(
            base_feature.RANKING, data, configs.FeaturesConfig(add=("candidate_score",))
        )
    assert f"data.protocol={protocol}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


class TestCandidateSource(first_stage.FirstStageContract):
    name = "candidate_source"

    def test_it_is_the_first_source_that_would_have_proposed_the_video(
        self, data: prepared.PreparedData, stage: trained_stage.FirstStage
    ) -> None:
        """Of each logged impression, every source asked alone."""
        shown = data.impressions
        rows = np.flatnonzero(shown.splits != events.Split.CONTEXT)
        found = contract._at_impressions(
            self.feature(data), data, rows, self.log(data)
        )[:, 0].numpy()
        users, times = shown.users[rows], shown.times[rows]
        ends = data.watches.offsets[users] + shown.num_watches[rows]
        model = stage.candidates
        before = data.log.searches.num_before(users, times)
        vectors = model.vectors_at(model.open_log(data), users, ends, before, rows)
        asked = interface.SourceRequests(
            tf.constant(data.log.shard_index.watched_before(users, ends).padded()),
            tf.constant(times),
            tf.constant(vectors),
        )
        nearest = stage.tower().propose(asked).videos.numpy()
        own = stage.composition.num_from_tower
        parts = [(1, nearest[:, :own])]
        for source in stage.other_sources:
            number = 1 + interface.NAMES.index(source.kind)
            parts.append((number, source.propose(asked).videos.numpy()))
        parts.append((1, nearest[:, own:]))
        for row, (source_found, shown_video) in enumerate(
            zip(found, shown.videos[rows], strict=True)
        ):
            places = {}
            for number, videos in parts:
                for video in videos[row][videos[row] > 0].tolist():
                    if len(places) < stage.composition.num_candidates:
                        places.setdefault(video, number)
            assert source_found == places.get(int(shown_video), 0)
        assert set(found.tolist()) == {0, 1, 2, 3, 4}


class TestSeedVideo(first_stage.FirstStageContract):
    name = "seed_video"

    def test_it_is_a_recent_watch(self, data: prepared.PreparedData) -> None:
        shown = data.impressions
        rows = np.flatnonzero(shown.splits != events.Split.CONTEXT)
        found = contract._at_impressions(
            self.feature(data), data, rows, self.log(data)
        )[:, 0].numpy()
        assert (found > 0).any()
        for row, seed in zip(rows[found > 0], found[found > 0], strict=True):
            start = data.watches.offsets[shown.users[row]]
            end = start + shown.num_watches[row]
            assert seed in data.watches.videos[max(start, end - 10) : end]


def test_a_source_without_a_number_of_its_own_is_unknown() -> None:
    last = len(configs.SOURCE_NAMES)
    found = first_stage_features._numbered(tf.constant([0, 1, last, last + 1]))
    assert found.numpy().tolist() == [0, 1, last, 0]
