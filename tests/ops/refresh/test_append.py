"""New events behind a prepared set are those of the whole log prepared at once."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import full_log
from tests.log import comparison
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import events, merged_shards, prepare, prepared, raw_log
from ytdnn.log.sources import memory_tables
from ytdnn.ops.refresh import append

PreparedData = prepared.PreparedData
Path = pathlib.Path

TABLES = (schema.WATCHES, schema.IMPRESSIONS, schema.SEARCHES)
IN_MEMORY = configs.DataConfig(source="tables")


def log(given: dict[str, pl.DataFrame]) -> raw_log.EventLog:
    return memory_tables.read(IN_MEMORY, memory_tables.from_frames(given))


@pytest.fixture(scope="module")
def whole() -> dict[str, pl.DataFrame]:
    """All tables; times are distinct enough for one order."""
    return full_log.tables()


@pytest.fixture(scope="module")
def moment(whole: dict[str, pl.DataFrame]) -> int:
    return int(whole[schema.WATCHES][schema.TIME].cast(pl.Int64).quantile(0.8))


def cut(
    tables: dict[str, pl.DataFrame], moment: int, is_old: bool
) -> dict[str, pl.DataFrame]:
    time = pl.col(schema.TIME)
    keep = time <= moment if is_old else time > moment
    return {
        name: frame.filter(keep) if name in TABLES else frame
        for name, frame in tables.items()
    }


@pytest.fixture(scope="module")
def old(
    whole: dict[str, pl.DataFrame],
    moment: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> PreparedData:
    before = memory_tables.from_frames(cut(whole, moment, is_old=True))
    return prepare.prepare(IN_MEMORY, tmp_path_factory.mktemp("old") / "data", before)


@pytest.fixture(scope="module")
def appended(
    old: PreparedData,
    whole: dict[str, pl.DataFrame],
    moment: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> PreparedData:
    """Of a log that holds the new rows alone, new videos and users alone too."""
    since = cut(whole, moment, is_old=False)
    target = tmp_path_factory.mktemp("appended") / "data"
    return append.append(old, log(since), target, {})


NEW_USERS = ("u11", "u3", "u7")  # of whom the old log has no event


@pytest.fixture(scope="module")
def days(
    whole: dict[str, pl.DataFrame], moment: int
) -> tuple[dict[str, pl.DataFrame], ...]:
    """The old log, and two days behind it with users of their own."""
    is_new = pl.col(schema.USER_ID).is_in(NEW_USERS)
    late = whole | {
        name: whole[name].filter(~is_new | (pl.col(schema.TIME) > moment))
        for name in TABLES
    }
    since = cut(late, moment, is_old=False)
    noon = int(since[schema.WATCHES][schema.TIME].cast(pl.Int64).quantile(0.5))
    parts = cut(since, noon, is_old=True), cut(since, noon, is_old=False)
    return cut(late, moment, is_old=True), *parts


def grown(
    days: tuple[dict[str, pl.DataFrame], ...], directory: Path, events_per_shard: int
) -> PreparedData:
    config = configs.DataConfig(source="tables", events_per_shard=events_per_shard)
    data = prepare.prepare(config, directory / "0", memory_tables.from_frames(days[0]))
    for number, day in enumerate(days[1:], 1):
        data = append.append(data, log(day), directory / str(number), {})
    return data


def test_a_set_of_shards_grows_as_one(
    days: tuple[dict[str, pl.DataFrame], ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_one = grown(days, tmp_path / "one", 1_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(merged_shards, "joined", _refused)
        sharded = grown(days, tmp_path / "many", 400)
    assert len(as_one.log.shards) == 1
    assert {*NEW_USERS} <= {*as_one.users[schema.USER_ID]}
    largest_user = 300
    assert max(shard.num_events for shard in sharded.log.shards) < 400 + largest_user
    comparison.assert_same_events(sharded, as_one)
    number = len(as_one.log.searches)
    assert sharded.log.queries.texts(0, number) == as_one.log.queries.texts(0, number)
    for name in ("users", "videos", "vocabularies"):
        files = [next(one.directory.glob(f"{name}.*")) for one in (sharded, as_one)]
        assert files[0].read_bytes() == files[1].read_bytes()
    for name in ("watches", "impressions", "vocabulary", "outcomes"):
        assert sharded.manifest.facts.get(name) == as_one.manifest.facts.get(name)


def _refused(*_: object) -> None:
    raise AssertionError("expected an append shard by shard, found all events joined")


def named(data: PreparedData, table: str) -> pl.DataFrame:
    """Returns a table's events by ids and texts, in their order."""
    found = getattr(data, table)
    frame = pl.DataFrame(
        {
            "user": data.users[schema.USER_ID].gather(found.users),
            "video": data.videos[schema.VIDEO_ID].gather(np.asarray(found.videos) - 1),
            "time": np.asarray(found.times),
        }
    )
    plain = ("seconds", "logged_in", "num_searches", "num_watches", "clicked")
    for name in (*plain, "positions", "scores"):
        values = getattr(found, name, None)
        if values is not None:
            frame = frame.with_columns(pl.Series(name, np.asarray(values)))
    for name, column in (("devices", schema.DEVICE), ("sources", schema.SOURCE)):
        codes = getattr(found, name, None)
        if codes is not None:
            texts = pl.Series(["", *data.catalogue.vocabularies[column]])
            frame = frame.with_columns(texts.gather(np.asarray(codes)).alias(name))
    return frame.sort("user", "time", "video", maintain_order=True)


