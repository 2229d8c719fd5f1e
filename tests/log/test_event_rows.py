import numpy as np
import polars as pl
import pytest

from tests import full_log
from ytdnn.base import errors
from ytdnn.log import events

SPLIT = events.Split


def _sorted_rows(log, data):
    """The log's watches in the order of the arrays."""
    log["watches"].write_parquet(data.directory / "watches.parquet")
    return log["watches"].with_row_index("row").sort(["user_id", "time", "row"])


def test_devices_and_states_are_those_of_each_watch(tmp_path):
    log = full_log.tables()
    data = full_log.prepared_data(tmp_path, log)
    rows = _sorted_rows(log, data)
    assert data.catalogue.vocabularies["device"] == ["phone", "tv"]
    names = [None, *data.catalogue.vocabularies["device"]]
    assert [names[i] for i in data.watches.devices] == rows["device"].to_list()
    states = {1: True, 0: False, -1: None}
    found = [states[i] for i in data.watches.logged_in.tolist()]
    assert found == rows["logged_in"].to_list()
    shown = log["impressions"].with_row_index("row").sort(["user_id", "time", "row"])
    assert [names[i] for i in data.impressions.devices] == shown["device"].to_list()


def _without_devices_of_watches():
    log = full_log.tables()
    log["watches"] = log["watches"].with_columns(device=None, logged_in=None)
    log["watches"] = log["watches"].cast({"device": str, "logged_in": bool})
    return log


def test_devices_of_impressions_are_known_where_watches_have_none(tmp_path):
    data = full_log.prepared_data(tmp_path, _without_devices_of_watches())
    assert data.catalogue.vocabularies["device"] == ["phone", "tv"]
    assert not data.watches.devices.any()
    assert set(data.impressions.devices.tolist()) == {0, 1, 2}


def test_impressions_keep_what_was_said_of_each(tmp_path):
    log = full_log.tables()
    data = full_log.prepared_data(tmp_path, log)
    shown = log["impressions"].with_row_index("row").sort(["user_id", "time", "row"])
    found = data.impressions
    assert data.catalogue.vocabularies["source"] == ["popular", "tower"]
    names = [None, *data.catalogue.vocabularies["source"]]
    assert [names[i] for i in found.sources] == shown["source"].to_list()
    assert found.positions.tolist() == shown["position"].fill_null(-1).to_list()
    scores = shown["score"].cast(pl.Float32).fill_null(np.nan).to_numpy()
    np.testing.assert_array_equal(found.scores, scores)
    assert np.isnan(found.scores).any()
    chances = shown["propensity"].cast(pl.Float32).fill_null(np.nan).to_numpy()
    np.testing.assert_array_equal(found.propensities, chances)
    assert np.isnan(found.propensities).any()
    ids = [None, *data.videos["video_id"]]
    assert [ids[i] for i in found.seed_videos] == shown["seed_video_id"].to_list()
    assert [ids[i] for i in found.videos] == shown["video_id"].to_list()
    np.testing.assert_allclose(found.seconds, shown["watch_seconds"], rtol=1e-6)
    assert found.clicked.tolist() == shown["clicked"].to_list()


def test_a_page_is_that_of_one_user_and_page_id(tmp_path):
    log = full_log.tables()
    data = full_log.prepared_data(tmp_path, log)
    shown = log["impressions"].with_row_index("row").sort(["user_id", "time", "row"])
    keys = list(zip(shown["user_id"], shown["page_id"], strict=True))
    pages = data.impressions.pages.tolist()
    pairs = set(zip(keys, pages, strict=True))
    assert len(pairs) == len(set(keys)) == len(set(pages)) > 1


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"min_watch_seconds": 60.0}, lambda s, d: s >= 60),
        ({"min_watch_fraction": 0.5}, lambda s, d: s >= 0.5 * d),
        (
            {"min_watch_seconds": 200.0, "min_watch_fraction": 0.5},
            lambda s, d: (s >= 200) | (s >= 0.5 * d),
        ),
    ],
)
def test_completed_watches_alone_are_labels(tmp_path, settings, rule):
    log = full_log.tables()
    data = full_log.prepared_data(tmp_path, log, **settings)
    rows = _sorted_rows(log, data).join(log["videos"], on="video_id", how="left")
    rows = rows.sort(["user_id", "time", "row"])
    seconds, durations = rows["watch_seconds"], rows["duration_seconds"]
    completed = rule(seconds.to_numpy(), durations.to_numpy())
    np.testing.assert_array_equal(data.watches.are_completed, completed)
    train = data.watches.splits == SPLIT.TRAIN
    assert data.videos["train_count"].sum() == np.sum(train & completed)
    assert len(data.watches.videos) == rows.height  # all stand in histories


