"""The synthetic world as an event log: made in memory, or written to disk and read.

A written world is an artefact `world`: the tables as Parquet, events in a folder of
parts, and a manifest that says which world it is, so that its truth can be asked for.
"""

import contextlib
import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, configs, errors, registries, schema, table_schemas
from ytdnn.lab.world import generate, tables
from ytdnn.log import prepared, raw_log
from ytdnn.log.sources import casting, own_tables, parquet_files

KIND = "world"


@registries.LOGS.register("world")
def read(config: configs.DataConfig) -> raw_log.EventLog:
    """Makes the world of `config.world`, or reads the one written to `config.dir`.

    Args:
      config: The world or where it was written, and `where` as a filter over watches.

    Raises:
      errors.UserError: `name` or `columns` is set, which a world has not, or `dir`
        holds no world.
    """
    for flag, value in (
        ("--config.data.name", config.name),
        ("--columns", ",".join(config.columns)),
    ):
        if value:
            raise errors.UserError(
                f"expected no {flag} with --source=world, which is generated, "
                f"received {value}: choose --source=log or --source=movielens"
            )
    if config.dir:
        return _read_written(config)
    origins = {}
    for name, frame in _frames(generate.World(config.world)).items():
        file = f"the world's {name}"
        rows = frame.with_row_index(raw_log.ROW).lazy()
        if name == schema.WATCHES:
            rows = parquet_files.filter_rows(rows, config.where, file)
        origins[name] = raw_log.Origin(casting.normalise(name, rows, file), file)
    return raw_log.from_origins(origins, _facts(config.world))


def config_of(facts: dict[str, object]) -> configs.WorldConfig | None:
    """Returns the world that a log was made from, None for a log of another source."""
    if facts.get("source") != KIND:
        return None
    settings = dict(facts["world"])  # type: ignore[call-overload]
    return configs.component(configs.WorldConfig, settings)


@dataclasses.dataclass(frozen=True)
class KnownWorld:
    """A world behind a prepared set.

    Attributes:
      world: The world.
      users: `[num_users]`, the world's number of each user index.
      videos: `[num_videos]`, that of each catalogue index, the first of which is 1.
    """

    world: generate.World
    users: npt.NDArray[np.int64]
    videos: npt.NDArray[np.int64]


def known(data: prepared.PreparedData) -> KnownWorld | None:
    """Returns the world of a prepared set, None where the log is not a world's."""
    config = config_of(data.manifest.facts)
    if config is None:
        return None
    users, videos = data.users[schema.USER_ID], data.videos[schema.VIDEO_ID]
    return KnownWorld(_world(config), numbers(users), numbers(videos))


@functools.lru_cache(maxsize=1)
def _world(config: configs.WorldConfig) -> generate.World:
    """Makes a world once for all that is asked of it in an evaluation."""
    return generate.World(config)


def write(world: generate.World, directory: pathlib.Path) -> dict[str, int]:
    """Writes the tables of a world, a crowd at a time, in bounded memory.

    Args:
      world: The world.
      directory: Where the artefact will stand.

    Returns:
      Rows of each table.

    Raises:
      errors.UserError: Something that is no world stands there.
    """
    _require_replaceable(directory)
    rows = dict.fromkeys(table_schemas.TABLES, 0)
    facts: dict[str, object] = _facts(world.config)
    config = configs.to_dict(world.config)
    with artifacts.publish(directory, KIND, config, {}, facts) as partial:
        videos = frame_of(tables.videos_table(world))
        videos.write_parquet(partial / f"{schema.VIDEOS}.parquet")
        rows[schema.VIDEOS] = videos.height
        for number, part in enumerate(tables.parts_of(world)):
            for name, frame in frames_of(part).items():
                (partial / name).mkdir(exist_ok=True)
                frame.write_parquet(partial / name / f"part-{number:05d}.parquet")
                rows[name] += frame.height
        facts["rows"] = rows
    return rows


def _require_replaceable(directory: pathlib.Path) -> None:
    """Refuses a directory of other things, which publishing would replace."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        manifest = json.loads((directory / artifacts.MANIFEST).read_text())
        if manifest["kind"] == KIND:
            return
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise errors.UserError(
            f"expected a new directory or a written world at {directory}, found "
            f"other files: name another directory with --out"
        )


def first_crowd(directory: pathlib.Path) -> dict[str, pl.LazyFrame]:
    """Returns the tables of a written world's first users, a fair sample of all."""
    frames = {schema.VIDEOS: pl.scan_parquet(directory / f"{schema.VIDEOS}.parquet")}
    for name in table_schemas.TABLES:
        part = directory / name / "part-00000.parquet"
        if part.exists():
            frames[name] = pl.scan_parquet(part)
    return frames


def _facts(world: configs.WorldConfig) -> dict[str, object]:
    return {"source": KIND, "world": configs.to_dict(world)}


def _read_written(config: configs.DataConfig) -> raw_log.EventLog:
    directory = pathlib.Path(config.dir)
    if not (directory / artifacts.MANIFEST).exists():
        raise errors.UserError(
            f"expected a world written by `ytdnn world` in {config.dir}, found no "
            f"{artifacts.MANIFEST}: a log of your own is read with --source=log, a "
            f"public one with --source=movielens or --source=kuairand"
        )
    manifest = artifacts.read_manifest(directory, KIND)
    events = own_tables.read(config)
    world_config = artifacts.read_config(manifest, directory, configs.WorldConfig)
    return raw_log.from_origins(events.origins, events.facts | _facts(world_config))


def _frames(world: generate.World) -> dict[str, pl.DataFrame]:
    frames = frames_of({schema.VIDEOS: tables.videos_table(world)})
    parts = [frames_of(part) for part in tables.parts_of(world)]
    return frames | {n: pl.concat([part[n] for part in parts]) for n in parts[0]}


def numbers(ids: pl.Series) -> npt.NDArray[np.int64]:
    """Returns the world's numbers of ids like "u12" and "v7"."""
    return ids.str.slice(1).cast(pl.Int64).to_numpy()


def frames_of(tables_by_name: Mapping[str, tables.Table]) -> dict[str, pl.DataFrame]:
    """Returns tables of the world as frames."""
    return {name: frame_of(table) for name, table in tables_by_name.items()}


def frame_of(table: tables.Table) -> pl.DataFrame:
    """Returns a table of the world as a frame."""
    columns = {}
    for name, values in table.items():
        if isinstance(values, tables.CategoryColumn):
            known = pl.Series(name, values.values, dtype=pl.String)
            columns[name] = known.gather(values.codes)
        else:
            columns[name] = pl.Series(name, values)
    return pl.DataFrame(columns)
