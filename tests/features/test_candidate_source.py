import numpy as np
import pytest
import tensorflow as tf

from tests.features import contract, first_stage
from ytdnn import configs
from ytdnn.features import candidate_source
from ytdnn.log import events, prepared
from ytdnn.retrieval import interface
from ytdnn.retrieval import stage as stage_room


@pytest.fixture(scope="module")
def stage(data: prepared.PreparedData) -> stage_room.FirstStage:
    return first_stage.make(data)


class TestCandidateSource(first_stage.FirstStageContract):
    name = "candidate_source"

    def test_it_is_the_first_source_that_would_have_proposed_the_video(
        self, data: prepared.PreparedData, stage: stage_room.FirstStage
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
    found = candidate_source._numbered(tf.constant([0, 1, last, last + 1]))
    assert found.numpy().tolist() == [0, 1, last, 0]
