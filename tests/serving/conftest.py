import dataclasses
import pathlib

import pytest

from tests import planted, untrained
from ytdnn import artifacts, configs
from ytdnn.candidates import model as candidate_model
from ytdnn.data import prepare, prepared
from ytdnn.index import artifact
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage
from ytdnn.serving import bundle, export
from ytdnn.training import candidates, ranking


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained and exported run."""

    workdir: pathlib.Path
    config: configs.Config
    data: prepared.PreparedData
    bundle: bundle.Bundle

    @property
    def candidates(self) -> candidate_model.Joined:
        return candidate_model.load(self.workdir / "candidates", self.data)

    @property
    def ranking(self) -> ranking_model.RankingModel:
        first_stage = stage.load(self.workdir / "candidates", self.data)
        return ranking_model.load(self.workdir / "ranking", self.data, first_stage)


def make_run(
    workdir: pathlib.Path,
    data: prepared.PreparedData,
    ensemble_size: int = 1,
    content: bool = False,
) -> Run:
    config = planted.tiny_config()
    settings = dataclasses.replace(
        config.candidates,
        ensemble_size=ensemble_size,
        content=configs.Content(enabled=content, popularity_by_age=False),
    )
    config = dataclasses.replace(config, candidates=settings)
    candidates.train(config, data, workdir / "candidates")
    model = candidate_model.load(workdir / "candidates", data)
    made_from = {
        "data": data.manifest.fingerprint,
        "candidates": artifacts.read_manifest(
            workdir / "candidates", "candidates"
        ).fingerprint,
    }
    artifact.build(workdir / "index", model.video_vectors(), config.index, made_from)
    if data.has_impressions:
        first_stage = stage.load(workdir / "candidates", data)
        ranking.train(config, data, workdir / "ranking", first_stage)
    path = export.export(workdir, config)
    return Run(workdir, config, data, bundle.load(path))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with every feature and text ids."""
    workdir = tmp_path_factory.mktemp("run")
    return make_run(workdir, planted.prepared_data(workdir))


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of watches alone with integer ids: no ranker, no titles, two networks."""
    workdir = tmp_path_factory.mktemp("plain_run")
    log = planted.write_log(workdir / "log", integer_ids=True)
    for table in ("impressions", "videos", "users"):
        (log / f"{table}.parquet").unlink()
    config = configs.Data(source="log", dir=str(log))
    return make_run(workdir, prepare.prepare(config, workdir / "data"), ensemble_size=2)


@pytest.fixture(scope="session")
def content_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose candidates have a content side."""
    workdir = tmp_path_factory.mktemp("content_run")
    return make_run(workdir, planted.prepared_data(workdir), content=True)


@pytest.fixture(autouse=True)
def serving_process() -> None:
    """Undoes what a training in this process left on."""
    untrained.serve_only()
