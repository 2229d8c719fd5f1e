"""`ytdnn similar` and `ytdnn vectors`, and what commands for many ids share."""

import contextlib
import pathlib
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ytdnn.base import errors, progress
from ytdnn.run import pipeline
from ytdnn.run.cli import command, output
from ytdnn.run.pipeline import graph

if TYPE_CHECKING:
    from ytdnn.bundle import answer_files

Flag = command.Flag

ALL = "all"
_WHERE = {"workdir": "DIR", "bundle": "DIR"}


def _one_of(flags: Mapping[str, str], values: Mapping[str, str], name: str) -> str:
    """Returns which of two flags is given to a command.

    Raises:
      errors.UserError: Both are given, or neither.
    """
    chosen = [flag for flag in flags if flag in values]
    if len(chosen) != 1:
        asked = " or ".join(f"--{flag}={example}" for flag, example in flags.items())
        received = "both" if chosen else "neither"
        raise errors.UserError(
            f"expected {asked}, received {received} (ytdnn {name} --help)"
        )
    return chosen[0]


def load_recommender(values: Mapping[str, str], name: str) -> pipeline.Recommender:
    """Opens the bundle of --workdir, or that of --bundle.

    Raises:
      errors.UserError: Both flags are given, or neither, or the bundle cannot be
        opened.
    """
    if _one_of(_WHERE, values, name) == "bundle":
        return pipeline.Recommender.load(values["bundle"])
    directory = pathlib.Path(values["workdir"])
    return pipeline.Recommender.load(
        directory / graph.BUNDLE.name, directory / graph.DATA.name
    )


def named(value: str) -> pathlib.Path | None:
    """Returns the file that a flag names; None for `all`."""
    return None if value == ALL else pathlib.Path(value)


@contextlib.contextmanager
def progress_bar(what: str, unit: str) -> "Iterator[answer_files.Progress]":
    """Shows the progress, its rate, and the time left.

    Args:
      what: Name of the work.
      unit: Name of the unit, in the plural.

    Yields:
      A function of the numbers of finished and of all units.
    """
    started = time.monotonic()
    with progress.Bar(what, None, unit) as bar:

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.reach(done, f"{rate:,.0f} {unit}/s", total=total)

        yield show


def show(written: "answer_files.OutputFile", noun: str) -> None:
    """Prints the path, the meaning of the columns, and the omissions.

    Args:
      written: The file.
      noun: Name of a row's subject, such as "user".
    """
    output.result(lambda: written)
    seconds = max(written.seconds, 1e-9)
    plural = "" if written.num_asked == 1 else "s"
    output.say(
        f"{written.path}: {written.num_rows:,} rows of {written.num_asked:,} "
        f"{noun}{plural} in {seconds:,.1f} s ({written.num_asked / seconds:,.0f} "
        f"{noun}s/s)"
    )
    for column, meaning in written.meanings.items():
        output.say(f"{column}: {meaning}")
    for note in written.notes:
        output.say(f"note: {note}")


_PLACE = (
    Flag("workdir", "Directory of a run.", example="DIR"),
    Flag("bundle", "Directory of a bundle, instead of --workdir.", example="DIR"),
)
_SIMILAR_FLAGS = (
    *_PLACE,
    Flag("video", "A video_id of the event log.", example="VIDEO_ID"),
    Flag("all", "All videos with a vector; with --out.", is_switch=True),
    Flag("out", "A row for each video and rank.", example="FILE.parquet|FILE.csv"),
    Flag("k", "Number of similar videos; default: 10.", example="N"),
    Flag("by", "Vectors of the log, instead of the model's.", "", "videos.COLUMN"),
)
_VECTOR_FLAGS = (
    *_PLACE,
    Flag("users", "all, or a file of users by user_id.", example="all|FILE"),
    Flag("videos", "all, or a file of videos by video_id.", example="all|FILE"),
    Flag("out", "One id and vector a row.", example="FILE.parquet", required=True),
)
_KINDS = {"users": "all|FILE", "videos": "all|FILE"}
_K = 10


def _similar(given: command.Arguments) -> None:
    """Find the videos most similar to a video, or to each video into a file.

    Similarity is the cosine of the videos' vectors without their bias. The video itself
    and removed videos are left out. Without a content side, videos that were not
    watched in the training window have no vector. With --by, compares vectors of the
    log instead.

    Examples:
      ytdnn similar --workdir=runs/mine --video=17
      ytdnn similar --workdir=runs/mine --video=17 --by=videos.clip
      ytdnn similar --workdir=runs/mine --all --k=20 --out=similar.parquet
    """
    values = given.values
    k = command.whole("k", values.get("k", str(_K)))
    is_all = values.get("all") == "True"
    if is_all == ("video" in values):
        received = "both" if is_all else "neither"
        raise errors.UserError(
            f"expected --video=VIDEO_ID, or --all with --out=FILE, received {received} "
            f"(ytdnn similar --help)"
        )
    if is_all != ("out" in values):
        raise errors.UserError(
            "expected --out=FILE.parquet|FILE.csv with --all, received none"
            if is_all
            else "--out belongs to --all: videos similar to --video are printed"
        )
    recommender, by = load_recommender(values, "similar"), values.get("by", "")
    if is_all:
        with progress_bar("similar videos", "videos") as shown:
            written = pipeline.write_similar(
                recommender, values["out"], k=k, by=by, progress=shown
            )
        show(written, "video")
    else:
        _show(recommender, values["video"], k, by)


def _show(recommender: pipeline.Recommender, video: str, k: int, by: str) -> None:
    with warnings.catch_warnings(record=True) as noted:
        videos = recommender.similar([video], k, by)
    title = recommender.bundle.title(video)
    name = f"Similar to {video}" + (f": {title}" if title else "")
    name += f" (by {by})" if by else ""
    rows = [
        (row["rank"], row["similar_video_id"], row.get("title") or "", row["score"])
        for row in videos.iter_rows(named=True)
    ]
    output.result(lambda: {"videos": videos.to_dicts()})
    output.table(name, ("rank", "id", "title", "cosine"), rows)
    for warning in noted:
        output.say(f"note: {warning.message}")


def _vectors(given: command.Arguments) -> None:
    """Write the vectors of users or videos as Parquet.

    Writes user_id or video_id and an array of float32. The dot product of a user's and
    a video's vector is the candidate score; the video's last coordinate is its bias,
    where the user's is 1.

    Examples:
      ytdnn vectors --workdir=runs/mine --users=all --out=users.parquet
      ytdnn vectors --workdir=runs/mine --videos=all --out=videos.parquet
    """
    values = given.values
    kind = _one_of(_KINDS, values, "vectors")
    recommender = load_recommender(values, "vectors")
    is_of_users = kind == "users"
    write = pipeline.write_user_vectors if is_of_users else pipeline.write_video_vectors
    with progress_bar("vectors", kind) as shown:
        written = write(
            recommender,
            values["out"],
            named(values[kind]),
            progress=shown,
        )
    show(written, kind.removesuffix("s"))


COMMANDS = (
    command.from_function("similar", _similar, _SIMILAR_FLAGS),
    command.from_function("vectors", _vectors, _VECTOR_FLAGS),
)
