"""Typed tables of events: what is read from files, and what is changed in memory."""

import dataclasses

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from tests import changed_log, full_log
from ytdnn.base import errors
from ytdnn.log import events, user_shards

TABLES = {
    "watch": events.Watches,
    "search": events.Searches,
    "impression": events.Impressions,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("full")
    settings = {"min_watch_seconds": 30.0, "min_search_token_count": 1}
    tables = full_log.tables()
    liked = (pl.col("position") == 1).alias("liked")
    tables["impressions"] = tables["impressions"].with_columns(liked)
    return full_log.prepared_data(directory, tables, **settings)


def _watches():
    """Three users with 2, 0 and 3 watches."""
    return events.Watches(
        offsets=np.array([0, 2, 2, 5]),
        videos=np.array([4, 5, 6, 7, 8], np.int32),
        times=np.array([10, 20, 11, 12, 13]),
        splits=np.zeros(5, np.uint8),
        devices=np.array([1, 0, 2, 1, 1], np.int32),
    )


def _fields(table, required):
    is_required = [f.default is dataclasses.MISSING for f in dataclasses.fields(table)]
    names = [field.name for field in dataclasses.fields(table)]
    return [n for n, r in zip(names, is_required, strict=True) if r == required]


@pytest.mark.parametrize("name", TABLES)
def test_a_full_log_has_every_field_as_documented(data, name):
    table = TABLES[name].read(user_shards.path(data.directory, 0), name)
    documented = TABLES[name].__doc__
    for field in dataclasses.fields(table):
        values = getattr(table, field.name)
        assert values is not None, field.name
        line = documented.split(f"      {field.name}: ")[1].splitlines()[0]
        assert values.dtype.name in line, (field.name, values.dtype, line)


@pytest.mark.parametrize("name", TABLES)
def test_files_of_every_field_are_needed_or_optional(tmp_path, name):
    table = TABLES[name]
    assert table.read(tmp_path, name) is None
    required = _fields(table, True)
    for i, field in enumerate(required):
        assert table.read(tmp_path, name) is None
        np.save(tmp_path / f"{name}_{field}.npy", np.arange(i + 2))
    found = table.read(tmp_path, name)
    for i, field in enumerate(required):
        np.testing.assert_array_equal(getattr(found, field), np.arange(i + 2))
    for field in _fields(table, False):
        assert getattr(found, field) is None
        np.save(tmp_path / f"{name}_{field}.npy", np.arange(3))
        assert getattr(table.read(tmp_path, name), field).tolist() == [0, 1, 2]


def test_arrays_are_mapped_and_empty_ones_read(tmp_path):
    for field in _fields(events.Watches, True):
        np.save(tmp_path / f"watch_{field}.npy", np.zeros(0, np.int32))
    np.save(tmp_path / "watch_offsets.npy", np.zeros(4, np.int64))
    found = events.Watches.read(tmp_path, "watch")
    assert isinstance(found.offsets, np.memmap)
    assert len(found) == 0
    assert found.users.tolist() == []
    assert found.are_completed.tolist() == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_one_line(tmp_path, share):
    for field in _fields(events.Watches, True):
        np.save(tmp_path / f"watch_{field}.npy", np.arange(100))
    path = tmp_path / "watch_times.npy"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(errors.UserError) as caught:
        events.Watches.read(tmp_path, "watch")
    assert str(caught.value) == (
        f"expected a NumPy array in {path}, found a damaged file: run prepare again"
    )


@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY", b"PK\x03\x04"])
)
def test_random_bytes_are_one_line(tmp_path, content, head):
    for field in _fields(events.Searches, True):
        np.save(tmp_path / f"search_{field}.npy", np.arange(3))
    (tmp_path / "search_times.npy").write_bytes(head + content)
    with pytest.raises(errors.UserError, match=r"search_times\.npy, found a damaged"):
        events.Searches.read(tmp_path, "search")


def test_select_keeps_every_user_and_the_rows_together():
    watches = _watches()
    found = watches.select(np.array([False, False, True, False, True]))
    assert found.offsets.tolist() == [0, 0, 0, 2]
    assert found.offsets.dtype == np.int64
    assert found.videos.tolist() == [6, 8]
    assert found.times.tolist() == [11, 13]
    assert found.devices.tolist() == [2, 1]
    assert found.seconds is None
    assert found.users.tolist() == [2, 2]
    assert watches.users.tolist() == [0, 0, 2, 2, 2]  # unchanged
    assert len(watches.select(np.zeros(5, bool))) == 0


