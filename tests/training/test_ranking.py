import dataclasses
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import changed_log, planted
from tests.training import kills
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.base.metrics import binary, per_user_loss
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import building, heads
from ytdnn.ranking import model as ranking_model
from ytdnn.training import impression_batches, ranking

RankingModel = ranking_model.RankingModel
Path = pathlib.Path

PreparedData = prepared.PreparedData

BRIEF = "ranking_of_an_epoch"


@pytest.fixture(scope="module")
def trained(data: PreparedData) -> RankingModel:
    directory = data.directory.with_name("ranking")
    ranking.train(planted.tiny_config(), data, directory)
    return ranking_model.load(directory, data)


@pytest.fixture(scope="module")
def briefly_trained(data: PreparedData) -> RankingModel:
    directory = data.directory.with_name(BRIEF)
    ranking.train(planted.tiny_config(ranking_epochs=1), data, directory)
    return ranking_model.load(directory, data)


@pytest.mark.thorough
def test_learns_the_planted_tastes(data: PreparedData, trained: RankingModel) -> None:
    rows = np.flatnonzero(data.impressions.splits == events.Split.TEST)
    order = trained.predictions(data, rows).order
    clicked = data.impressions.clicked[rows]
    assert binary.auc(clicked, order) > 0.8
    loss = per_user_loss.weighted_per_user_loss(
        data.impressions.pages[rows], clicked, order, data.impressions.seconds[rows]
    )
    assert loss < 0.2


@pytest.mark.thorough
def test_serves_expected_watch_seconds(data: PreparedData, tmp_path: Path) -> None:
    """Seconds are E[T], so their sum is what was watched, in any part.

    Of two networks together, with the paper's inputs: one of a few hundred steps is
    off by its noise, and more inputs need more steps.
    """
    config = planted.tiny_config()
    of_paper = configs.QuantilesConfig(num_pieces=0)
    pair = []
    for seed in (0, 1):
        ranker = dataclasses.replace(config.ranking, normalization=of_paper)
        one = dataclasses.replace(config, ranking=ranker, seed=seed)
        ranking.train(one, data, tmp_path / f"ranking-{seed}")
        pair.append(ranking_model.load(tmp_path / f"ranking-{seed}", data))
    rows = np.flatnonzero(data.impressions.splits == events.Split.TEST)
    both = [model.predictions(data, rows).seconds for model in pair]
    seconds = np.mean(both, axis=0, dtype=float)
    liked = seconds > np.median(seconds)
    for part in (liked, ~liked):
        watched = data.impressions.seconds[rows][part].sum()
        assert seconds[part].sum() == pytest.approx(watched, rel=0.3)


def test_the_loss_is_that_of_the_head_over_the_batch(data: PreparedData) -> None:
    config = planted.tiny_config()
    settings = dataclasses.replace(config.ranking, dropout=0.0)
    config = dataclasses.replace(config, ranking=settings)
    fresh = building.build(settings, data)
    stage = ranking.make_stage(config, data, fresh)
    batch = next(iter(next(iter(stage.batches(0, 0)))))
    labels = heads.Labels(
        clicked=batch[schema.LABELS],
        seconds=batch[schema.WATCHED_SECONDS],
        durations=batch[schema.DURATIONS],
    )
    of_each = fresh.head.losses(fresh.network(batch), labels) * batch[schema.WEIGHTS]
    total, number = stage.loss(batch, tf.constant([1, 2]))
    assert float(total) == pytest.approx(float(tf.reduce_sum(of_each)), rel=1e-5)
    assert float(number) == config.ranking.training.batch_size


def test_candidates_score_like_impressions(
    data: PreparedData, briefly_trained: RankingModel
) -> None:
    rows = np.flatnonzero(data.impressions.splits == events.Split.TEST)
    rows = rows[data.impressions.videos[rows] > 0]
    users = data.impressions.users[rows]
    by_impression = briefly_trained.predictions(data, rows).order
    by_candidate = briefly_trained.score_candidates(
        data,
        users,
        data.watches.offsets[users] + data.impressions.num_watches[rows],
        data.impressions.times[rows],
        data.impressions.videos[rows][:, np.newaxis],
    )[:, 0]
    assert by_candidate == pytest.approx(by_impression, abs=1e-5)


def test_the_order_is_that_of_the_seconds_predicted(
    data: PreparedData, briefly_trained: RankingModel
) -> None:
    found = briefly_trained.predictions(data, np.arange(50))
    assert found.seconds == pytest.approx(np.exp(found.order), rel=1e-5)
    assert found.click_probability is not None
    assert (found.click_probability > 0.0).all()
    assert (found.click_probability < 1.0).all()


def test_facts_tell_the_validation(
    data: PreparedData, briefly_trained: RankingModel
) -> None:
    manifest = data.directory.with_name(BRIEF) / "manifest.json"
    text = manifest.read_text()
    for name in ("auc", "mean_loss", "weighted_per_user_loss"):
        assert f'"{name}"' in text


def test_another_data_set_is_refused(
    briefly_trained: RankingModel, data: PreparedData, tmp_path: Path
) -> None:
    other = planted.prepared_data(tmp_path, seed=1)
    with pytest.raises(errors.UserError, match="was made from data"):
        ranking_model.load(data.directory.with_name(BRIEF), other)


