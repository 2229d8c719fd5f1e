"""Gradient boosting reads what the ranker reads, and nothing from later."""

import pathlib

import numpy as np
import pytest

from experiments import lightgbm_ranker
from ytdnn import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import lists, ranker
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
def parts(directory: pathlib.Path) -> list[lightgbm_ranker.Part]:
    data = prepared.load(directory / prepared.KIND)
    opened = lightgbm_ranker.open_ranker(directory, data)
    return [
        lightgbm_ranker.read(data, opened.open_log(data, split is not SPLITS[0]), split)
        for split in SPLITS
    ]


@pytest.mark.thorough
def test_every_model_lies_between_popularity_and_the_oracle(
    directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightgbm_ranker, "_ROUNDS", 100)
    # More threads than free cores wait for each other.
    monkeypatch.setitem(lightgbm_ranker._BOOSTING, "num_threads", 1)
    found, ahead = lightgbm_ranker.measure(directory)
    assert ahead == {}  # the run has no ranker
    assert list(found) == [
        ranker.POPULARITY,
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
        assert losses[lists.ORACLE] < losses[name] < losses[ranker.POPULARITY]
    assert lightgbm_ranker.show(found).row_count == len(found)


@pytest.mark.thorough
def test_columns_are_the_tensors_of_the_ranker(
    directory: pathlib.Path, parts: list[lightgbm_ranker.Part]
) -> None:
    data = prepared.load(directory / prepared.KIND)
    test = parts[1]
    logged = np.asarray(data.impressions.videos)[test.shown.rows]
    assert np.array_equal(test.columns["impression_videos"], logged)
    assert "video_click_rate" in test.columns
    assert {len(column) for column in test.columns.values()} == {len(logged)}


def test_an_index_of_many_values_is_told_by_earlier_training_impressions(
    parts: list[lightgbm_ranker.Part],
) -> None:
    training, test = parts
    encoding = lightgbm_ranker.Encoding(training)
    name = "impression_videos"
    videos, times = training.columns[name], training.times
    clicked = training.shown.clicked
    watched = np.where(clicked, training.shown.weights, 0.0)
    smoothing = 20.0
    for part in parts:
        matrix = encoding.matrix(part)
        for row in (0, len(part.times) // 2, len(part.times) - 1):
            before = (videos == part.columns[name][row]) & (times < part.times[row])
            expected = [
                (values[before].sum() + smoothing * values.mean())
                / (before.sum() + smoothing)
                for values in (clicked, watched)
            ]
            at = [
                column
                for column in range(matrix.shape[1] - 1)
                if np.allclose(matrix[row, column : column + 2], expected, rtol=1e-5)
            ]
            assert at, (row, expected)
    assert test.times.min() > times.max()


def test_weights_of_clicks_teach_seconds_over_impressions_without_a_click() -> None:
    """Odds are Σ seconds / number of unclicked: 1 click of 30 s to 3 without is 10."""
    matrix = np.zeros((4_000, 1), np.float32)
    clicked = np.tile([1.0, 0.0, 0.0, 0.0], 1_000)
    weights = np.where(clicked > 0.0, 30.0, 1.0)
    matrices = lightgbm_ranker.Matrices(matrix, matrix, matrix[:1], [])
    target = lightgbm_ranker.Target("binary", (clicked,) * 2, (weights,) * 2)
    logit = lightgbm_ranker.boosted(matrices, target)[0]
    assert np.exp(logit) == pytest.approx(10.0, rel=0.01)
