"""Gradient boosting reads what the ranker reads, and nothing from later."""

import pathlib

import numpy as np
import pytest

from experiments import lightgbm_ranker
from ytdnn import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import boosted_trees, lists, shown_scorers
from ytdnn.log import events, prepare, prepared
from ytdnn.run.pipeline import workdir

WORLD = configs.WorldConfig(
    num_users=800, num_videos=400, num_topics=4, num_days=30, watches_per_user=30
)
CONFIG = configs.Config(data=configs.DataConfig(world=WORLD))
SPLITS = (events.Split.TRAIN, events.Split.TEST)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("lightgbm")
    workdir.write_config(path, CONFIG)
    prepare.prepare(CONFIG.data, path / prepared.KIND)
    return path


@pytest.fixture(scope="module")
def parts(directory: pathlib.Path) -> list[boosted_trees.Inputs]:
    data = prepared.load(directory / prepared.KIND)
    opened = lightgbm_ranker.open_ranker(directory, data)
    shown = [shown_scorers.SplitImpressions(data.log, split) for split in SPLITS]
    return [boosted_trees.read(data, opened, one) for one in shown]


@pytest.mark.thorough
def test_every_model_lies_between_popularity_and_the_oracle(
    directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosted_trees, "_ROUNDS", 100)
    # More threads than free cores wait for each other.
    monkeypatch.setitem(boosted_trees._BOOSTING, "num_threads", 1)
    found, ahead = lightgbm_ranker.measure(directory)
    assert ahead == {}  # the run has no ranker
    assert list(found) == [
        shown_scorers.POPULARITY,
        lists.ORACLE,
        lightgbm_ranker.CLICK,
        lightgbm_ranker.WEIGHTED,
        lightgbm_ranker.TWO_MODELS,
    ]
    losses = {
        name: one[lightgbm_ranker.ALL].get(metric_names.PER_USER_LOSS)
        for name, one in found.items()
    }
    assert losses[lightgbm_ranker.CLICK] is None  # an order by clicks alone
    for name in (lightgbm_ranker.WEIGHTED, lightgbm_ranker.TWO_MODELS):
        assert losses[lists.ORACLE] < losses[name] < losses[shown_scorers.POPULARITY]
    assert lightgbm_ranker.show(found).row_count == len(found)


@pytest.mark.thorough
def test_columns_are_the_tensors_of_the_ranker(
    directory: pathlib.Path, parts: list[boosted_trees.Inputs]
) -> None:
    data = prepared.load(directory / prepared.KIND)
    test = parts[1]
    logged = np.asarray(data.impressions.videos)[test.shown.rows]
    assert np.array_equal(test.columns["impression_videos"], logged)
    assert "video_click_rate" in test.columns
    assert {len(column) for column in test.columns.values()} == {len(logged)}
