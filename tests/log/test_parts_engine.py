"""A log of days in kept parts is prepared to the bytes of a log read as a whole."""

import dataclasses
import pathlib
import shutil
from collections.abc import Callable

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import parts, parts_engine, prepare

EVENTS = ("watches", "impressions", "searches")
Tables = dict[str, pl.DataFrame]


def days_of(frame: pl.DataFrame, bounds: list[int], rng: np.random.Generator) -> list:
    """Returns the rows between moments, some of them a day late."""
    times = frame[schema.TIME].to_numpy()
    day = np.searchsorted(np.sort(bounds), times, side="right")
    late = rng.random(len(times)) < 0.05
    day = np.where(late, np.minimum(day + 1, len(bounds)), day)
    return [frame.filter(pl.Series(day == n)) for n in range(len(bounds) + 1)]


def write_day(
    directory: pathlib.Path, tables: dict[str, list[pl.DataFrame]], day: int
) -> None:
    for name, days in tables.items():
        folder = directory / name / f"day={day:03d}"
        folder.mkdir(parents=True)
        days[day].write_parquet(folder / "part.parquet")


def files_of(directory: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def read_files(monkeypatch: pytest.MonkeyPatch) -> list[pathlib.Path]:
    """Returns the list that each file is added to when it is read."""
    found: list[pathlib.Path] = []
    read = parts.EventFile.read

    def noted(file: parts.EventFile) -> pl.DataFrame:
        found.append(file.path)
        return read(file)

    monkeypatch.setattr(parts.EventFile, "read", noted)
    return found


def spoilt(tables: Tables, rng: np.random.Generator) -> Tables:
    """Returns the tables with repeated and with bad rows of events."""
    found = dict(tables)
    for name in EVENTS:
        frame = tables[name]
        again = frame[rng.integers(len(frame), size=20)]
        bad = frame.head(3).with_columns(pl.lit(None, pl.String).alias("user_id"))
        found[name] = pl.concat([frame, again, bad]).sample(
            fraction=1.0, shuffle=True, seed=int(rng.integers(1 << 30))
        )
    return found


def plain_ids(tables: Tables) -> Tables:
    """Returns the tables with integer ids, and none of entities or pages."""

    def integer(name: str) -> pl.Expr:
        return pl.col(name).str.slice(1).cast(pl.Int64)

    return {
        name: tables[name].with_columns(
            integer(column)
            for column in ("user_id", "video_id", "seed_video_id")
            if column in tables[name].columns
        )
        for name in EVENTS
    } | {"impressions": plain_impressions(tables, integer)}


def plain_impressions(
    tables: Tables, integer: Callable[[str], pl.Expr]
) -> pl.DataFrame:
    shown = tables["impressions"].drop("page_id", "device")
    return shown.with_columns(map(integer, ("user_id", "video_id", "seed_video_id")))


@hypothesis.settings(max_examples=4, deadline=None, phases=[hypothesis.Phase.generate])
@hypothesis.given(
    seed=st.integers(0, 1_000),
    shares=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=4, unique=True),
    is_plain=st.booleans(),
    is_spoilt=st.booleans(),
    settings=st.sampled_from(
        [
            {"events_per_shard": 500},
            {"protocol": "leave_one_out", "vocabulary": "all"},
            {"events_per_shard": 900, "min_watch_seconds": 30.0},
        ]
    ),
)
def test_the_prepared_set_is_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    shares: list[float],
    is_plain: bool,
    is_spoilt: bool,
    settings: dict[str, object],
) -> None:
    directory = tmp_path_factory.mktemp("days")
    rng = np.random.default_rng(seed)
    tables = full_log.tables(seed)
    tables = spoilt(tables, rng) if is_spoilt else tables
    tables = plain_ids(tables) if is_plain else tables
    times = tables["watches"][schema.TIME]
    bounds = [int(times.quantile(share)) for share in shares]
    of_days = {name: days_of(tables[name], bounds, rng) for name in EVENTS}
    log = directory / "log"
    for name in set(tables) - set(EVENTS):
        log.mkdir(exist_ok=True)
        tables[name].write_parquet(log / f"{name}.parquet")
    config = configs.DataConfig(
        source="log",
        dir=str(log),
        bad_rows="drop" if is_spoilt else "stop",
        **settings,  # type: ignore[arg-type]
    )
    with pytest.MonkeyPatch.context() as patched:
        read = read_files(patched)
        for day in range(len(bounds) + 1):
            write_day(log, of_days, day)
            read.clear()
            if day in (len(bounds) // 2, len(bounds)):
                engine = parts_engine.PartsEngine(directory / "parts")
                prepare.prepare(config, directory / str(day) / "data", engine=engine)
        since = range(len(bounds) // 2 + 1, len(bounds) + 1)
        assert {path.parent.name for path in read} == {f"day={n:03d}" for n in since}
    whole = prepare.prepare(config, directory / "whole" / "data")
    grown = files_of(directory / str(len(bounds)) / "data")
    assert grown == files_of(whole.directory)


@pytest.fixture
def log(tmp_path: pathlib.Path) -> configs.DataConfig:
    tables = full_log.tables()
    rng = np.random.default_rng(0)
    middle = int(tables["watches"][schema.TIME].quantile(0.5))
    of_days = {name: days_of(tables[name], [middle], rng) for name in EVENTS}
    for day in range(2):
        write_day(tmp_path / "log", of_days, day)
    for name in ("users", "videos"):
        tables[name].write_parquet(tmp_path / "log" / f"{name}.parquet")
    return configs.DataConfig(source="log", dir=str(tmp_path / "log"))


def prepared_with(config: configs.DataConfig, directory: pathlib.Path) -> dict:
    engine = parts_engine.PartsEngine(directory / "parts")
    shutil.rmtree(directory / "data", ignore_errors=True)
    prepare.prepare(config, directory / "data", engine=engine)
    return files_of(directory / "data")


def test_a_changed_file_is_read_again(
    log: configs.DataConfig, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared_with(log, tmp_path)
    read = read_files(monkeypatch)
    assert prepared_with(log, tmp_path) == before
    assert read == []
    path = tmp_path / "log" / "watches" / "day=000" / "part.parquet"
    frame = pl.read_parquet(path)
    frame.head(len(frame) - 5).write_parquet(path)
    after = prepared_with(log, tmp_path)
    assert read == [path]
    whole = prepare.prepare(log, tmp_path / "whole" / "data")
    assert after == files_of(whole.directory) != before


def test_videos_that_are_listed_later_are_read_again(
    log: configs.DataConfig, tmp_path: pathlib.Path
) -> None:
    """A file with rows that were dropped is read again, since they may be good now."""
    dropped = dataclasses.replace(log, bad_rows="drop")
    path = tmp_path / "log" / "videos.parquet"
    videos = pl.read_parquet(path)
    videos.filter(pl.col("video_id") != "v3").write_parquet(path)
    before = prepared_with(dropped, tmp_path)
    videos.write_parquet(path)
    after = prepared_with(dropped, tmp_path)
    whole = prepare.prepare(dropped, tmp_path / "whole" / "data")
    assert after == files_of(whole.directory) != before


def test_csv_files_are_kept_too(tmp_path: pathlib.Path) -> None:
    watches = full_log.tables()["watches"]
    for day in range(3):
        folder = tmp_path / "log" / "watches"
        folder.mkdir(parents=True, exist_ok=True)
        watches[day::3].write_csv(folder / f"{day}.csv")
    config = configs.DataConfig(source="log", dir=str(tmp_path / "log"))
    found = prepared_with(config, tmp_path)
    whole = prepare.prepare(config, tmp_path / "whole" / "data")
    assert found == files_of(whole.directory)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"min_user_count": 5}, "min_user_count=5"),
        ({"where": "watch_seconds > 3"}, "--where=watch_seconds > 3"),
        ({"clicks_are_watches": True}, "clicks_are_watches"),
    ],
)
def test_logs_that_are_no_sum_of_files_are_refused(
    log: configs.DataConfig,
    tmp_path: pathlib.Path,
    settings: dict[str, object],
    named: str,
) -> None:
    config = dataclasses.replace(log, **settings)
    with pytest.raises(errors.UserError, match=named):
        prepared_with(config, tmp_path)


def test_a_bad_row_is_named_as_in_the_whole_log(
    log: configs.DataConfig, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "log" / "watches" / "day=001" / "part.parquet"
    frame = pl.read_parquet(path).with_columns(pl.col("watch_seconds") - 390.0)
    frame.write_parquet(path)
    messages = []
    for make in (
        lambda: prepared_with(log, tmp_path),
        lambda: prepare.prepare(log, tmp_path / "whole" / "data"),
    ):
        with pytest.raises(errors.UserError, match="watch_seconds") as caught:
            make()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
