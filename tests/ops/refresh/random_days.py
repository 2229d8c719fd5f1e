"""A random log that comes in days as platforms write them, and all of it at once."""

import dataclasses
import pathlib

import numpy as np
import polars as pl

from tests import full_log
from ytdnn import configs
from ytdnn.base import artifacts, schema
from ytdnn.log import prepare, prepared
from ytdnn.log.sources import memory_tables, own_tables
from ytdnn.ops.refresh import append

Tables = dict[str, pl.DataFrame]
IN_MEMORY = configs.DataConfig(source="tables")
_DAY = "day"
_FIRST = {  # columns by which events of one second are in order
    schema.WATCHES: ["video_id", "watch_seconds", "device", "logged_in"],
    schema.SEARCHES: ["query"],
    schema.IMPRESSIONS: ["video_id", "clicked", "watch_seconds"],
}
# What comes in one refresh: events of a second, and a slate.
_TOGETHER = dict.fromkeys(_FIRST, "time") | {schema.IMPRESSIONS: "page_id"}


@dataclasses.dataclass
class RandomDays:
    """A log in its order, and the parts that it comes in, the first one in order."""

    whole: Tables
    parts: list[Tables]


def draw(rng: np.random.Generator, num_days: int) -> RandomDays:
    """Draws a log: late events, days without tables, known events, doubled rows."""
    given = full_log.tables(int(rng.integers(1 << 30)))
    coarse = pl.col("time") - pl.col("time") % 7_200  # so that many share a second
    given[schema.WATCHES] = given[schema.WATCHES].with_columns(coarse)
    # A search without a word is counted, and then left out.
    with_word = pl.col("query").str.contains(r"[\p{L}\p{N}]")
    given[schema.SEARCHES] = given[schema.SEARCHES].filter(with_word)
    dated = {name: _dated(rng, name, given[name], num_days) for name in _FIRST}
    for day in range(1, num_days):
        for table in (schema.SEARCHES, schema.IMPRESSIONS):
            if rng.random() < 0.3:
                dated[table] = dated[table].filter(pl.col(_DAY) != day)
    parts: list[Tables] = []
    for day in range(num_days):
        part = {name: t.filter(pl.col(_DAY) == day) for name, t in dated.items()}
        part = {name: t.drop(_DAY) for name, t in part.items() if t.height}
        ids = {row for table in part.values() for row in table["user_id"]}
        users = given[schema.USERS].filter(pl.col("user_id").is_in(ids))
        if not day or rng.random() < 0.6:
            part[schema.USERS] = users
        if not day or rng.random() < 0.4:
            part[schema.VIDEOS] = given[schema.VIDEOS]
        parts.append(part)
    listed = pl.concat([part[schema.USERS] for part in parts if schema.USERS in part])
    whole = {n: _ordered(n, table.drop(_DAY)) for n, table in dated.items()}
    whole[schema.USERS] = listed.unique("user_id")
    whole[schema.VIDEOS] = given[schema.VIDEOS].sort("video_id")
    first = {n: _ordered(n, t) if n in _FIRST else t for n, t in parts[0].items()}
    later = [_messy(rng, number, parts) for number in range(1, num_days)]
    return RandomDays(whole, [first, *later])


def _dated(
    rng: np.random.Generator, table: str, rows: pl.DataFrame, num_days: int
) -> pl.DataFrame:
    """Returns events with the day that they come in; a tenth is late."""
    keys = ["user_id", _TOGETHER[table]]
    times = rows["time"].cast(pl.Int64)
    share = (times - times.min()) / (times.max() - times.min() + 1)
    day = np.maximum((share.to_numpy() - 0.6) / 0.4 * (num_days - 1) + 1, 0).astype(int)
    rows = rows.with_columns(pl.Series(_DAY, day)).with_columns(
        pl.col(_DAY).min().over(keys)
    )
    groups = rows.select(*keys, _DAY).unique(keys, maintain_order=True)
    late = rng.integers(0, 3, groups.height) * (rng.random(groups.height) < 0.1)
    moved = pl.Series(_DAY, np.minimum(groups[_DAY].to_numpy() + late, num_days - 1))
    return rows.drop(_DAY).join(groups.with_columns(moved), on=keys)


def _ordered(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("time", "user_id", *_FIRST[table])


def _messy(rng: np.random.Generator, day: int, parts: list[Tables]) -> Tables:
    """Returns a day in any order, with doubled rows and some of an earlier day."""
    messy = {}
    for table, rows in parts[day].items():
        pieces = [rows, rows.head(int(rng.integers(rows.height + 1)))]
        if rng.random() < 0.5 and table in _FIRST:
            pieces.append(parts[int(rng.integers(day))].get(table, rows.clear()))
        pieces = pieces if rng.random() < 0.7 else pieces[:1]
        seed = int(rng.integers(1 << 30))
        messy[table] = pl.concat(pieces).sample(fraction=1.0, shuffle=True, seed=seed)
    return messy


def write(rng: np.random.Generator, tables: Tables, directory: pathlib.Path) -> None:
    """Writes each table as one file, or as a folder of several."""
    directory.mkdir(parents=True)
    for name, rows in tables.items():
        cut = int(rng.integers(rows.height + 1))
        pieces = [rows.head(cut), rows.tail(-cut if cut else rows.height)]
        if rng.random() < 0.5 or not all(piece.height for piece in pieces):
            rows.write_parquet(directory / f"{name}.parquet")
            continue
        (directory / name).mkdir()
        for number, piece in enumerate(pieces):
            piece.write_parquet(directory / name / f"{number}.parquet")


def check(seed: int, directory: pathlib.Path, events_per_shard: int = 5_000) -> None:
    """Fails unless refreshes with random days give the bytes of one `prepare`."""
    rng = np.random.default_rng(seed)
    days = draw(rng, num_days=int(rng.integers(3, 6)))
    config = dataclasses.replace(IN_MEMORY, events_per_shard=events_per_shard)
    first = memory_tables.from_frames(days.parts[0])
    data = prepare.prepare(config, directory / "0", first)
    for number, part in enumerate(days.parts[1:], 1):
        if schema.WATCHES in part:
            write(rng, part, directory / f"day-{number}")
            given = configs.DataConfig(source="log", dir=f"{directory}/day-{number}")
            log = own_tables.read(given)
            data = append.append(data, log, directory / str(number), {})
    frames = memory_tables.from_frames(days.whole)
    at_once = prepare.prepare(config, directory / "at-once", frames)
    found, wanted = contents(data), contents(at_once)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == [], seed
    facts = [d.manifest.facts for d in (data, at_once)]
    for name in ("windows", "shards", "vocabulary", "watches", "impressions"):
        assert facts[0].get(name) == facts[1].get(name), (seed, name)


def contents(data: prepared.PreparedData) -> dict[str, bytes]:
    """Returns the files of a set but its manifest, which tells what it is made from."""
    return {
        str(path.relative_to(data.directory)): path.read_bytes()
        for path in data.directory.rglob("*")
        if path.is_file() and path.name != artifacts.MANIFEST
    }
