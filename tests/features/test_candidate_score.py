import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from tests.features import contract
from ytdnn import configs, errors, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.data import fields, lookups, positions, prepared
from ytdnn.data import request as raw_request
from ytdnn.features import interface, registry
from ytdnn.retrieval import stage as stage_room
from ytdnn.serving import graphs

CONFIG = configs.Candidates(embedding_dim=8, history_length=10, tower=(16,))


@pytest.fixture(scope="module")
def stage(data: prepared.PreparedData) -> stage_room.Stage:
    """A first stage of fresh weights, which read every feature all the same."""
    tf.keras.utils.set_random_seed(0)
    model = candidate_model.build(CONFIG, data)
    model.videos.table.assign(tf.random.normal(model.videos.table.shape))
    model.bias.assign(tf.random.normal(model.bias.shape))
    return stage_room.Stage(model)


class TestCandidateScore(contract.FeatureContract):
    name = "candidate_score"

    @pytest.fixture(autouse=True)
    def _of_stage(self, data: prepared.PreparedData, stage: stage_room.Stage) -> None:
        self.stage = stage
        videos = lookups.VideoIds(data)
        self.tower = graphs.UserTower(data, videos, stage.candidates)
        self.scores = stage.open_request()

    def log(self, data: prepared.PreparedData) -> positions.LogTensors:
        return positions.LogTensors(data, self.stage.open_log(data))

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        return fields.union((fields.watched(data),), self.stage.fields(data))

    def request(
        self,
        data: prepared.PreparedData,
        raw: dict[str, tf.Tensor],
        videos: lookups.VideoIds,
        ids: tf.Tensor,
    ) -> raw_request.Request:
        asked = raw_request.Request(raw, videos, ids)
        vectors = self.tower.call(**raw)[schema.USER_VECTOR]
        asked.candidate_scores = self.scores(vectors, asked.video_indices)
        return asked

    def test_saved_and_loaded_it_gives_the_same(
        self, data: prepared.PreparedData, tmp_path: pathlib.Path
    ) -> None:
        """See tests/serving/test_parity.py: the graph around it is the bundle's."""

    def test_it_is_the_product_of_both_vectors(
        self, data: prepared.PreparedData, stage: stage_room.Stage
    ) -> None:
        shown = data.impressions
        rows = np.flatnonzero(shown.splits != prepared.Split.CONTEXT)
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
            data.searches.num_before(users, shown.times[rows]),
            rows,
        )
        products = vectors @ model.video_vectors().T
        expected = products[np.flatnonzero(known), shown.videos[rows][known] - 1]
        np.testing.assert_allclose(found[known], expected, rtol=1e-4, atol=1e-5)
        assert len(np.unique(found)) > len(rows) / 2


@pytest.mark.parametrize("protocol", ["leave_one_out", "split"])
def test_in_sample_there_is_none(tmp_path: pathlib.Path, protocol: str) -> None:
    log = full_log.tables()
    if protocol == "split":
        places = np.arange(log["watches"].height) * 3 // log["watches"].height
        names = np.array(["train", "validation", "test"])[places]
        log["watches"] = log["watches"].with_columns(split=names)
    data = full_log.prepared_data(tmp_path, log, protocol=protocol)
    chosen = registry.choose(interface.RANKING, data, configs.Features())
    assert "candidate_score" not in [feature.name for feature in chosen]
    with pytest.raises(errors.UserError, match="has seen what was clicked") as refusal:
        registry.choose(
            interface.RANKING, data, configs.Features(add=("candidate_score",))
        )
    assert f"data.protocol={protocol}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
