"""The ranker's examples of one shard or many, one window or many."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from tests.features import first_stage
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.features import co_watch_vectors
from ytdnn.log import batch_streams, prepared
from ytdnn.ops.cluster import strategies
from ytdnn.ranking import building
from ytdnn.training import device_strategy, impression_batches, loop, ranking

_SHARDED = 800  # events a shard
_WINDOW = 1_700  # events a window: two shards


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return full_log.prepared_data(tmp_path_factory.mktemp("whole"), full_log.tables())


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    data = full_log.prepared_data(
        tmp_path_factory.mktemp("sharded"),
        full_log.tables(),
        events_per_shard=_SHARDED,
    )
    assert len(data.log.shards) > 3
    return data


@pytest.fixture(scope="module")
def stage(whole):
    return first_stage.make(whole)


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch):
    monkeypatch.setattr(configs.RankingConfig, "window_events", _WINDOW)


def _config():
    ranking_config = configs.RankingConfig(
        embedding_dim=4,
        history_length=8,
        tower=(8,),
        training=configs.TrainingConfig(batch_size=32, epochs=2),
    )
    return configs.Config(ranking=ranking_config)


def _stream(data, stage):
    config = _config()
    return ranking.make_batches(
        config, data, building.build(config.ranking, data, stage)
    )


def _batches(stream, epoch, first_step=0):
    found = stream(epoch, first_step)
    return [batch for dataset in found for batch in dataset.as_numpy_iterator()]


def _examples(batches):
    """Returns every example with all that is read of it, sorted.

    But for products of vectors, which are rounded otherwise in other batches.
    """
    names = sorted(
        name
        for name in set(batches[0]) - {schema.WEIGHTS}
        if not name.startswith("co_watch.")
    )
    weights = np.concatenate([batch[schema.WEIGHTS][:, 0] for batch in batches])
    columns = [
        np.concatenate([batch[name].reshape(len(batch[name]), -1) for batch in batches])
        for name in names
    ]
    rows = np.concatenate([c.astype(np.float64) for c in columns], axis=1)
    assert set(weights.tolist()) <= {0.0, 1.0}
    return sorted(map(tuple, rows[weights > 0.0].tolist()))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "window_events", [pytest.param(1, marks=pytest.mark.thorough), 10**6]
)
def test_any_shards_and_windows_give_the_same_examples(
    whole, sharded, stage, window_events, monkeypatch
):
    expected = _stream(whole, stage)
    monkeypatch.setattr(configs.RankingConfig, "window_events", window_events)
    found = _stream(sharded, stage)
    examples = _examples(_batches(expected, 1))
    assert examples == _examples(_batches(found, 1))
    assert len(examples) > 100


def test_what_is_measured_of_windows_is_that_of_the_whole(
    whole, sharded, stage, monkeypatch
):
    one = building.build(_config().ranking, whole, stage).measured
    monkeypatch.setattr(configs.RankingConfig, "window_events", 1)
    many = building.build(_config().ranking, sharded, stage).measured
    assert one.features.keys() == many.features.keys()
    for name, feature in one.features.items():
        if name.startswith("co_watch."):  # rounded otherwise
            quantiles = feature.quantiles, many.features[name].quantiles
            np.testing.assert_allclose(*quantiles, atol=1e-3)
        else:
            assert feature == many.features[name]
    flat = [np.hstack(list(_flat(each.clicks))) for each in (one, many)]
    np.testing.assert_allclose(*flat, rtol=1e-12)


def _flat(values):
    """Yields the numbers of nested tuples, or of a dataclass of them."""
    if dataclasses.is_dataclass(values):
        values = dataclasses.astuple(values)
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


@pytest.mark.thorough
def test_an_epoch_can_be_entered_at_any_step(sharded, stage):
    stream = _stream(sharded, stage)
    every = _batches(stream, 1)
    assert len(every) == stream.steps_per_epoch
    for step in (1, len(every) - 1):
        entered = _batches(stream, 1, step)
        assert len(entered) == len(every) - step
        for one, other in zip(entered, every[step:], strict=True):
            for name, values in other.items():
                np.testing.assert_array_equal(one[name], values, name)


@pytest.mark.thorough
def test_readers_have_all_examples_between_them(sharded, stage):
    stream = _stream(sharded, stage)
    parts = [
        _batches(stream.part(strategies.Portion(reader, 2)), 1) for reader in range(2)
    ]
    assert len(parts[0]) == len(parts[1])
    assert _examples(parts[0] + parts[1]) == _examples(_batches(stream, 1))


@pytest.mark.thorough
def test_nothing_joins_all_shards_where_the_ranker_is_trained(
    sharded, stage, monkeypatch
):
    monkeypatch.setattr(configs.RankingConfig, "window_events", 1)
    config, data = _config(), prepared.load(sharded.directory)
    built = building.build(config.ranking, data, stage)
    of_loop = ranking.make_stage(config, data, built)
    trainer = loop.Trainer(
        of_loop, config.ranking.training, 0, device_strategy.make("none")
    )
    for step, batch in enumerate(_batches(of_loop.batches, 0)[:2]):
        trainer._step(batch, np.int64(step))  # op by op: tracing takes longer
    assert np.isfinite(of_loop.validate()["mean_loss"])
    assert "shard" not in vars(data)


@pytest.mark.thorough
def test_validation_of_windows_is_that_of_the_whole(whole, sharded, stage, monkeypatch):
    # Sums of other shards are rounded otherwise.
    vectors = co_watch_vectors.vectors(whole, 16)
    monkeypatch.setattr(co_watch_vectors, "vectors", lambda data, dim: vectors)
    values = []
    for given, window_events in ((whole, _WINDOW), (sharded, 1)):
        config, data = _config(), prepared.load(given.directory)
        monkeypatch.setattr(configs.RankingConfig, "window_events", window_events)
        tf.keras.utils.set_random_seed(3)
        built = building.build(config.ranking, data, stage)
        values.append(ranking.make_stage(config, data, built).validate())
    assert {"mean_loss", "auc"} <= set(values[0])
    assert set(values[0]) == set(values[1])
    for name, value in values[0].items():
        assert values[1][name] == pytest.approx(value, rel=1e-5)


def test_one_window_is_in_memory_once(whole, stage):
    built = building.build(_config().ranking, whole, stage)
    source = impression_batches.ImpressionWindows(built, whole, 32, seed=0)
    batches = source.open(batch_streams.Window((0,)))
    assert batches.log is built.open_log(whole, serving=False)
