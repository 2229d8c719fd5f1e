"""One shard or many, one reader or several: the same examples an epoch."""

import collections
import itertools

import numpy as np
import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import model, user_tower
from ytdnn.log import batch_streams, drawn_labels, prepared
from ytdnn.ops.cluster import strategies
from ytdnn.training import candidates, device_strategy, loop

_SHARDED = 600  # events a shard
_WINDOW = 1_400  # events a window: two shards
_ALL = configs.NextWatchConfig(slice_length=4)
_DRAWN = configs.NextWatchConfig(examples_per_user=3)
LABELS = {"slices": _ALL, "drawn": _DRAWN}


def _prepared(directory, **settings):
    log = full_log.tables()
    return full_log.prepared_data(directory, log, min_watch_seconds=30.0, **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return _prepared(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    data = _prepared(tmp_path_factory.mktemp("sharded"), events_per_shard=_SHARDED)
    assert len(data.log.shards) > 3
    return data


def _config(label, **training):
    training = {"batch_size": 32, "epochs": 2} | training
    return configs.CandidatesConfig(
        embedding_dim=8,
        tower=(8,),
        history_length=8,
        search_length=5,
        label=label,
        training=configs.TrainingConfig(**training),
    )


def _stream(data, label, seed=3, window_events=_WINDOW, **settings):
    config = _config(label, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs.CandidatesConfig, "window_events", window_events)
        read = user_tower.measure_inputs(config, data)
        return candidates.make_batches(config, read, data, seed)


def _batches(stream, epoch, first_step=0):
    found = stream(epoch, first_step)
    return [batch for dataset in found for batch in dataset.as_numpy_iterator()]


def _examples(batches):
    """How often each (user, label, history, device) is an example."""
    found = collections.Counter()
    for batch in batches:
        rows, firsts = batch[schema.WATCH_ROWS], batch[schema.FIRST_ROWS]
        length = rows.shape[1] - firsts.shape[1] + 1
        for s, t in zip(*np.nonzero(batch[schema.WEIGHTS]), strict=True):
            history = rows[s, max(int(firsts[s, t]), t) : length + t].tolist()
            user, label = (int(batch[n][s, t]) for n in _OF_POSITIONS)
            device, age = (float(batch[n][s, t]) for n in ("device", "age"))
            found[user, label, tuple(history), device, age] += 1
    return found


_OF_POSITIONS = (schema.USER_INDICES, schema.LABELS)


def _assert_equal(actual, expected):
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert set(one) == set(other)
        for name, values in other.items():
            np.testing.assert_array_equal(one[name], values, name)


@pytest.mark.thorough
@pytest.mark.parametrize("label", LABELS)
def test_any_shards_and_windows_give_the_same_examples(whole, sharded, label):
    expected = _stream(whole, LABELS[label])
    for epoch, sizes in ((0, [1, 10**6]), (1, [_WINDOW])):
        examples = _examples(_batches(expected, epoch))
        assert sum(examples.values()) > 50
        for window_events in sizes:
            found = _stream(sharded, LABELS[label], window_events=window_events)
            assert examples == _examples(_batches(found, epoch)), window_events


def test_shards_that_fit_one_window_give_the_very_batches_of_one(whole, sharded):
    for label in LABELS.values():
        expected = _batches(_stream(whole, label), 1)
        _assert_equal(
            _batches(_stream(sharded, label, window_events=10**6), 1), expected
        )


@pytest.mark.thorough
@pytest.mark.parametrize("label", LABELS)
def test_an_epoch_can_be_entered_at_any_step(sharded, label):
    stream = _stream(sharded, LABELS[label])
    every = _batches(stream, 1)
    assert len(every) == stream.steps_per_epoch
    for step in (1, len(every) - 1):
        _assert_equal(_batches(stream, 1, step), every[step:])
    _assert_equal(_batches(_stream(sharded, LABELS[label]), 1), every)


def test_epochs_differ_in_the_order_of_windows(sharded):
    stream = _stream(sharded, _ALL)
    users = [
        [int(batch[schema.USER_INDICES].flat[0]) for batch in _batches(stream, epoch)]
        for epoch in range(4)
    ]
    assert len({tuple(order) for order in users}) == 4


@pytest.mark.thorough
@pytest.mark.parametrize("label", LABELS)
def test_readers_have_ranges_of_the_rows_of_each_batch(sharded, label):
    stream = _stream(sharded, LABELS[label])
    parts = [_batches(stream.part(strategies.Portion(i, 2)), 1, 2) for i in range(2)]
    for batch, *of_readers in zip(_batches(stream, 1, 2), *parts, strict=True):
        for name, values in batch.items():
            rows = [_wide(one[name], values) for one in of_readers]
            np.testing.assert_array_equal(np.concatenate(rows), values, name)


def _wide(rows, like):
    """Bags of tokens are as wide as the widest of all readers."""
    if rows.ndim < 2:
        return rows
    return np.pad(rows, [(0, 0), (0, like.shape[1] - rows.shape[1])])


def test_few_windows_are_open_at_a_time(sharded):
    opened = []

    class Counting:
        def __init__(self, source):
            self._source = source
            self.steps = source.steps

        def open(self, window):
            opened.append(window)
            return self._source.open(window)

    stream = _stream(sharded, _ALL, window_events=1)
    stream._source = Counting(stream._source)
    seen = [len(opened) for _ in stream(0, 0)]
    assert seen[0] <= 2
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(seen))
    assert len(opened) == len(sharded.log.shards)


@pytest.mark.thorough
def test_nothing_joins_all_shards_where_candidates_are_trained(sharded, monkeypatch):
    config = configs.Config(candidates=_config(_ALL))
    data = prepared.load(sharded.directory)
    stage = candidates.make_stage(config, data, model.build(config.candidates, data))
    trainer = loop.Trainer(
        stage, config.candidates.training, 0, device_strategy.make("none")
    )
    for step, batch in enumerate(_batches(stage.batches, 0)[:2]):
        trainer._step(batch, np.int64(step))  # op by op: tracing takes longer
    assert 0.0 <= stage.validate()["ndcg@10"] <= 1.0
    assert "shard" not in vars(data)


def test_validation_of_windows_is_that_of_the_whole(whole, sharded):
    config = configs.Config(candidates=_config(_ALL))
    built = model.build(config.candidates, whole)
    found = [
        candidates.make_stage(config, data, built).validate()
        for data in (whole, sharded)
    ]
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, abs=1e-6)


def test_numbers_of_runs_are_those_of_the_whole():
    every = np.random.Generator(np.random.Philox([7, 2])).random(1_000)
    runs = [
        drawn_labels.LabelRange(3, 10),
        drawn_labels.LabelRange(400, 1),
        drawn_labels.LabelRange(801, 99),
    ]
    numbers = drawn_labels.OfRuns([7, 2], runs)
    expected = np.concatenate([every[r.first : r.first + r.size] for r in runs])
    found = np.concatenate([numbers.random(11), numbers.random(99)])
    np.testing.assert_array_equal(found, expected)


def test_shards_are_grouped_up_to_a_number_of_events():
    sizes = [5, 5, 9, 1]
    assert batch_streams.grouped(sizes, 1, range(4)) == [(0,), (1,), (2,), (3,)]
    assert batch_streams.grouped(sizes, 10, range(4)) == [(0, 1), (2, 3)]
    assert batch_streams.grouped(sizes, 99, [2, 0]) == [(0, 2)]
