import dataclasses

import numpy as np
import pytest

from tests import changed_log, planted
from ytdnn.base import schema
from ytdnn.candidates import logged_user_vectors
from ytdnn.log import drawn_labels, events, log_tensors, slice_batches

LENGTH = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))


def _batches(data, slice_length=4, batch_size=16, seed=3):
    log = log_tensors.load_watches(slice_batches.training_set(data))
    return slice_batches.SliceBatches(log, batch_size, slice_length, LENGTH, seed)


def _examples(batches, epoch, first_step=0):
    """Every example as (user, label, history), one by one."""
    examples = []
    for batch in batches(epoch, first_step).as_numpy_iterator():
        rows, firsts = batch[schema.WATCH_ROWS], batch[schema.FIRST_ROWS]
        for s, t in zip(*np.nonzero(batch[schema.WEIGHTS]), strict=True):
            start = max(int(firsts[s, t]), t)
            history = tuple(rows[s, start : LENGTH + t].tolist())
            label = int(batch[schema.LABELS][s, t])
            examples.append((int(batch[schema.USER_INDICES][s, t]), label, history))
    return examples


def _expected(data):
    """The same from the sorted log, with a loop over users."""
    train = np.asarray(data.watches.splits) == events.Split.TRAIN
    examples = []
    for user in range(data.num_users):
        own = slice(data.watches.offsets[user], data.watches.offsets[user + 1])
        videos = data.watches.videos[own][train[own]].tolist()
        for i, label in enumerate(videos):
            examples.append((user, label, tuple(videos[max(0, i - LENGTH) : i])))
    return examples


@pytest.mark.parametrize("slice_length", [1, 4, 7])
def test_an_epoch_has_every_position_once_with_the_history_before_it(
    data, slice_length
):
    batches = _batches(data, slice_length)
    for epoch in (0, 1):
        assert sorted(_examples(batches, epoch)) == sorted(_expected(data))


@pytest.mark.parametrize("slice_length", [1, 4, 7])
def test_few_labels_are_found_in_few_slices(data, slice_length):
    """The others stay in histories."""
    train = np.asarray(data.watches.splits) == events.Split.TRAIN
    times = np.asarray(data.watches.times)
    few = times >= np.quantile(times[train], 0.8)
    watches = data.watches.replace(completed=few)
    log = log_tensors.load_watches(
        slice_batches.training_set(changed_log.with_tables(data, watches=watches))
    )
    batches = drawn_labels.FewSlices(log, 16, slice_length, LENGTH, 3)
    is_label = few[train]
    expected = [e for e, kept in zip(_expected(data), is_label, strict=True) if kept]
    assert 0 < len(expected) < len(is_label)
    whole = _batches(data, slice_length)
    assert batches.steps_per_epoch < whole.steps_per_epoch
    for epoch in (0, 1):
        assert sorted(_examples(batches, epoch)) == sorted(expected)
    rest = _examples(batches, 1, first_step=2)
    assert rest == _examples(batches, 1)[-len(rest) :]


def test_an_epoch_can_be_entered_at_any_step(data):
    batches = _batches(data)
    whole = list(batches(2, 0).as_numpy_iterator())
    rest = list(batches(2, 3).as_numpy_iterator())
    assert len(whole) == batches.steps_per_epoch
    for expected, actual in zip(whole[3:], rest, strict=True):
        for name, values in expected.items():
            np.testing.assert_array_equal(actual[name], values)


def test_changing_the_label_and_what_follows_changes_no_context(data):
    log = log_tensors.load_watches(data)
    users, ends = data.windows.first_watches(events.Split.TEST)
    before = logged_user_vectors.contexts(log, users, ends, LENGTH)
    videos = np.array(data.watches.videos)
    for user, end in zip(users, ends, strict=True):
        videos[end : data.watches.offsets[user + 1]] = 1
    changed = dataclasses.replace(log, videos=log.videos * 0 + videos)
    after = logged_user_vectors.contexts(changed, users, ends, LENGTH)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_contexts_equal_the_slices_of_training(data):
    log = log_tensors.load_watches(data)
    users, ends = data.windows.first_watches(events.Split.TEST)
    alone = logged_user_vectors.contexts(log, users, ends, LENGTH)
    together = slice_batches.cut(log, ends, 1, LENGTH)
    np.testing.assert_array_equal(alone[schema.FIRST_ROWS], together[schema.FIRST_ROWS])
    first = alone[schema.FIRST_ROWS].numpy()
    inside = np.arange(LENGTH) >= first
    np.testing.assert_array_equal(
        alone[schema.WATCH_ROWS].numpy()[inside],
        together[schema.WATCH_ROWS].numpy()[inside],
    )
