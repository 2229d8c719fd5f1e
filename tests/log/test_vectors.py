"""Vectors of videos and users: read, checked, stored, kept through every set."""

import pathlib

import numpy as np
import polars as pl
import pytest

from tests import full_log, vector_log
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import derived_sets, prepare, prepared, raw_log, vectors
from ytdnn.log.sources import memory_tables
from ytdnn.ops.refresh import append

NAME = "videos.clip"


def tables_in_memory(given: dict[str, pl.DataFrame]) -> raw_log.EventLog:
    config = configs.DataConfig(source="tables")
    return memory_tables.read(config, memory_tables.from_frames(given))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return vector_log.prepared_data(tmp_path_factory.mktemp("vectors"))


def expected_of(ids: pl.Series, table: str, column: str) -> np.ndarray:
    """Returns the log's vectors of ids at length one, zeros where there is none."""
    key = ids.name
    rows = vector_log.tables()[table].select(key, column)
    lists = ids.to_frame().join(rows, on=key, how="left", maintain_order="left")[column]
    none = [0.0] * vector_log.WIDTH
    found = np.array([none if one is None else one for one in lists.to_list()])
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def check(data: prepared.PreparedData) -> None:
    of_videos = data.catalogue.vectors.rows(NAME)
    assert of_videos.dtype == np.float16
    assert not of_videos[0].any()
    ids = data.videos[schema.VIDEO_ID]
    np.testing.assert_allclose(
        of_videos[1:], expected_of(ids, "videos", "clip"), atol=1e-3
    )
    of_users = expected_of(data.users[schema.USER_ID], "users", "taste")
    np.testing.assert_allclose(
        data.catalogue.vectors.rows("users.taste"), of_users, atol=1e-3
    )


def test_they_are_stored_once_at_unit_length_in_the_sets_order(
    data: prepared.PreparedData,
) -> None:
    check(data)
    assert data.catalogue.vectors.widths == {"users.taste": 6, NAME: 6}
    assert data.catalogue.vectors.missing == {"users.taste": 5, NAME: 5}
    assert isinstance(data.catalogue.vectors.rows(NAME), np.memmap)
    assert "clip" not in data.videos.columns
    assert NAME in data.catalogue.columns


BAD = {
    "nan": ([1.0, float("nan"), *[0.0] * 4], "vector of finite numbers, found a vect"),
    "infinite": ([1.0, float("-inf"), *[0.0] * 4], "a vector of finite numbers"),
    "null inside": ([1.0, None, *[0.0] * 4], "a vector of finite numbers"),
    "narrow": ([1.0, 2.0], r"as wide as the first vector .*a vector of 2 numbers"),
}


@pytest.mark.parametrize(("bad", "message"), BAD.values(), ids=BAD)
def test_a_bad_vector_stops_or_is_dropped(
    tmp_path: pathlib.Path, bad: list, message: str
) -> None:
    log = vector_log.tables()
    lists = log["videos"]["clip"].to_list()
    unwatched = full_log.NUM_VIDEOS + 1  # so that no event goes with it
    lists[unwatched] = bad
    log["videos"] = log["videos"].with_columns(
        pl.Series("clip", lists, pl.List(pl.Float64))
    )
    with pytest.raises(errors.UserError, match=message) as error:
        vector_log.prepared_data(tmp_path, log)
    assert f"row {unwatched + 1} of" in str(error.value)
    path = full_log.write(tmp_path / "log", log)
    config = configs.DataConfig(source="log", dir=str(path), bad_rows="drop")
    data = prepare.prepare(config, tmp_path / "dropped")
    assert sum(data.manifest.facts["bad_rows"].values()) == 1
    assert f"v{unwatched}" not in data.videos[schema.VIDEO_ID]


def test_vectors_of_length_zero_and_empty_lists_are_missing(
    tmp_path: pathlib.Path,
) -> None:
    log = vector_log.tables()
    lists = log["videos"]["clip"].to_list()
    lists[1], lists[2] = [0.0] * 6, []
    log["videos"] = log["videos"].with_columns(
        pl.Series("clip", lists, pl.List(pl.Float64))
    )
    assert vector_log.prepared_data(tmp_path, log).catalogue.vectors.missing[NAME] == 7


