"""`ytdnn index …`: adds videos to the answers of a run, or removes them."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from ytdnn.base import errors, schema
from ytdnn.run import pipeline
from ytdnn.run.cli import command, flags, output
from ytdnn.run.pipeline import graph

FLAGS = (
    flags.WORKDIR,
    command.Flag(
        "file",
        "Parquet or CSV file with the columns of the log's table videos.",
        example="FILE",
        required=True,
    ),
    command.Flag(
        "columns",
        "Your column names in the file, such as videos.title=name.",
        example="TABLE.COLUMN=OWN,…|FILE.toml",
    ),
    command.Flag(
        "bad_rows", "What to do with invalid rows; default: stop.", example="stop|drop"
    ),
)
REMOVAL_FLAGS = (
    flags.WORKDIR,
    command.Flag("videos", "Ids of videos, as in the log.", example="ID,…"),
    command.Flag("file", "Ids as lines, or a table with video_id.", example="FILE"),
)
_MOST_SHOWN = 5


@command.register("index add", FLAGS)
def add(given: command.Arguments) -> None:
    """Add new uploads to the served videos, without training or a rebuild.

    Computes their vectors from content, with the trained video tower, and searches them
    exactly, next to the index, which stays as built. The bundle gets a new version,
    which a running server loads by itself. The table is kept in
    WORKDIR/added_videos.parquet for all later exports.

    Examples:
      ytdnn index add --workdir=runs/mine --file=uploads.parquet

    Raises:
      errors.UserError: There is no run with a content side, or the file is malformed.
    """
    directory = pathlib.Path(given.values["workdir"])
    columns, _ = flags.mapping(given.values, [schema.VIDEOS])
    added = pipeline.add_videos(
        directory,
        given.values["file"],
        columns=columns,
        bad_rows=command.choice(given, "bad_rows", ("stop", "drop"), "stop"),
        verbose=output.say,
    )
    output.result(lambda: added)
    changed = added.changed
    for reason, number in changed.dropped.items():
        output.say(f"dropped: {reason}: {number:,} rows")
    _say_some("columns that the catalogue lacks, not read", changed.unread)
    _say_some("in the catalogue already, left as they are", changed.known)
    _say_some("removed from all answers, and stay so", changed.removed)
    output.say(
        f"added videos: {changed.num_added:,}, {added.share:.1%} of the built index"
    )
    _say_version(directory, added.version)


@command.register("index remove", REMOVAL_FLAGS)
def remove(given: command.Arguments) -> None:
    """Remove videos from the served videos, without a rebuild.

    The bundle gets a new version of the same models without these videos, in less than
    a second; a running TensorFlow Serving loads it by itself. The list is kept in
    WORKDIR/removed_videos.json for all later exports.

    Examples:
      ytdnn index remove --workdir=runs/mine --videos=17,42
      ytdnn index remove --workdir=runs/mine --file=taken_down.txt

    Raises:
      errors.UserError: There is no run, or no id is given.
    """
    _change(given, pipeline.remove_videos)


@command.register("index restore", REMOVAL_FLAGS)
def restore(given: command.Arguments) -> None:
    """Restore removed videos.

    Undoes `index remove`, in the same way.

    Examples:
      ytdnn index restore --workdir=runs/mine --videos=42

    Raises:
      errors.UserError: There is no run, or a video was not removed.
    """
    _change(given, pipeline.restore_videos)


def _change(given: command.Arguments, change: Callable[..., Any]) -> None:
    directory = pathlib.Path(given.values["workdir"])
    result = change(directory, _video_ids(given))
    output.result(lambda: result)
    _say_some("not in the catalogue, kept for later exports", result.unknown)
    output.say(f"removed videos, all together: {len(result.video_ids)}")
    _say_version(directory, result.version)


def _say_some(what: str, names: Sequence[str]) -> None:
    if names:
        more = ", …" if len(names) > _MOST_SHOWN else ""
        output.say(f"{what}: {len(names)} ({', '.join(names[:_MOST_SHOWN])}{more})")


def _say_version(directory: pathlib.Path, version: int | None) -> None:
    none = "no bundle yet: the change is kept for the next export"
    place = f"bundle: {directory / graph.BUNDLE.name}, version {version}"
    output.say(none if version is None else place)


def _video_ids(given: command.Arguments) -> list[str]:
    """Returns the ids of the flags."""
    named = given.values.get("videos", "").split(",")
    if "file" in given.values:
        from ytdnn.log.sources import id_files  # imports Polars

        ids = id_files.read(pathlib.Path(given.values["file"]), schema.VIDEO_ID)
        named += map(str, ids[schema.VIDEO_ID])
    if not any(named):
        raise errors.UserError("expected --videos=ID,… or --file=FILE with ids in it")
    return [video for video in named if video]