@pytest.mark.parametrize("table", ["watches", "impressions"])
def test_events_are_those_of_the_whole_log(
    appended: PreparedData, whole: dict[str, pl.DataFrame], tmp_path: Path, table: str
) -> None:
    at_once = prepare.prepare(
        IN_MEMORY, tmp_path / "data", memory_tables.from_frames(whole)
    )
    left, right = named(appended, table), named(at_once, table)
    assert left.equals(right)
    pages = [np.asarray(d.impressions.pages) for d in (appended, at_once)]
    assert len(np.unique(pages[0])) == len(np.unique(pages[1]))


def test_columns_that_new_events_lack_are_missing_there(
    old: PreparedData, whole: dict[str, pl.DataFrame], moment: int, tmp_path: Path
) -> None:
    names = {
        schema.WATCHES: [schema.DEVICE, schema.LOGGED_IN],
        schema.IMPRESSIONS: [
            schema.SOURCE,
            schema.SCORE,
            schema.POSITION,
            schema.PROPENSITY,
            schema.SEED_VIDEO_ID,
            schema.DEVICE,
        ],
    }
    is_new = pl.col(schema.TIME) > moment
    sparse = whole | {
        table: whole[table].with_columns(
            pl.when(~is_new).then(pl.col(name)).alias(name) for name in columns
        )
        for table, columns in names.items()
    }
    since = cut(sparse, moment, is_old=False)
    appended = append.append(old, log(since), tmp_path / "appended", {})
    at_once = prepare.prepare(
        IN_MEMORY, tmp_path / "data", memory_tables.from_frames(sparse)
    )
    for table in names:
        left, right = named(appended, table), named(at_once, table)
        assert left.equals(right)
        assert left.height > old.manifest.facts[table]


def test_searches_are_those_of_the_whole_log(
    appended: PreparedData, whole: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    at_once = prepare.prepare(
        IN_MEMORY, tmp_path / "data", memory_tables.from_frames(whole)
    )

    def texts(data: PreparedData) -> list[tuple[str, int, str]]:
        users = np.repeat(
            data.users[schema.USER_ID].to_numpy(), np.diff(data.log.searches.offsets)
        )
        queries = data.log.queries.texts(0, len(users))
        return sorted(zip(users, data.log.searches.times, queries, strict=True))

    assert texts(appended) == texts(at_once)


def test_a_whole_grown_log_gives_the_same(
    old: PreparedData,
    appended: PreparedData,
    whole: dict[str, pl.DataFrame],
    moment: int,
    tmp_path: Path,
) -> None:
    config = dataclasses.replace(IN_MEMORY, events_per_shard=400)
    before = memory_tables.from_frames(cut(whole, moment, is_old=True))
    sharded = prepare.prepare(config, tmp_path / "sharded", before)
    for number, data in enumerate((old, sharded)):
        again = append.append(data, log(whole), tmp_path / str(number), {})
        assert named(again, "watches").equals(named(appended, "watches"))
        assert again.videos.equals(appended.videos)


def test_watched_videos_come_first(appended: PreparedData) -> None:
    split = np.asarray(appended.watches.splits) == events.Split.TRAIN
    videos = np.asarray(appended.watches.videos)[split]
    assert videos.max() == appended.vocabulary_size


def test_known_and_late_events_count_once(
    old: PreparedData,
    appended: PreparedData,
    whole: dict[str, pl.DataFrame],
    moment: int,
    tmp_path: Path,
) -> None:
    """Some known events, and one before the end of the old log that it has not."""
    since, watches = cut(whole, moment, is_old=False), whole[schema.WATCHES]
    late = watches.head(1).with_columns(pl.col(schema.TIME) + 1)
    twice = pl.concat([watches.tail(-500), late, since[schema.WATCHES].reverse()])
    found = append.append(
        old, log(since | {schema.WATCHES: twice}), tmp_path / "data", {}
    )
    assert len(found.watches) == len(appended.watches) + 1
    user, time = late.row(0, named=True)["user_id"], late[schema.TIME].item()
    own = named(found, "watches").filter(pl.col("user") == user)
    assert own["time"].to_list().count(time) == 1


def test_a_log_without_new_events_is_refused(
    old: PreparedData, whole: dict[str, pl.DataFrame], moment: int, tmp_path: Path
) -> None:
    before = cut(whole, moment, is_old=True)
    with pytest.raises(errors.UserError, match="has not, found none"):
        append.append(old, log(before), tmp_path / "data", {})
    assert not (tmp_path / "data").exists()