def test_very_long_and_very_short_vectors_have_their_direction() -> None:
    lists = [[3.0, 4.0], [3e38, -3e38], [1e-45, 0.0], [0.0, 0.0], None]
    rows = vectors.normalised(pl.Series(lists, dtype=vectors.DTYPE), 2, "videos.clip")
    half = 0.5**0.5
    expected = [[0.6, 0.8], [half, -half], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(rows, expected, atol=1e-3)


def test_columns_are_read_together_and_a_thousand_in_a_few_passes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, rng = vector_log.tables(), np.random.default_rng(1)
    size = log["videos"].height
    for width in (1, 2, 3):
        rows = rng.normal(size=(size, width)).tolist()
        lists = [row if i % (width + 1) else None for i, row in enumerate(rows)]
        column = pl.Series(f"of_{width}", lists, pl.List(pl.Float64))
        log["videos"] = log["videos"].with_columns(column)
    parts, passes = vectors._parts, []
    monkeypatch.setattr(vectors, "_parts", lambda *a: passes.append(a) or parts(*a))
    data = vector_log.prepared_data(tmp_path, log)
    assert len(passes) == 2  # of videos and of users
    given = dict(
        log["videos"].select("video_id", "of_1", "of_2", "of_3").rows_by_key("video_id")
    )
    for width in (1, 2, 3):
        found = data.catalogue.vectors.rows(f"videos.of_{width}")[1:]
        for video, row in zip(data.videos["video_id"], found, strict=True):
            vector = np.array(given[video][0][width - 1] or [0.0] * width)
            norm = np.linalg.norm(vector) or 1.0
            np.testing.assert_allclose(row, vector / norm, atol=1e-3)
    widths = {f"c{i}": 8 for i in range(1_000)} | {"wide": 9_000, "last": 8}
    chosen = vectors._passes(widths)
    assert [len(names) for names in chosen] == [256, 256, 256, 232, 1, 1]
    assert [name for names in chosen for name in names] == list(widths)


def test_rows_at_length_one_are_read_again_as_they_are() -> None:
    rng = np.random.default_rng(0)
    given = pl.Series(rng.normal(size=(500, 12)).tolist(), dtype=vectors.DTYPE)
    rows = vectors.normalised(given, 12, "videos.clip")
    stored = pl.Series(rows.astype(np.float32).tolist(), dtype=vectors.DTYPE)
    assert vectors.normalised(stored, 12, "videos.clip").tobytes() == rows.tobytes()


@pytest.mark.parametrize("part", list(derived_sets.Part))
def test_the_sets_of_a_refit_have_them_in_their_order(
    data: prepared.PreparedData, tmp_path: pathlib.Path, part: derived_sets.Part
) -> None:
    check(derived_sets.derive(data, part, tmp_path / part.value, needs_ranker=True))


def test_appended_events_keep_old_vectors_and_new_ones_replace_them(
    tmp_path: pathlib.Path,
) -> None:
    whole = vector_log.tables()
    moment = int(whole["watches"]["time"].quantile(0.8))
    events = ("watches", "searches", "impressions")

    def cut(keep: pl.Expr) -> dict[str, pl.DataFrame]:
        return {
            name: frame.filter(keep) if name in events else frame
            for name, frame in whole.items()
        }

    before = memory_tables.from_frames(cut(pl.col("time") <= moment))
    old = prepare.prepare(configs.DataConfig(source="tables"), tmp_path / "old", before)
    later = cut(pl.col("time") > moment)
    changed = pl.Series([[1.0, *[0.0] * 5]], dtype=pl.List(pl.Float64))
    videos = later["videos"].filter(pl.col("video_id").is_in(["v3", "v4"]))
    without = pl.lit(None, changed.dtype)
    is_third = pl.col("video_id") == "v3"
    videos = videos.with_columns(
        clip=pl.when(is_third).then(pl.lit(changed)).otherwise(without)
    )
    del later["users"]
    log = tables_in_memory(later | {"videos": videos})
    found = append.append(old, log, tmp_path / "new", {})
    ids = found.videos[schema.VIDEO_ID]
    expected = expected_of(ids, "videos", "clip")
    expected[ids.to_list().index("v3")] = np.eye(6)[0]
    np.testing.assert_allclose(
        found.catalogue.vectors.rows(NAME)[1:], expected, atol=1e-3
    )
    of_users = expected_of(found.users[schema.USER_ID], "users", "taste")
    np.testing.assert_allclose(
        found.catalogue.vectors.rows("users.taste"), of_users, atol=1e-3
    )
    narrow = videos.with_columns(pl.col("clip").list.head(2))
    log = tables_in_memory(later | {"videos": narrow})
    with pytest.raises(errors.UserError, match=r"clip .*as wide|of 6 numbers as befor"):
        append.append(old, log, tmp_path / "other", {})
