"""A bundle of a ranker with hashed rows predicts what the ranker does."""

import pathlib

import pytest
import tensorflow as tf

from tests.bundle import conftest, test_parity
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import distilling, export
from ytdnn.retrieval import stage
from ytdnn.training import ranking

ROWS = 16


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "of_each"])
def hashed(
    request: pytest.FixtureRequest,
    run: conftest.Run,
    tmp_path_factory: pytest.TempPathFactory,
) -> conftest.Run:
    """The run with another ranker, and a first pass that is distilled from it."""
    workdir: pathlib.Path = tmp_path_factory.mktemp("hashed")
    for name in ("data", "candidates", "index"):
        (workdir / name).symlink_to(run.workdir / name)
    config = configs.changed(
        run.config,
        {
            "ranking.hashed_rows": ROWS,
            "ranking.shared_table": request.param,
            "composition.num_candidates": 10,
            "composition.first_pass": 5,
        },
    )
    first_stage = stage.load(workdir / "candidates", run.data, config.composition)
    ranking.train(config, run.data, workdir / "ranking", first_stage)
    export.export(workdir, config)
    return conftest.opened(workdir, config)


@pytest.mark.thorough
def test_served_scores_are_the_rankers(hashed: conftest.Run) -> None:
    tables = hashed.ranking.network.videos.values()
    assert {table.table.shape[0] for table in tables} == {ROWS + 1}
    served, expected = test_parity.ranker_scores(hashed)
    assert served == pytest.approx(expected, rel=1e-5)
    assert len(set(served)) > len(served) / 2


@pytest.mark.thorough
def test_a_first_pass_is_distilled_from_its_vectors(hashed: conftest.Run) -> None:
    facts = hashed.bundle.manifest.facts[distilling.FACT]
    assert facts["keep"] == 5
    assert 0.0 < facts["kept_of_best_20"] <= 1.0
    for row in test_parity.impression_rows(hashed)[:5]:
        asked = test_parity.request_of(hashed, row)
        page = test_parity.call(hashed, "recommender_exact", asked | {"k": 3})
        alone = test_parity.call(
            hashed, "ranker", asked, video_ids=tf.constant(page[schema.IDS])
        )
        assert page[schema.NUM_RESULTS][0] == 3
        assert page[schema.SCORES][0] == pytest.approx(
            alone[schema.SCORES][0], rel=1e-5
        )
