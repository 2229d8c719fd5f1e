"""A run of fresh weights, exported: large enough ones, that every part decides."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
from tensorflow.python.util import _pywrap_determinism

from tests import full_log, planted
from tests.features import first_stage
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.bundle import bundle as bundle_room
from ytdnn.bundle import export, requests, user_requests
from ytdnn.candidates import model
from ytdnn.log import events, prepared
from ytdnn.ranking import building
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.retrieval.index import artifact as index_artifact

CONFIG = dataclasses.replace(
    planted.tiny_config(),
    candidates=first_stage.CONFIG,
    index=configs.IndexConfig(search=configs.ExactConfig()),
    composition=dataclasses.replace(
        first_stage.PLACES,
        max_per_channel=2,
        policies='{"short": [{"column": "duration_seconds", "at_most": 300}]}',
    ),
    evaluation=configs.EvaluationConfig(),
)
SMALL = dataclasses.replace(CONFIG, composition=planted.tiny_config().composition)
SMALL_LOG = {
    "watches": ["user_id", "video_id", "time"],
    "impressions": ["user_id", "video_id", "time", "clicked", "watch_seconds"],
    "videos": ["video_id", "title"],
}


@dataclasses.dataclass(frozen=True)
class Run:
    """The run, of the log with every table."""

    workdir: pathlib.Path
    data: prepared.PreparedData
    stage: trained_stage.FirstStage
    ranker: ranking_model.RankingModel
    bundle: bundle_room.Bundle


def make(workdir: pathlib.Path) -> None:
    """Prepares the log, makes both stages and the index, exports."""
    added = configs.FeaturesConfig(add=("candidate_source", "seed_video"))
    ranking = dataclasses.replace(CONFIG.ranking, features=added)
    _make(workdir, full_log.tables(), dataclasses.replace(CONFIG, ranking=ranking))


def make_small(workdir: pathlib.Path) -> None:
    """Makes one of few columns and no other sources, which is quickly loaded."""
    every = full_log.tables()
    log = {table: every[table].select(names) for table, names in SMALL_LOG.items()}
    _make(workdir, log, SMALL)


def make_of(
    workdir: pathlib.Path,
    log: dict[str, pl.DataFrame],
    config: configs.Config,
    outcomes: tuple[str, ...],
) -> None:
    """Makes one of a log with outcomes of its own."""
    _make(workdir, log, config, outcomes)


def _make(
    workdir: pathlib.Path,
    log: dict[str, pl.DataFrame],
    config: configs.Config,
    outcomes: tuple[str, ...] = (),
) -> None:
    data = full_log.prepared_data(workdir, log, outcomes=outcomes)
    inputs = {"data": data.manifest.fingerprint}
    values = configs.to_dict(config)
    made = first_stage.make(data)
    path = workdir / "candidates"
    with artifacts.publish(path, "candidates", values, inputs) as partial:
        model.save(made.candidates, partial)
    stage = trained_stage.load(path, data, config.composition)
    assert stage.manifest is not None
    inputs |= {"candidates": stage.manifest.fingerprint}
    index_artifact.build(
        workdir / "index", stage.candidates.video_vectors(), config.index, inputs
    )
    ranker = building.build(config.ranking, data, stage)
    path = workdir / "ranking"
    with artifacts.publish(path, "ranking", values, inputs) as partial:
        ranking_model.save(ranker, partial)
    export.export(workdir, config)


def opened(workdir: pathlib.Path, config: configs.Config = CONFIG) -> Run:
    """Returns a run that was made."""
    data = prepared.load(workdir / "data")
    stage = trained_stage.load(workdir / "candidates", data, config.composition)
    ranker = ranking_model.load(workdir / "ranking", data, stage)
    return Run(workdir, data, stage, ranker, bundle_room.load(workdir / "bundle"))


def assert_served_as_trained(run: Run) -> None:
    """Checks that the exported ranker scores test users as the trained one."""
    data = run.data
    users, ends = data.windows.first_watches(events.Split.TEST)
    times = np.full(len(users), data.manifest.facts["windows"]["test"])
    videos = np.random.default_rng(0).integers(1, data.num_videos + 1, (len(users), 5))
    expected = np.exp(run.ranker.score_candidates(data, users, ends, times, videos))
    ids = [None, *data.videos[schema.VIDEO_ID].to_list()]
    fields = run.bundle.inputs("ranker")
    for row, (user, end) in enumerate(zip(users.tolist(), ends.tolist(), strict=True)):
        asked = user_requests.at_position(data, user, end, int(times[row]))
        asked[schema.VIDEO_IDS] = [ids[video] for video in videos[row]]
        known = {name: value for name, value in asked.items() if name in fields}
        found = run.bundle.run("ranker", requests.parse(known, fields))
        np.testing.assert_allclose(found[schema.SCORES][0], expected[row], rtol=1e-4)


def serve_only() -> None:
    """Makes this process one that only serves: a training before it shows no more.

    TensorFlow's determinism stays on once a training has asked for it, and refuses the
    clock that `candidates` and `explain` read.
    """
    _pywrap_determinism.enable(False)
