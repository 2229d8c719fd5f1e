"""The contract of features that the first stage says."""

import pytest
import tensorflow as tf

from tests.features import contract
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import graphs
from ytdnn.candidates import model as candidate_model
from ytdnn.log import io_fields, log_tensors, lookups, prepared, raw_request
from ytdnn.retrieval import trained_stage

CONFIG = configs.CandidatesConfig(
    content=configs.ContentConfig(enabled=False),
    embedding_dim=8,
    history_length=10,
    tower=(16,),
)
PLACES = configs.CompositionConfig(
    num_candidates=12,
    sources=(("co_watch", 0.34), ("fresh_uploads", 0.25), ("popular", 0.17)),
)


def make(data: prepared.PreparedData) -> trained_stage.FirstStage:
    """Returns a first stage of fresh weights, which read every feature all the same."""
    tf.keras.utils.set_random_seed(0)
    model = candidate_model.build(CONFIG, data)
    model.videos.table.assign(tf.random.normal(model.videos.table.shape))
    model.bias.assign(tf.random.normal(model.bias.shape))
    return trained_stage.FirstStage(model, data, PLACES)


class FirstStageContract(contract.FeatureContract):
    """Subclass, and name the feature."""

    @pytest.fixture(autouse=True)
    def _of_stage(
        self, data: prepared.PreparedData, stage: trained_stage.FirstStage
    ) -> None:
        self.stage = stage
        videos = lookups.VideoIds(data.catalogue)
        self.tower = graphs.UserTowerGraph(data, videos, stage.candidates)
        self.scores, self.pool = stage.scores(), stage.pool()

    def log(self, data: prepared.PreparedData) -> log_tensors.LogTensors:
        return log_tensors.LogTensors(data, self.stage.open_log(data))

    def fields(self, data: prepared.PreparedData) -> io_fields.Fields:
        own = self.stage.fields(data.catalogue, with_sources=True)
        return io_fields.union((io_fields.watched(data.catalogue),), own)

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
        found = self.pool(graphs.FilterReader().source_requests(asked, vectors))
        of_videos = found.sources_of(asked.video_indices)
        asked.candidate_sources, asked.seed_videos = of_videos
        return asked

    def parts(self) -> list[tf.Module]:
        return [self.tower, self.scores, self.pool]