def test_leave_one_out_holds_out_completed_watches(tmp_path):
    data = full_log.prepared_data(
        tmp_path, full_log.tables(), protocol="leave_one_out", min_watch_seconds=200.0
    )
    splits = np.asarray(data.watches.splits)
    for user in range(data.num_users):
        own = np.arange(*data.watches.offsets[user : user + 2])
        done = own[data.watches.are_completed[own]]
        assert splits[done[-1]] == SPLIT.TEST
        assert splits[done[-2]] == SPLIT.VALIDATION
        later = own[(own > done[-2]) & ~np.isin(own, done)]
        assert np.all(splits[later] == SPLIT.CONTEXT)
        assert np.all(splits[own[own < done[-2]]] == SPLIT.TRAIN)


@pytest.mark.parametrize(
    ("table", "column", "setting"),
    [
        ("watches", "watch_seconds", "min_watch_seconds"),
        ("videos", "duration_seconds", "min_watch_fraction"),
    ],
)
def test_a_rule_without_its_column_is_refused(tmp_path, table, column, setting):
    log = full_log.tables()
    log[table] = log[table].drop(column)
    with pytest.raises(
        errors.UserError, match=rf"{table}\.{column} for data.{setting}"
    ):
        full_log.prepared_data(tmp_path, log, **{setting: 0.5})


def test_clicks_are_added_to_the_watches(tmp_path):
    log = full_log.tables()
    before = full_log.prepared_data(tmp_path / "a", log)
    data = full_log.prepared_data(tmp_path / "b", log, clicks_are_watches=True)
    clicks = log["impressions"].filter("clicked")
    both = pl.concat([log["watches"], clicks], how="diagonal")
    both = both.with_row_index("row").sort(["user_id", "time", "row"])
    assert (
        len(data.watches) == len(before.watches) + clicks.height > len(before.watches)
    )
    assert data.watches.times.tolist() == both["time"].to_list()
    seconds = both["watch_seconds"].fill_null(0.0)
    np.testing.assert_allclose(data.watches.seconds, seconds, rtol=1e-6)
    names = [None, *data.catalogue.vocabularies["device"]]
    assert [names[i] for i in data.watches.devices] == both["device"].to_list()
    # What impressions do not have is missing, and no watch is lost.
    states = {1: True, 0: False, -1: None}
    found = [states[i] for i in data.watches.logged_in.tolist()]
    assert found == both["logged_in"].to_list()
    assert len(data.impressions) == len(before.impressions)


@pytest.mark.parametrize("gap", [0.0, 40_000.0, 1e9])
def test_pages_without_ids_end_with_a_gap(tmp_path, gap):
    log = full_log.tables()
    log["impressions"] = log["impressions"].drop("page_id")
    shown = full_log.prepared_data(tmp_path, log, page_gap_seconds=gap).impressions
    users, times = shown.users.tolist(), shown.times.tolist()
    page, pages = -1, []
    for i, user in enumerate(users):
        is_new = not i or user != users[i - 1] or times[i] - times[i - 1] > gap
        page += is_new
        pages.append(page)
    assert shown.pages.tolist() == pages
    assert len(set(zip(users, pages, strict=True))) == page + 1
    assert (page + 1 == len(set(users))) == (gap == 1e9)


@pytest.mark.parametrize("gap", [None, 40_000.0])
def test_what_is_known_of_an_impression_ends_with_its_page(tmp_path, gap):
    log = full_log.tables()
    shown = log["impressions"]
    if gap is None:  # by ids, some of which are not known; a page lasts an hour
        times = pl.col("time") + pl.int_range(pl.len()).over("page_id") * 3_600
        known = pl.when(pl.int_range(pl.len()) % 7 != 0).then("page_id")
        shown = shown.with_columns(times.alias("time"), known.alias("page_id"))
    else:
        shown = shown.drop("page_id")
    log["impressions"] = shown
    data = full_log.prepared_data(tmp_path, log, page_gap_seconds=gap or 0.0)
    found, watches = data.impressions, data.watches
    asked = {}
    for page, time in zip(found.pages.tolist(), found.times.tolist(), strict=True):
        asked[page] = min(time, asked.get(page, time))
    assert found.request_times.tolist() == [asked[p] for p in found.pages.tolist()]
    assert (found.request_times < found.times).any()
    for row, user in enumerate(found.users.tolist()):
        of_user = slice(watches.offsets[user], watches.offsets[user + 1])
        before = watches.times[of_user] < found.request_times[row]
        assert found.num_watches[row] == before.sum()
