"""Events found shard by shard are those of the joined log."""

import dataclasses

import numpy as np
import pytest

from tests import full_log
from ytdnn.log import events, prepared, shard_index

USERS = np.array([2, 3, 17, 29])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    path = tmp_path_factory.mktemp("index")
    found = full_log.prepared_data(path, full_log.tables(), events_per_shard=400)
    assert len(found.log.shards) > 5
    return found


@pytest.mark.parametrize("table", shard_index.TABLES)
def test_columns_are_those_of_the_joined_log(
    data: prepared.PreparedData, table: str
) -> None:
    whole = getattr(data.log.shard, table)
    rows = np.random.default_rng(0).permutation(len(whole))
    names = [field.name for field in dataclasses.fields(whole)]
    names = [n for n in names if n not in ("offsets", "token_offsets", "tokens")]
    for name in names:
        values = getattr(whole, name)
        assert data.log.shard_index.has(table, name) == (values is not None)
        if values is not None:
            found = data.log.shard_index.gather(table, name, rows)
            np.testing.assert_array_equal(found, np.asarray(values)[rows], name)
            assert found.dtype == values.dtype


def test_events_of_users_are_the_joined_log_s(data: prepared.PreparedData) -> None:
    own, index = data.log.read_users(USERS), data.log.shard_index
    for table in shard_index.TABLES:
        here = own.shard_index.offsets(table)
        assert (np.flatnonzero(np.diff(here)) == USERS).all()
        for user in USERS:
            rows = np.arange(*index.offsets(table)[user : user + 2])
            found = getattr(own.shard, table).times[here[user] : here[user + 1]]
            assert found.tolist() == index.gather(table, "times", rows).tolist()
    words, every = own.shard.searches, data.log.shard.searches
    assert words is not None
    assert every is not None
    last = int(own.shard_index.offsets("searches")[17])  # of users 2 and 3
    starts = index.offsets("searches")
    tokens = [
        every.tokens[slice(*every.token_offsets[starts[user : user + 2]].tolist())]
        for user in (2, 3)
    ]
    found = words.tokens[: words.token_offsets[last]]
    assert found.tolist() == np.concatenate(tokens).tolist()


def test_a_shard_costs_its_own_users(data: prepared.PreparedData) -> None:
    whole, first = data.watches, 0
    starts = data.log.shard_index.offsets("watches")
    for place, own in zip(data.log.shards, data.log.each_shard(), strict=True):
        assert own.num_users == place.num_users < data.num_users
        assert len(own.watches.offsets) == own.num_users + 1
        assert own.shard_index.offsets("watches")[-1] == len(own.watches)
        assert own.users.equals(data.users[first : first + own.num_users])
        rows = slice(*starts[[first, first + own.num_users]].tolist())
        assert own.watches.videos.tolist() == whole.videos[rows].tolist()
        users = own.impressions.users
        assert users.min() >= 0
        assert users.max() < own.num_users
        first += own.num_users
    assert first == data.num_users


def test_a_window_shares_facts_of_the_whole_and_a_changed_log_does_not(
    data: prepared.PreparedData,
) -> None:
    window = data.with_log(data.log.window(data.log.shards[:2]))
    assert window.whole is data
    assert window.log.whole is data.log
    assert window.windows.end_of_log == data.windows.end_of_log
    assert window.once("key", object) is data.once("key", object)
    assert data.with_log(data.log.window(data.log.shards)) is data
    changed = data.with_log(data.log.changed(_an_hour_later))
    assert changed.whole is changed
    assert changed.windows.training_window[0] == data.windows.training_window[0] + 3600
    assert changed.once("key", object) is not data.once("key", object)
    joined = window.with_validation_in_training()
    assert joined.watches.splits.tolist().count(events.Split.VALIDATION) == 0


def _an_hour_later(shard: events.Shard) -> events.Shard:
    watches = shard.watches.replace(times=np.asarray(shard.watches.times) + 3600)
    return dataclasses.replace(shard, watches=watches)
