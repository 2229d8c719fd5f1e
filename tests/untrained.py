"""A run of fresh weights, exported: large enough ones, that every part decides."""

import dataclasses
import pathlib

from tensorflow.python.util import _pywrap_determinism

from tests import full_log, planted
from tests.features import first_stage
from ytdnn import artifacts, configs
from ytdnn.candidates import model as candidate_model
from ytdnn.data import prepared
from ytdnn.index import artifact as index_artifact
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as stage_room
from ytdnn.serving import bundle as bundle_room
from ytdnn.serving import export

CONFIG = dataclasses.replace(
    planted.tiny_config(),
    candidates=first_stage.CONFIG,
    index=configs.Index(search=configs.Exact()),
    composition=dataclasses.replace(
        first_stage.PLACES, blend_weight=0.3, max_per_channel=2
    ),
    evaluation=configs.Evaluation(candidate_set="all"),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """The run, of the log with every table."""

    workdir: pathlib.Path
    data: prepared.PreparedData
    stage: stage_room.Stage
    ranker: ranking_model.RankingModel
    bundle: bundle_room.Bundle


def make(workdir: pathlib.Path, config: configs.Config = CONFIG) -> Run:
    """Prepares the log, makes both stages and the index, exports."""
    data = full_log.prepared_data(workdir, full_log.tables())
    inputs = {"data": data.manifest.fingerprint}
    values = configs.to_dict(config)
    made = first_stage.make(data)
    path = workdir / "candidates"
    with artifacts.publish(path, "candidates", values, inputs) as partial:
        candidate_model.save(made.candidates, partial)
    stage = stage_room.load(path, data, config.composition)
    assert stage.manifest is not None
    inputs |= {"candidates": stage.manifest.fingerprint}
    index_artifact.build(workdir / "index", stage.video_vectors, config.index, inputs)
    ranking = dataclasses.replace(
        config.ranking,
        features=configs.Features(add=("candidate_source", "seed_video")),
    )
    ranker = ranking_model.build(ranking, data, stage)
    values["ranking"] = configs.to_dict(ranking)
    path = workdir / "ranking"
    with artifacts.publish(path, "ranking", values, inputs) as partial:
        ranking_model.save(ranker, partial)
    loaded = ranking_model.load(path, data, stage)
    bundle = bundle_room.load(export.export(workdir, config))
    return Run(workdir, data, stage, loaded, bundle)


def serve_only() -> None:
    """Makes this process one that only serves: a training before it shows no more.

    TensorFlow's determinism stays on once a training has asked for it, and refuses the
    clock that `candidates` and `explain` read.
    """
    _pywrap_determinism.enable(False)
