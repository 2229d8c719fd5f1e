import dataclasses
import pathlib

import pytest

from tests import frozen_counters, planted, untrained
from tests.conftest import MadeOnce
from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.bundle import bundle, export
from ytdnn.candidates import model as candidate_model
from ytdnn.log import prepare, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.retrieval.index import artifact
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
        first_stage = trained_stage.load(self.workdir / "candidates", self.data)
        return ranking_model.load(self.workdir / "ranking", self.data, first_stage)


def config_of(ensemble_size: int = 1, content: bool = False) -> configs.Config:
    config = planted.tiny_config(ranking_epochs=2)
    settings = dataclasses.replace(
        config.candidates,
        ensemble_size=ensemble_size,
        content=configs.ContentConfig(enabled=content, popularity_by_age=False),
    )
    return dataclasses.replace(config, candidates=settings)


def make_run(
    workdir: pathlib.Path, data: prepared.PreparedData, config: configs.Config
) -> None:
    candidates.train(config, data, workdir / "candidates")
    model = candidate_model.load(workdir / "candidates", data)
    made_from = {
        "data": data.manifest.fingerprint,
        "candidates": artifacts.read_manifest(
            workdir / "candidates", "candidates"
        ).fingerprint,
    }
    artifact.build(workdir / "index", model.video_vectors(), config.index, made_from)
    if data.log.has_impressions:
        first_stage = trained_stage.load(workdir / "candidates", data)
        ranking.train(config, data, workdir / "ranking", first_stage)
    export.export(workdir, config)


def opened(workdir: pathlib.Path, config: configs.Config) -> Run:
    data = prepared.load(workdir / "data")
    return Run(workdir, config, data, bundle.load(workdir / "bundle"))


def make_plain_run(workdir: pathlib.Path) -> None:
    log = planted.write_log(workdir / "log", integer_ids=True)
    for table in ("impressions", "videos", "users"):
        (log / f"{table}.parquet").unlink()
    config = configs.DataConfig(source="log", dir=str(log))
    make_run(workdir, prepare.prepare(config, workdir / "data"), PLAIN)


PLAIN, CONTENT = config_of(ensemble_size=2), config_of(content=True)


@pytest.fixture(scope="session")
def run(made_once: MadeOnce) -> Run:
    """A run with every feature and text ids."""
    return opened(made_once("notebook", planted.make_run) / "run", planted.RUN_CONFIG)


@pytest.fixture(scope="session")
def plain_run(made_once: MadeOnce) -> Run:
    """A run of watches alone with integer ids: no ranker, no titles, two networks."""
    return opened(made_once("plain_run", make_plain_run), PLAIN)


@pytest.fixture(scope="session")
def content_run(made_once: MadeOnce) -> Run:
    """A run whose candidates have a content side."""
    workdir = made_once(
        "content_run", lambda at: make_run(at, planted.prepared_data(at), CONTENT)
    )
    return opened(workdir, CONTENT)


@pytest.fixture(autouse=True)
def serving_process() -> None:
    """Undoes what a training in this process left on."""
    untrained.serve_only()


@pytest.fixture(autouse=True)
def counters_of_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares bundles with models that read the same counters."""
    frozen_counters.freeze(monkeypatch)