def make_batches(data: PreparedData, size: int) -> impression_batches.ImpressionBatches:
    rows = building.rows_of(data.log, events.Split.TRAIN)
    model = building.build(planted.tiny_config().ranking, data)
    log = model.open_log(data, serving=False)
    return impression_batches.ImpressionBatches(log, tf.constant(rows), size, seed=3)


def test_an_epoch_has_every_impression_once(data: PreparedData) -> None:
    batches = make_batches(data, size=100)
    rows = batches.rows.numpy()
    assert len(rows) % 100  # the last batch is filled up
    steps = list(batches(0, 0))
    assert len(steps) == batches.steps_per_epoch
    names = schema.IMPRESSION_VIDEOS, schema.LABELS, schema.WATCHED_SECONDS
    weights, *columns = (
        np.concatenate([batch[name].numpy().ravel() for batch in steps])
        for name in (schema.WEIGHTS, *names)
    )
    assert set(weights.tolist()) == {0.0, 1.0}
    shown = data.impressions
    expected = [shown.videos[rows], shown.clicked[rows], shown.seconds[rows]]
    assert sorted(zip(*(c[weights > 0.0].tolist() for c in columns), strict=True)) == (
        sorted(zip(*(c.tolist() for c in expected), strict=True))
    )


def test_batches_are_a_function_of_seed_epoch_and_step(data: PreparedData) -> None:
    def videos(epoch: int, first: int) -> list:
        batches = make_batches(data, size=100)(epoch, first)
        return [b[schema.IMPRESSION_VIDEOS].numpy().ravel().tolist() for b in batches]

    assert videos(1, 5) == videos(1, 0)[5:]
    assert videos(1, 0) != videos(2, 0)
    # Shuffled, not in the order of the log.
    log_order = data.impressions.videos[make_batches(data, 100).rows.numpy()[:100]]
    assert videos(1, 0)[0] != log_order.tolist()


def test_without_watch_times_it_is_a_model_of_the_click(data: PreparedData) -> None:
    shown = dataclasses.replace(data.impressions, seconds=None)
    alike = changed_log.with_tables(data, impressions=shown)
    model = building.build(planted.tiny_config().ranking, alike)
    rows = building.rows_of(alike.log, events.Split.TRAIN)
    clicked = alike.impressions.clicked[rows]
    expected = np.log((clicked.sum() + 1) / ((~clicked).sum() + 1))
    assert model.head.biases == pytest.approx((expected,))
    assert not model.measured.clicks.have_watch_time
    assert model.predictions(alike, rows[:5]).seconds is None


def test_a_log_without_impressions_is_a_users_mistake(tmp_path: Path) -> None:
    log = planted.write_log(tmp_path / "log")
    (log / "impressions.parquet").unlink()
    data = prepare.prepare(
        configs.DataConfig(source="log", dir=str(log)), tmp_path / "data"
    )
    with pytest.raises(errors.UserError, match="a table impressions"):
        ranking.train(planted.tiny_config(), data, tmp_path / "ranking")
    assert not (tmp_path / "ranking").exists()


@pytest.mark.thorough
def test_a_resumed_training_ends_like_an_undisturbed_one(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = planted.tiny_config()
    short = configs.TrainingConfig(epochs=2, batch_size=256)
    monkeypatch.setattr(configs.TrainingConfig, "checkpoint_every_steps", 2)
    config = configs.Config(
        ranking=configs.RankingConfig(
            embedding_dim=4, history_length=4, tower=(8,), dropout=0.2, training=short
        ),
        seed=base.seed,
    )
    ranking.train(config, data, tmp_path / "whole")
    with monkeypatch.context() as patch:
        kills.kill_once_after(patch, 5)
        with pytest.raises(kills.KilledError):
            ranking.train(config, data, tmp_path / "broken")
    ranking.train(config, data, tmp_path / "broken")
    rows = building.rows_of(data.log, events.Split.VALIDATION)
    scores = [
        ranking_model.load(tmp_path / name, data).predictions(data, rows).order
        for name in ("whole", "broken")
    ]
    assert np.array_equal(scores[0], scores[1])
    shutil.rmtree(tmp_path)


TWO_DEVICES = """
import pathlib, sys
import ytdnn
import tensorflow as tf
from tests import planted
from ytdnn import configs
from ytdnn.log import prepared
from ytdnn.training import ranking

cpu = tf.config.list_physical_devices("CPU")[0]
device = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [device] * 2)
training = configs.TrainingConfig(epochs=1, batch_size=128)
configs.TrainingConfig.checkpoint_every_steps = 1
config = configs.Config(
    ranking=configs.RankingConfig(embedding_dim=4, tower=(8,), training=training),
    strategy=sys.argv[3],
)
data, target = (Path(argument) for argument in sys.argv[1:3])
ranking.train(config, prepared.load(data), target)
"""


@pytest.mark.slow
def test_one_and_two_replicas_train_one_model(
    data: PreparedData, tmp_path: Path, repository: Path
) -> None:
    rows = building.rows_of(data.log, events.Split.VALIDATION)
    scores = []
    for strategy in ("none", "mirrored"):
        directory = tmp_path / strategy
        arguments = [str(data.directory), str(directory), strategy]
        subprocess.run(
            [sys.executable, "-c", TWO_DEVICES, *arguments], cwd=repository, check=True
        )
        scores.append(ranking_model.load(directory, data).predictions(data, rows).order)
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
