"""Contexts hold what came before the label, all of it, and nothing else."""

import functools

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import full_log
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.candidates import logged_user_vectors
from ytdnn.features import base_feature, feature_choice, open_features
from ytdnn.log import events, log_tensors, slice_batches

LENGTH, SEARCHES = 6, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def _searches(offsets, sizes):
    """Search i has `sizes[i]` tokens, numbered from 1."""
    token_offsets = np.append(0, np.cumsum(sizes))
    return log_tensors.SearchTensors(
        offsets=tf.constant(offsets, tf.int64),
        token_offsets=tf.constant(token_offsets, tf.int64),
        tokens=tf.range(1, token_offsets[-1] + 1, dtype=tf.int32),
        num_before=tf.zeros([0], tf.int32),
    )


def _bags(features, row):
    """The tokens of each position of a slice."""
    tokens = features[schema.SEARCH_TOKENS][row].numpy()
    first, end = (features[n][row] for n in (schema.FIRST_TOKENS, schema.END_TOKENS))
    return [tokens[a:b].tolist() for a, b in zip(first, end, strict=True)]


def test_positions_share_the_rows_of_their_searches_by_hand():
    # User 0 has searches of 2, 1 and 3 tokens: 1 2 | 3 | 4 5 6; user 1 one of 2: 7 8.
    # Two searches at most. Token 4 5 6 lie before no position: they are not gathered.
    searches = _searches([0, 3, 4], [2, 1, 3, 2])
    users = tf.constant([[0, 0, 0, 1], [0, 0, 1, 1]])
    before = tf.constant([[0, 1, 2, 1], [2, 3, 0, 1]], tf.int64)
    features = log_tensors.searches_before(searches, users, before, search_length=2)
    assert features[schema.SEARCH_TOKENS].numpy().tolist() == [
        [1, 2, 3, 7, 8, 0, 0, 0],
        [1, 2, 3, 4, 5, 6, 7, 8],
    ]
    assert _bags(features, 0) == [[], [1, 2], [1, 2, 3], [7, 8]]
    assert _bags(features, 1) == [[1, 2, 3], [3, 4, 5, 6], [], [7, 8]]


@pytest.mark.parametrize("seed", range(20))
def test_bags_of_searches_equal_those_of_each_position_alone(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 7, 5)
    offsets = np.append(0, np.cumsum(counts))
    sizes = rng.integers(0, 4, offsets[-1])
    users = np.sort(rng.integers(0, 5, [3, 6]), axis=1)
    before = rng.integers(0, counts[users] + 1)
    keys = np.sort(users * 100 + before, axis=1)
    users, before = keys // 100, keys % 100
    searches = _searches(offsets, sizes)
    length = int(rng.integers(1, 5))
    features = log_tensors.searches_before(
        searches, tf.constant(users, tf.int32), tf.constant(before, tf.int64), length
    )
    starts = np.append(0, np.cumsum(sizes))
    for row in range(3):
        ends = offsets[users[row]] + before[row]
        firsts = np.maximum(offsets[users[row]], ends - length)
        assert _bags(features, row) == [
            list(range(starts[a] + 1, starts[b] + 1))
            for a, b in zip(firsts, ends, strict=True)
        ]


def _log(data, *names, serving=False):
    """The log with some features of the candidate network opened."""
    chosen = feature_choice.named(base_feature.CANDIDATES, names, data)
    return _opened(data, chosen, serving)


def _opened(data, chosen, serving=False):
    return log_tensors.load_watches(
        data, functools.partial(open_features.open_log, chosen, serving=serving)
    )


def test_example_ages_run_from_1_to_0_over_the_training_window(data):
    log = _log(data, "example_age")
    ages = slice_batches.cut(log, tf.constant([0], tf.int64), log.num_watches, LENGTH)
    ages = ages["example_age"][0].numpy()
    train = np.asarray(data.watches.splits) == events.Split.TRAIN
    times = np.asarray(data.watches.times)
    end = data.manifest.facts["windows"]["validation"]
    expected = (end - times[train]) / (end - times[train].min())
    np.testing.assert_allclose(ages[train], expected, atol=1e-6)
    assert ages[train].max() == 1.0
    assert np.all(ages[~train] == 0.0)


def test_contexts_are_the_slices_but_for_the_example_age(data):
    names = [f.name for f in feature_choice.network_features(base_feature.CANDIDATES)]
    assert "example_age" in names
    users, ends = data.windows.first_watches(events.Split.VALIDATION)
    served = _log(data, *names, serving=True)
    alone = logged_user_vectors.contexts(served, users, ends, LENGTH, SEARCHES)
    together = slice_batches.cut(_log(data, *names), ends, 1, LENGTH, SEARCHES)
    assert not alone.pop("example_age").numpy().any()
    assert set(together) - set(alone) == {
        "example_age",
        schema.LABELS,
        schema.LABEL_TIMES,
        schema.WEIGHTS,
        schema.USER_INDICES,
    }
    for name, values in alone.items():
        np.testing.assert_array_equal(values, together[name], err_msg=name)


