"""Typed tables of events: what is read from files, and what is changed in memory."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from tests import changed_log, full_log, refusals
from ytdnn.log import events

TABLES = {
    "watch": events.Watches,
    "search": events.Searches,
    "impression": events.Impressions,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("full")
    settings = {"min_watch_seconds": 30.0, "token_count": 1}
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
    table = TABLES[name].read(events.path(data.directory, 0), name)
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
    assert refusals.line(events.Watches.read, tmp_path, "watch") == (
        f"expected a NumPy array in {path}, found a damaged file: run prepare again"
    )


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


def test_searches_before_a_time_are_counted_for_each_user(data):
    searches = data.log.searches
    users = np.arange(data.num_users, dtype=np.int32)
    for time in (0, int(np.median(searches.times)), np.iinfo(np.int64).max):
        found = searches.num_before(users, np.full(len(users), time))
        bounds = zip(searches.offsets[:-1], searches.offsets[1:], strict=True)
        expected = [int((searches.times[a:b] < time).sum()) for a, b in bounds]
        assert found.tolist() == expected


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
