import numpy as np
import polars as pl
import pytest

from tests import changed_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import events, prepare, prepared

SPLIT = events.Split
START = 1_600_000_000


def _write(directory, **tables):
    directory.mkdir(parents=True, exist_ok=True)
    for name, columns in tables.items():
        pl.DataFrame(columns).write_parquet(directory / f"{name}.parquet")
    return directory


def _watches(rows):
    names = ("user_id", "video_id", "time")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["time"] = [START + time for time in columns["time"]]
    return columns


ROWS = [
    ("b", "v3", 5),
    ("b", "v1", 1),
    ("b", "v2", 3),
    ("a", "v2", 2),
    ("a", "v9", 2),
    ("a", "v1", 9),
    ("b", "v2", 8),
]


def _prepare(tmp_path, tables, **settings):
    log = _write(tmp_path / "log", **tables)
    settings = {"protocol": "leave_one_out", "vocabulary": "all"} | settings
    config = configs.DataConfig(source="log", dir=str(log), **settings)
    return prepare.prepare(config, tmp_path / "data")


def _ids(data, indices):
    ids = [None, *data.videos["video_id"].to_list()]
    return [ids[i] for i in indices]


def test_watches_are_sorted_by_user_and_time_with_ties_in_file_order(tmp_path):
    data = _prepare(tmp_path, {"watches": _watches(ROWS)})
    assert data.users["user_id"].to_list() == ["a", "b"]
    assert data.watches.offsets.tolist() == [0, 3, 7]
    assert _ids(data, data.watches.videos) == ["v2", "v9", "v1", "v1", "v2", "v3", "v2"]
    train, validation, test = SPLIT.TRAIN, SPLIT.VALIDATION, SPLIT.TEST
    splits = [train, validation, test, train, train, validation, test]
    assert data.watches.splits.tolist() == splits


def test_video_order_is_of_first_appearance_or_of_the_videos_table(tmp_path):
    tables = {"watches": _watches(ROWS)}
    data = _prepare(tmp_path, tables)
    assert data.videos["video_id"].to_list() == ["v3", "v1", "v2", "v9"]
    tables["videos"] = {"video_id": ["v9", "v2", "v0", "v3", "v1"]}
    data = _prepare(tmp_path, tables)
    assert data.videos["video_id"].to_list() == ["v9", "v2", "v3", "v1", "v0"]
    assert data.vocabulary_size == 4  # v0 is never watched


def test_the_training_vocabulary_has_only_videos_trained_on(tmp_path):
    data = _prepare(tmp_path, {"watches": _watches(ROWS)}, vocabulary="train")
    assert data.vocabulary_size == 2
    assert data.videos["video_id"].to_list() == ["v1", "v2", "v3", "v9"]
    assert _ids(data, data.watches.videos)[5] == "v3"  # validation only
    assert data.watches.videos[5] > data.vocabulary_size
    assert data.videos["train_count"].to_list() == [1, 2, 0, 0]


def test_order_may_stand_for_time(tmp_path):
    watches = _watches([("a", "v1", 9), ("a", "v2", 1), ("a", "v3", 5)])
    watches["order"] = [0, 1, 2]
    data = _prepare(tmp_path, {"watches": watches}, order_by="order")
    assert _ids(data, data.watches.videos) == ["v1", "v2", "v3"]
    data = _prepare(tmp_path, {"watches": watches}, order_by="time")
    assert _ids(data, data.watches.videos) == ["v2", "v3", "v1"]


def test_core_repeats_until_both_bounds_hold(tmp_path):
    # v9 has one watch; without it user a has one and goes; then v1 has one and goes.
    rows = [r for r in ROWS if r[:2] != ("a", "v1")] + [("b", "v3", 9)]
    data = _prepare(
        tmp_path, {"watches": _watches(rows)}, min_item_count=2, min_user_count=2
    )
    assert data.users["user_id"].to_list() == ["b"]
    assert set(data.videos["video_id"]) == {"v2", "v3"}
    assert data.manifest.facts["watches"] == 4


def test_impressions_are_rolled_back_to_strictly_before(tmp_path):
    impressions = _watches([("b", "v1", 1), ("b", "v1", 4), ("a", "v2", 9)])
    impressions["clicked"] = [True, False, True]
    data = _prepare(tmp_path, {"watches": _watches(ROWS), "impressions": impressions})
    assert data.impressions.users.tolist() == [0, 1, 1]
    assert data.impressions.num_watches.tolist() == [2, 0, 2]


def test_users_have_their_columns_in_order_of_the_index(tmp_path):
    users = {
        "user_id": ["b", "never", "a"],
        "gender": [None, "y", "x"],
        "age": [30, 1, None],
    }
    shown = [("a", "v1", 4), ("new", "v1", 4)]
    impressions = _watches(shown) | {"clicked": [True, True]}
    tables = {"watches": _watches(ROWS), "users": users, "impressions": impressions}
    assert _prepare(tmp_path, tables).users.rows(named=True) == [
        {"user_id": "a", "gender": "x", "age": None},
        {"user_id": "b", "gender": None, "age": 30.0},
        {"user_id": "new", "gender": None, "age": None},
    ]


