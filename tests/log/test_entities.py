"""The catalogue: every video the log knows, those with an embedding first."""

import polars as pl
import pytest

from tests import full_log
from ytdnn.log import prepared

START = 1_600_000_000
# leave_one_out: each user's last two watches are held out, so c, a are trained on.
WATCHES = [("u", "c", 1), ("u", "a", 2), ("u", "x", 3), ("u", "a", 4)]
IMPRESSIONS = [("u", "y", 1), ("u", "x", 2), ("u", "c", 2), ("u", "z", 3)]
VIDEOS = ["z", "a", "never", "x", "c", "y"]
TITLES = {video: f"Title of {video}" for video in VIDEOS}


def _events(rows, **more):
    users, videos, times = zip(*rows, strict=True)
    columns = {"user_id": users, "video_id": videos}
    return pl.DataFrame(columns | {"time": [START + t for t in times]} | more)


def _tables(seeds=None):
    more = {"clicked": [True] * len(IMPRESSIONS)}
    more |= {} if seeds is None else {"seed_video_id": seeds}
    return {
        "watches": _events(WATCHES),
        "impressions": _events(IMPRESSIONS, **more),
        "videos": pl.DataFrame({"video_id": VIDEOS, "title": [*TITLES.values()]}),
    }


def _prepare(tmp_path, tables, **settings):
    settings = {"protocol": "leave_one_out", "vocabulary": "train"} | settings
    return full_log.prepared_data(tmp_path, tables, **settings)


def _ids(data, indices):
    ids = [None, *data.videos["video_id"]]
    return [ids[i] for i in indices]


@pytest.mark.parametrize(
    ("vocabulary", "size", "expected"),
    [
        # x is watched, but only after training; y, z are only shown; never is neither.
        ("train", 2, ["a", "c", "z", "never", "x", "y"]),
        ("all", 3, ["a", "x", "c", "z", "never", "y"]),
    ],
)
def test_the_vocabulary_comes_first_and_each_part_in_file_order(
    tmp_path, vocabulary, size, expected
):
    data = _prepare(tmp_path, _tables(), vocabulary=vocabulary)
    assert data.videos["video_id"].to_list() == expected
    assert (data.vocabulary_size, data.num_videos) == (size, 6)
    assert data.manifest.facts["vocabulary"] == size
    assert data.manifest.facts["videos"] == 6
    titles = dict(zip(data.videos["video_id"], data.videos["title"], strict=True))
    assert titles == TITLES
    counts = dict(zip(expected, data.videos[prepared.TRAIN_COUNT], strict=True))
    assert counts == dict.fromkeys(VIDEOS, 0) | {"a": 1, "c": 1}


@pytest.mark.parametrize(
    ("vocabulary", "size", "expected"),
    [("train", 2, ["c", "a", "x", "y", "z"]), ("all", 3, ["c", "a", "x", "y", "z"])],
)
def test_without_the_table_videos_stand_in_order_of_appearance(
    tmp_path, vocabulary, size, expected
):
    tables = _tables()
    del tables["videos"]
    data = _prepare(tmp_path, tables, vocabulary=vocabulary)
    assert data.videos["video_id"].to_list() == expected
    assert data.vocabulary_size == size
    assert data.videos.columns == ["video_id", prepared.TRAIN_COUNT]


@pytest.mark.parametrize("with_table", [True, False])
@pytest.mark.parametrize("vocabulary", ["train", "all"])
def test_all_events_keep_their_videos(tmp_path, with_table, vocabulary):
    # Seeds: of the vocabulary, only shown, none, and one that nothing else names.
    tables = _tables(["a", "z", None, "elsewhere"])
    if not with_table:
        del tables["videos"]
    data = _prepare(tmp_path, tables, vocabulary=vocabulary)
    assert _ids(data, data.watches.videos) == [row[1] for row in WATCHES]
    assert _ids(data, data.impressions.videos) == [row[1] for row in IMPRESSIONS]
    assert _ids(data, data.impressions.seed_videos) == ["a", "z", None, None]


def test_what_the_filters_drop_is_known_but_has_no_embedding(tmp_path):
    # x has one watch; the filter drops it, not its impression or its title.
    data = _prepare(tmp_path, _tables(), vocabulary="all", min_item_count=2)
    assert data.videos["video_id"].to_list() == ["a", "z", "never", "x", "c", "y"]
    assert data.vocabulary_size == 1
    assert _ids(data, data.watches.videos) == ["a", "a"]
    assert _ids(data, data.impressions.videos) == [row[1] for row in IMPRESSIONS]


def test_seeds_of_another_type_than_videos_are_compared_as_text(tmp_path):
    data = _prepare(tmp_path, _tables([1, 2, 3, 4]))
    assert _ids(data, data.impressions.seed_videos) == [None] * 4
    (note,) = data.manifest.facts["notes"]["watches"]
    assert note.startswith("video_id: strings in ")
    assert "integers in impressions.seed_video_id in " in note


OWN = {
    "an_integer": (pl.Series([1, None, 3, 4, 5, 6]), pl.Float64),
    "a_float": (pl.Series([0.5, None, 3, 4, 5, 6]), pl.Float64),
    "a_text": (pl.Series(["p", None, "q", "", "ü", "p"]), pl.String),
    "a_category": (pl.Series([*"pqpqp", None], dtype=pl.Categorical), pl.String),
    "a_boolean": (pl.Series([True, None, False, True, True, False]), pl.String),
}


def _with_own(table):
    return table.with_columns(
        *(values.alias(name) for name, (values, _) in OWN.items()),
        pl.Series("a_list", [[1]] * table.height),
        pl.Series("__hidden", [1] * table.height),
    )


def _expected(values, dtype):
    found = values.to_list()
    if values.dtype == pl.Boolean:
        words = {True: "true", False: "false", None: None}
        return [words[value] for value in found]
    return (
        found if dtype == pl.String else [v if v is None else float(v) for v in found]
    )


@pytest.mark.parametrize("table", ["videos", "users"])
def test_own_columns_are_kept_numbers_as_floats_and_all_else_as_text(tmp_path, table):
    tables = _tables()
    names = ["never", "u", "v", "w", "x", "y"]
    tables["users"] = pl.DataFrame({"user_id": names, "age": [30] * 6})
    tables[table] = _with_own(tables[table])
    if table == "users":  # every user has an event
        rows = [(name, "a", 9) for name in names]
        tables["watches"] = pl.concat([tables["watches"], _events(rows)])
    data = _prepare(tmp_path, tables)
    found = getattr(data, table)
    key = "user_id" if table == "users" else "video_id"
    rows = tables[table].select(key).with_row_index("row")
    order = found.select(key).join(rows, on=key, maintain_order="left")["row"]
    for name, (values, dtype) in OWN.items():
        assert found[name].dtype == dtype, name
        assert found[name].to_list() == [_expected(values, dtype)[i] for i in order]
        assert f"{table}.{name}" in data.catalogue.columns
    # Several values are those of a video, such as tags.
    assert ("a_list" in found.columns) is (table == "videos")
    assert (f"{table}.a_list" in data.catalogue.columns) is (table == "videos")
    assert "__hidden" not in found.columns
    assert f"{table}.__hidden" not in data.catalogue.columns


def test_the_count_of_training_labels_is_never_the_users_own_column(tmp_path):
    tables = _tables()
    tables["videos"] = tables["videos"].with_columns(pl.lit(99).alias("train_count"))
    data = _prepare(tmp_path, tables)
    assert data.videos[prepared.TRAIN_COUNT].to_list() == [1, 1, 0, 0, 0, 0]