def test_behind_the_last_watch_all_searches_count_and_the_request_is_unknown(data):
    chosen = feature_choice.named(
        base_feature.CANDIDATES, ["device", "logged_in", "request_time"], data
    )
    chosen += feature_choice.named(
        base_feature.RANKING, ["seconds_since_last_watch"], data
    )
    log = _opened(data, chosen, serving=True)
    features = logged_user_vectors.contexts(
        log, np.arange(data.num_users), data.watches.offsets[1:], LENGTH, 10**6
    )
    assert not features["device"].numpy().any()
    assert np.all(features["logged_in"] == -1.0)
    assert not features["request_time"].numpy().any()
    assert np.all(features["seconds_since_last_watch"] == -1.0)
    sizes = features[schema.END_TOKENS] - features[schema.FIRST_TOKENS]
    tokens = data.log.searches.token_offsets[data.log.searches.offsets]
    np.testing.assert_array_equal(sizes[:, 0], np.diff(tokens))


USER = "u3"


def _shuffled_after(log, time, seed=1):
    """The log with all that the user does after `time` permuted, each column alone."""
    rng = np.random.default_rng(seed)
    shuffled = {}
    for name in ("watches", "searches", "impressions"):
        table = log[name].with_row_index("row")
        later = table.filter((pl.col("user_id") == USER) & (pl.col("time") > time))
        columns = [c for c in later.columns if c not in ("row", "user_id", "time")]
        for column in columns:
            order = rng.permutation(later.height)
            later = later.with_columns(later[column].gather(order))
        rest = table.join(later, on="row", how="anti")
        shuffled[name] = pl.concat([rest, later]).sort("row").drop("row")
    return log | shuffled


def _example(data, position):
    """Features of one position, in words: independent of the vocabularies' order."""
    wanted = configs.FeaturesConfig(add=("example_age", "request_time"))
    log = _opened(data, feature_choice.choose(base_feature.CANDIDATES, data, wanted))
    firsts = tf.constant([position - 3], tf.int64)
    batch = {
        name: values.numpy()
        for name, values in slice_batches.cut(log, firsts, 8, LENGTH, SEARCHES).items()
    }
    ids = np.array([None, *data.videos["video_id"]])
    tokens = np.array([None, *data.catalogue.tokens["token"]])
    first = max(int(batch[schema.FIRST_ROWS][0, 3]), 3)
    bag = slice(batch[schema.FIRST_TOKENS][0, 3], batch[schema.END_TOKENS][0, 3])
    rows = slice(first, LENGTH + 3)
    history = batch.pop(schema.WATCH_ROWS)[0, rows]
    found = {
        "history": ids[history].tolist(),
        "times": batch.pop(schema.WATCH_ROW_TIMES)[0, rows].tolist(),
        "searches": tokens[batch.pop(schema.SEARCH_TOKENS)[0, bag]].tolist(),
        "label": ids[batch.pop(schema.LABELS)[0, 3]],
    }
    for name in (schema.FIRST_ROWS, schema.FIRST_TOKENS, schema.END_TOKENS):
        batch.pop(name)
    return found | {name: values[0, 3].tolist() for name, values in batch.items()}


def test_permuting_all_that_follows_the_label_changes_nothing_of_the_example(tmp_path):
    """From the raw log to the example (PAPER §3.4): the leak test."""
    log = full_log.tables()
    settings = {"vocabulary": "all", "token_count": 1}
    before = full_log.prepared_data(tmp_path / "before", log, **settings)
    user = before.users["user_id"].index_of(USER)
    own = np.arange(*before.watches.offsets[user : user + 2])
    position = int(own[len(own) // 2])
    time = int(before.watches.times[position])
    after = full_log.prepared_data(
        tmp_path / "after", _shuffled_after(log, time), **settings
    )
    example = _example(before, position)
    assert _example(after, position) == example
    assert len(example["history"]) == LENGTH
    assert len(example["searches"]) > SEARCHES
    assert {"device", "logged_in", "request_time", "age"} < set(example)
    later = [_example(before, p) != _example(after, p) for p in own[own > position]]
    assert np.mean(later) > 0.9  # the permutation is seen where it may be


def test_a_log_without_a_table_has_none_of_its_features(tmp_path):
    log = {"watches": full_log.tables()["watches"].drop("device", "logged_in")}
    data = full_log.prepared_data(tmp_path, log)
    chosen = feature_choice.choose(
        base_feature.CANDIDATES, data, configs.FeaturesConfig()
    )
    batch = slice_batches.cut(
        _opened(data, chosen), tf.constant([0], tf.int64), 2, LENGTH
    )
    assert set(batch) == {
        schema.WATCH_ROWS,
        schema.WATCH_ROW_TIMES,
        schema.FIRST_ROWS,
        schema.LABELS,
        schema.LABEL_TIMES,
        schema.WEIGHTS,
        schema.USER_INDICES,
    }


def test_videos_without_an_embedding_are_no_labels_but_stand_in_histories(tmp_path):
    log = full_log.tables()
    rare = log["watches"]["video_id"].is_in(["v0", "v1", "v2"])
    early = pl.Series(np.arange(len(rare)) < 0.7 * len(rare))
    log["watches"] = log["watches"].filter(~(rare & early))
    data = full_log.prepared_data(tmp_path, log, vocabulary="train")
    assert data.vocabulary_size < data.num_videos
    loaded = log_tensors.load_watches(data)
    batch = slice_batches.cut(loaded, tf.constant([0], tf.int64), loaded.num_watches, 1)
    videos = np.asarray(data.watches.videos)
    known = videos <= data.vocabulary_size
    assert 0 < known.sum() < len(known)
    np.testing.assert_array_equal(batch[schema.WEIGHTS][0], known)
    np.testing.assert_array_equal(batch[schema.LABELS][0], np.where(known, videos, 0))
    np.testing.assert_array_equal(batch[schema.WATCH_ROWS][0, 1:], videos[:-1])