def test_targets_are_distinct_and_not_watched_before(tmp_path):
    rows = [("a", v, t) for t, v in enumerate(["v1", "v2", "v2", "v1", "v3", "v3"])]
    data = _prepare(tmp_path, {"watches": _watches(rows)})
    users, ends = np.array([0]), np.array([1])
    watches = data.watches.replace(splits=np.array([0, 2, 2, 2, 2, 2], np.uint8))
    targets = changed_log.with_tables(data, watches=watches).windows.targets(
        users, ends, SPLIT.TEST
    )
    assert _ids(data, targets.values) == ["v2", "v3"]
    assert targets.offsets.tolist() == [0, 2]


def test_a_failed_prepare_leaves_what_was_there(tmp_path):
    before = _prepare(tmp_path, {"watches": _watches(ROWS)}).manifest
    with pytest.raises(errors.UserError):
        _prepare(tmp_path, {"watches": _watches(ROWS)}, min_item_count=50)
    assert prepared.load(tmp_path / "data").manifest == before


@pytest.mark.parametrize("name", ["videos.parquet", "shards/00000/watch_videos.npy"])
def test_swapped_or_truncated_files_are_refused(tmp_path, name):
    data = _prepare(tmp_path, {"watches": _watches(ROWS)})
    path = data.directory / name
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(errors.UserError, match=r"disagrees with manifest\.json"):
        prepared.load(data.directory)
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(errors.UserError, match="SHA-256"):
        prepared.load(data.directory)


def test_movielens_1m_core_is_that_of_published_tables(tmp_path, shared_data):
    directory = shared_data("ml-1m")
    config = configs.DataConfig(
        source="movielens",
        dir=str(directory),
        min_item_count=5,
        order_by="order",
        protocol="leave_one_out",
        vocabulary="all",
    )
    data = prepare.prepare(config, tmp_path / "data")
    assert (data.num_users, data.vocabulary_size) == (6_040, 3_416)
    assert data.num_videos == pl.read_parquet(directory / "items.parquet").height
    rows = pl.read_parquet(directory / "interactions.parquet")
    rows = rows.filter("in_sasrec_5core").sort("user_id", "seq")
    assert data.manifest.facts["watches"] == rows.height == 999_611
    ids = np.append(0, data.videos["video_id"].to_numpy())
    np.testing.assert_array_equal(ids[data.watches.videos], rows["item_id"].to_numpy())


def _with_split(names):
    return {"watches": _watches(ROWS) | {"split": list(names)}}


def test_a_split_column_is_taken_as_given(tmp_path):
    # Of ROWS: b v3 5, b v1 1, b v2 3, a v2 2, a v9 2, a v1 9, b v2 8.
    words = ["train", "test", "train", "train", "validation", "test", "validation"]
    impressions = {
        "user_id": ["b", "b", "a", "a", "a"],
        "video_id": ["v1"] * 5,
        "time": [START + t for t in (0, 1, 1, 2, 9)],
        "clicked": [True] * 5,
    }
    tables = _with_split(words) | {"impressions": impressions}
    data = _prepare(tmp_path, tables, protocol="split")
    train, validation, test = SPLIT.TRAIN, SPLIT.VALIDATION, SPLIT.TEST
    # b's test is its first watch: what is not held out is known before.
    of_a, of_b = [train, validation, test], [train, train, validation, test]
    assert data.watches.splits.tolist() == of_a + of_b
    # By the first held-out watches of each: a at 2 and 9, b at 1 (test).
    assert data.impressions.splits.tolist() == [train, validation, test, train, test]
    assert data.manifest.facts["split_column"] is True
    assert "split is not in order of time" in " ".join(data.manifest.facts["warnings"])


def test_temporal_takes_the_windows_of_a_split_in_order_of_time(tmp_path):
    # Times 5 1 3 2 2 9 8.
    words = ["validation", "train", "train", "train", "train", "test", "test"]
    data = _prepare(tmp_path, _with_split(words), protocol="temporal")
    assert data.manifest.facts["windows"]["validation"] == START + 5
    assert data.manifest.facts["windows"]["test"] == START + 8
    assert np.bincount(data.watches.splits).tolist() == [4, 1, 2]


def test_temporal_refuses_a_random_split(tmp_path):
    words = ["train", "test", "train", "train", "validation", "test", "validation"]
    with pytest.raises(errors.UserError, match="as a random split has"):
        _prepare(tmp_path, _with_split(words), protocol="temporal")


def test_a_split_that_is_no_split_is_a_bad_row(tmp_path):
    words = ["train", "tests", "train", "train", "validation", "test", None]
    with pytest.raises(errors.UserError, match=r"split.*tests"):
        _prepare(tmp_path, _with_split(words), protocol="split")


def test_protocol_split_needs_the_column(tmp_path):
    with pytest.raises(errors.UserError, match=r"expected column watches.split"):
        _prepare(tmp_path, {"watches": _watches(ROWS)}, protocol="split")
