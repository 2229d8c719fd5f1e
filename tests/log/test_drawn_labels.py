import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests import extras, full_log
from ytdnn.base import registries, registry, schema
from ytdnn.log import drawn_labels, events, log_tensors, slice_batches

LENGTH = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("full")
    return full_log.prepared_data(
        directory, full_log.tables(), min_watch_seconds=30.0, vocabulary="train"
    )


def _training_log(data):
    return log_tensors.load_watches(slice_batches.training_set(data))


def _batches(data, kind=drawn_labels.DrawnBatches, **settings):
    settings = {"per_user": 4, "seed": 3} | settings
    return kind(_training_log(data), 16, LENGTH, search_length=5, **settings)


def _examples(batches, epoch, first_step=0):
    """User, label and known history of every example."""
    examples = []
    for batch in batches(epoch, first_step).as_numpy_iterator():
        for row in np.flatnonzero(batch[schema.WEIGHTS][:, 0]):
            first = int(batch[schema.FIRST_ROWS][row, 0])
            history = batch[schema.WATCH_ROWS][row, first:].tolist()
            user = int(batch[schema.USER_INDICES][row, 0])
            examples.append((user, int(batch[schema.LABELS][row, 0]), history))
    return examples


def _labels_by_user(data):
    is_label = (data.watches.splits == events.Split.TRAIN) & data.watches.are_completed
    is_label &= np.asarray(data.watches.videos) <= data.vocabulary_size
    return np.bincount(data.watches.users[is_label], minlength=data.num_users)


@pytest.mark.parametrize("per_user", [1, 4, 20, 10**6])
def test_each_user_has_the_fixed_number_or_all_there_are(data, per_user):
    batches = _batches(data, per_user=per_user)
    users = [user for user, _, _ in _examples(batches, 0)]
    expected = np.minimum(_labels_by_user(data), per_user)
    assert np.bincount(users, minlength=data.num_users).tolist() == expected.tolist()
    assert batches.num_examples == expected.sum()
    assert batches.steps_per_epoch == -(-expected.sum() // 16)


def test_no_label_is_drawn_twice_and_epochs_draw_anew(data):
    batches = _batches(data)
    first, again, second = (batches.positions(epoch) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len(set(first.tolist())) == len(first)
    assert set(first.tolist()) != set(second.tolist())
    assert set(first.tolist()) != set(_batches(data, seed=4).positions(0).tolist())


def test_all_labels_of_a_user_are_equally_likely():
    # Two users of 2 and 7 labels, 3 drawn each: chances 1 and 3/7. Over 4,000 draws
    # the standard error of a share is at most 0.008.
    labels, users = np.arange(9), np.repeat([5, 8], [2, 7])
    counts = np.zeros(9)
    for epoch in range(4_000):
        counts[drawn_labels.draw(labels, users, 3, np.random.default_rng(epoch))] += 1
    np.testing.assert_allclose(counts / 4_000, [1, 1] + [3 / 7] * 7, atol=0.03)


@pytest.mark.parametrize("per_user", [0, 4])
def test_expected_labels_are_those_drawn_on_average(data, per_user):
    expected = slice_batches.expected_labels(data, per_user)
    if per_user == 0:
        counts = data.videos["train_count"].to_list()
        assert expected.tolist() == counts[: data.vocabulary_size]
        assert not any(counts[data.vocabulary_size :])
    batches = _batches(data, per_user=per_user)
    videos = batches.log.videos.numpy()
    drawn = np.concatenate([videos[batches.positions(e)] for e in range(200)])
    counts = np.bincount(drawn, minlength=data.vocabulary_size + 1)[1:] / 200
    assert expected.sum() == pytest.approx(batches.num_examples)
    np.testing.assert_allclose(counts, expected, atol=0.6)


def test_drawn_next_watches_have_the_history_before_them(data):
    sliced = slice_batches.SliceBatches(_training_log(data), 16, 1, LENGTH, seed=0)
    expected = _examples(sliced, 0)
    assert sorted(_examples(_batches(data, per_user=0), 0)) == sorted(expected)


@pytest.fixture(scope="module")
def held_out():
    """The batches of docs/examples, whose module has `around`."""
    with extras.registered():
        registry.extend(str(extras.EXAMPLES / "held_out_watch.py"))
        yield registries.LABELS["held_out_watch"].make


def _around(around, log, position, reach, length=LENGTH):
    batch = around(
        log, tf.constant([position], tf.int64), tf.constant([reach]), length, 5
    )
    first = int(batch[schema.FIRST_ROWS][0, 0])
    return batch[schema.WATCH_ROWS][0, first:].numpy().tolist()


def _two_users(data):
    """Users 0 and 1 with 9 and 3 watches, of videos 1 … 12."""
    log = _training_log(data)
    offsets = np.full(data.num_users + 1, 12)
    offsets[:2] = 0, 9
    return dataclasses.replace(
        log,
        videos=tf.range(1, 13),
        users=tf.constant(np.repeat([0, 1], [9, 3]), tf.int32),
        times=log.times[:12],
        weights=tf.ones([12]),
        offsets=tf.constant(offsets, tf.int64),
        searches=None,
    )


def test_a_held_out_watch_is_left_out_of_a_window_around_it(data, held_out):
    log = _two_users(data)
    around = functools.partial(_around, held_out.read.__globals__["around"])
    # The user has watched 1 … 9; six others stand in a window of seven with label 5.
    assert around(log, 4, 0.0) == [1, 2, 3, 4, 6, 7]  # as early as there are seven
    assert around(log, 4, 0.99) == [3, 4, 6, 7, 8, 9]
    assert around(log, 0, 0.99) == [2, 3, 4, 5, 6, 7]  # the first watch
    assert around(log, 8, 0.0) == [3, 4, 5, 6, 7, 8]  # the last
    # A user with less than seven: all others, whatever the draw.
    assert around(log, 10, 0.0) == around(log, 10, 0.99) == [10, 12]
    assert around(log, 11, 0.5, length=1) == [11]


def test_held_out_contexts_hold_what_comes_after(data, held_out):
    log = _training_log(data)
    batches = _batches(data, held_out, per_user=0)
    offsets, videos = log.offsets.numpy(), log.videos.numpy()
    sees_later = 0
    for user, label, history in _examples(batches, 0):
        own = videos[offsets[user] : offsets[user + 1]].tolist()
        assert len(history) == min(LENGTH, len(own) - 1)
        windows = [own[i : i + LENGTH + 1] for i in range(max(1, len(own) - LENGTH))]
        assert sorted([*history, label]) in [sorted(w) for w in windows]
        sees_later += history[-1] != label and history != own[: len(history)]
    assert sees_later > 0