@hypothesis.given(
    st.lists(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=5))
)
def test_select_equals_a_filter_of_each_user(lists):
    flat = [entry for user in lists for entry in user]
    videos = np.array([video for video, _ in flat], np.int32)
    watches = events.Watches(
        offsets=np.append(0, np.cumsum([len(user) for user in lists])).astype(int),
        videos=videos,
        times=np.arange(len(flat)),
        splits=np.zeros(len(flat), np.uint8),
    )
    found = watches.select(np.array([keep for _, keep in flat], bool))
    for i, user in enumerate(lists):
        own = found.videos[found.offsets[i] : found.offsets[i + 1]]
        assert own.tolist() == [video for video, keep in user if keep]
    assert len(found.offsets) == len(lists) + 1


def test_select_of_a_full_log_takes_along_every_column(data):
    keep = np.arange(len(data.watches)) % 3 == 1
    found = data.watches.select(keep)
    for field in dataclasses.fields(found):
        if field.name != "offsets":
            expected = np.asarray(getattr(data.watches, field.name))[keep]
            np.testing.assert_array_equal(getattr(found, field.name), expected)
    np.testing.assert_array_equal(found.users, data.watches.users[keep])


def test_replace_changes_only_what_is_named():
    watches = _watches()
    assert watches.users.tolist() == [0, 0, 2, 2, 2]
    changed = watches.replace(offsets=np.array([0, 5, 5, 5]))
    assert changed.users.tolist() == [0] * 5  # not those remembered of before
    assert changed.videos is watches.videos
    assert watches.offsets.tolist() == [0, 2, 2, 5]


def test_without_a_rule_every_watch_is_completed():
    watches = _watches()
    assert watches.are_completed.tolist() == [True] * 5
    done = np.array([True, False, True, False, False])
    assert watches.replace(completed=done).are_completed.tolist() == done.tolist()


def test_searches_before_a_time_are_counted_for_each_user(data):
    searches = data.log.searches
    users = np.arange(data.num_users, dtype=np.int32)
    for time in (0, int(np.median(searches.times)), np.iinfo(np.int64).max):
        found = searches.num_before(users, np.full(len(users), time))
        bounds = zip(searches.offsets[:-1], searches.offsets[1:], strict=True)
        expected = [int((searches.times[a:b] < time).sum()) for a, b in bounds]
        assert found.tolist() == expected


def test_impressions_begin_where_their_user_does(data):
    shown = data.impressions
    starts = shown.rows_of_users(data.num_users + 1)  # and one user without any
    assert starts.dtype == np.int64
    for user in range(data.num_users + 1):
        own = np.flatnonzero(shown.users == user)
        assert list(range(starts[user], starts[user + 1])) == own.tolist()


def test_tables_of_a_set_are_exchanged_one_at_a_time(data):
    keep = data.watches.splits == events.Split.TEST
    changed = changed_log.with_tables(data, watches=data.watches.select(keep))
    assert len(changed.watches) == keep.sum()
    assert changed.impressions is data.impressions
    without = changed_log.with_tables(data, impressions=None, searches=None)
    assert not without.log.has_impressions
    assert not without.log.has_watch_seconds
    with pytest.raises(ValueError, match="expected impressions, found none"):
        _ = without.impressions
    with pytest.raises(ValueError, match="expected searches, found none"):
        _ = without.log.searches


def test_validation_joins_training_for_the_final_fit(data):
    joined = data.with_validation_in_training()
    splits, before = np.asarray(joined.watches.splits), np.asarray(data.watches.splits)
    assert not (splits == events.Split.VALIDATION).any()
    held_out = before == events.Split.VALIDATION
    assert (splits[held_out] == events.Split.TRAIN).all()
    np.testing.assert_array_equal(splits[~held_out], before[~held_out])
    windows = data.manifest.facts["windows"]
    first, _ = data.windows.training_window
    assert joined.windows.training_window == (first, windows["ranking"])


def test_the_end_of_the_log_is_that_of_its_last_event(data):
    tables = (data.watches, data.log.searches, data.impressions)
    assert data.windows.end_of_log == max(int(table.times.max()) for table in tables)
    searches = data.log.searches.replace(times=np.array([2 * 10**9]))
    assert (
        changed_log.with_tables(data, searches=searches).windows.end_of_log == 2 * 10**9
    )
    alone = changed_log.with_tables(data, searches=None, impressions=None)
    assert alone.windows.end_of_log == data.watches.times.max()
