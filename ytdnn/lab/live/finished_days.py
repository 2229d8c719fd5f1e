"""Finished days on disk: the impressions and events of each arm, as event logs.

A day is an artefact, published atomically. All events of a world are a function of its
seed and of the slates that its users are shown, so the slates of finished days are
enough to resume a stopped test.
"""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, schema
from ytdnn.lab.live import arms
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.world import corpus, event_recorder, generate, policy, tables

World = generate.World
Path = pathlib.Path

KIND = "live_day"
LOG = "live_log"
EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)

Frames = dict[str, pl.DataFrame]


def frames(world: World, happened: Sequence[event_recorder.Events]) -> Frames:
    """Returns events as tables of the event log, in order of time."""
    parts = (tables.events_tables(world, one, arms.SOURCES) for one in happened)
    whole = joined([world_source.frames_of(part) for part in parts])
    return {
        name: frame.sort(schema.TIME, maintain_order=True)
        for name, frame in whole.items()
    }


def split_by_arm(
    frames_by_name: Frames, names: Sequence[str], arm_of: npt.NDArray[np.int64]
) -> dict[str, Frames]:
    """Returns the tables of each arm's users.

    Args:
      frames_by_name: Tables of all users.
      names: Names of the arms.
      arm_of: `[users]`, the arm of each.
    """
    split: dict[str, Frames] = {name: {} for name in names}
    for table, frame in frames_by_name.items():
        arm = arm_of[world_source.numbers(frame[schema.USER_ID])]
        for place, name in enumerate(names):
            split[name][table] = _known(frame.filter(arm == place))
    return split


def _known(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns a table without propensities if its arm draws nothing."""
    if schema.PROPENSITY not in frame.columns:
        return frame
    frame = frame.with_columns(pl.col(schema.PROPENSITY).fill_nan(None))
    is_known = frame[schema.PROPENSITY].null_count() < frame.height
    return frame if is_known else frame.drop(schema.PROPENSITY)


def write(
    directory: Path,
    day: int,
    of_arm: Mapping[str, Frames],
    serving: Mapping[str, Mapping[str, float]],
) -> None:
    """Publishes a finished day.

    Args:
      directory: Directory of the live test.
      day: Day of the world.
      of_arm: Tables of each arm's users.
      serving: Seconds and pages of each arm.
    """
    facts = {"serving": dict(serving)}
    target = path(directory, day)
    with artifacts.publish(target, KIND, {"day": day}, {}, facts) as partial:
        for arm, arm_frames in of_arm.items():
            (partial / arm).mkdir()
            for name, frame in arm_frames.items():
                frame.write_parquet(partial / arm / f"{name}.parquet")


def path(directory: Path, day: int) -> Path:
    """Returns the directory of a day."""
    return directory / "days" / f"{day:04d}"


def is_finished(directory: Path, day: int) -> bool:
    """Returns whether a day was written completely."""
    return (path(directory, day) / artifacts.MANIFEST).exists()


def serving(directory: Path, day: int) -> dict[str, dict[str, float]]:
    """Returns the seconds and number of slates of each arm on a finished day."""
    manifest = artifacts.load_manifest(path(directory, day), KIND)
    return manifest.facts["serving"]


def read(directory: Path, day: int, arm: str) -> Frames:
    """Returns the tables of an arm's users on a finished day."""
    return {
        name: pl.read_parquet(path(directory, day) / arm / f"{name}.parquet")
        for name in EVENTS
    }


def joined(logs: Sequence[Frames]) -> Frames:
    """Returns the tables of several days as one."""
    return {
        name: pl.concat([log[name] for log in logs], how="diagonal") for name in EVENTS
    }


def recorded(
    directory: Path, day: int, names: Sequence[str], length: int
) -> policy.Policy:
    """Returns the policy that repeats the slates of a finished day.

    Args:
      directory: Directory of the live test.
      day: Day of the world.
      names: Names of the arms.
      length: Length of the pages.

    Raises:
      errors.UserError: The day is damaged.
    """
    artifacts.read_manifest(path(directory, day), KIND)
    shown = pl.concat(
        [read(directory, day, arm)[schema.IMPRESSIONS] for arm in names],
        how="diagonal",
    )
    users = world_source.numbers(shown[schema.USER_ID])
    keys = _keys(users, shown[schema.TIME].to_numpy())
    distinct, places = np.unique(keys, return_inverse=True)
    seeds = shown[schema.SEED_VIDEO_ID].fill_null(f"v{corpus.NONE}")
    codes = {name: code for code, name in enumerate(arms.SOURCES)}
    sources = shown[schema.SOURCE].replace_strict(codes, return_dtype=pl.Int64)
    positions = shown[schema.POSITION].to_numpy()
    columns = {
        "videos": world_source.numbers(shown[schema.VIDEO_ID]),
        "sources": sources.to_numpy(),
        "scores": shown[schema.SCORE].to_numpy(),
        "seeds": world_source.numbers(seeds),
    }
    if schema.PROPENSITY in shown.columns:
        columns["propensities"] = shown[schema.PROPENSITY].to_numpy()
    pages = {}
    for name, values in columns.items():
        nothing = corpus.NONE if name in ("videos", "seeds") else 0
        pages[name] = np.full((len(distinct) + 1, length), nothing, values.dtype)
        pages[name][places, positions] = values

    def make_pages(requests: policy.PageRequests) -> policy.Page:
        wanted = _keys(requests.users.first + requests.rows, requests.times)
        place = np.searchsorted(distinct, wanted)
        there = np.append(distinct, -1)[place] == wanted
        place = np.where(there, place, len(distinct))  # nothing could be shown
        return policy.Page(**{name: values[place] for name, values in pages.items()})

    return make_pages


def _keys(
    users: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Returns a key of each visit, from user and time."""
    return (users.astype(np.int64) << 32) + times


def write_log(
    target: Path, directory: Path, numbers: range, arm: str, world: World
) -> None:
    """Publishes the events of an arm's users of all days as one event log.

    Args:
      target: Directory of the log.
      directory: Directory of the live test.
      numbers: The finished days.
      arm: Name of the arm.
      world: The world; the log holds its videos and users as of the last of these days.
    """
    logs = [read(directory, day, arm) for day in numbers]
    last = numbers[-1] + 1
    log_frames = joined(logs) | _entities(world, last, begin(last + 1))
    with artifacts.publish(target, LOG, {"arm": arm}, {}) as partial:
        for name, frame in log_frames.items():
            frame.write_parquet(partial / f"{name}.parquet")


def between(directory: Path, arm: str, world: World, first: int, stop: int) -> Frames:
    """Returns the log of an arm's users between the beginnings of two days.

    A visit may run past midnight. Its later events belong to the next day, so
    consecutive logs do not overlap in time.

    Args:
      directory: Directory of the live test.
      arm: Name of the arm.
      world: The world; the log holds its videos and users at `stop`.
      first: Day of the world.
      stop: First day after the log.
    """
    before = max(first - 1, world.config.num_days)
    logs = joined([read(directory, day, arm) for day in range(before, stop)])
    is_within = pl.col(schema.TIME).is_between(begin(first), begin(stop), "left")
    events_of = {name: frame.filter(is_within) for name, frame in logs.items()}
    return events_of | _entities(world, stop, begin(stop))


def begin(day: int) -> int:
    """Returns the first second of a day."""
    return corpus.START + day * corpus.SECONDS_PER_DAY


def _entities(world: World, day: int, until: int) -> Frames:
    """Returns the videos uploaded by a time, and the users who joined by a day."""
    videos = tables.videos_table(world, until)
    users = tables.users_table(world.all_users, day)
    return world_source.frames_of({schema.VIDEOS: videos, schema.USERS: users})
