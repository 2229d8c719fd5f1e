"""Answers for many users or videos, written part by part into a file.

`Recommender` returns the same as frames. Users, and limits of lists, are given as ids,
as a frame with a column of ids, or as the path of a file.
"""

import dataclasses
import numbers
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from ytdnn.base import errors, schema, user_paths
from ytdnn.run.pipeline import runner, shared_machines

if TYPE_CHECKING:
    import polars as pl

    from ytdnn.bundle import answer_files, bulk, bulk_ids
    from ytdnn.run.pipeline import recommender as one_recommender

    OutputFile = answer_files.OutputFile
    Stream = answer_files.Stream
    Recommender = one_recommender.Recommender

Where = Sequence[Mapping[str, Any]] | None
MaxPer = Mapping[str, int] | None
Weights = Mapping[str, float] | None
Progress = Callable[[int, int], None]  # is told the numbers of the done, and of all
Ids = Any  # an id | Iterable of ids | a frame | a pathlib.Path of a file | None


class ListLimits(TypedDict, total=False):
    """The limits and weights of lists, as `write_recommendations` takes them."""

    exclude: Ids
    allow: Ids
    where: Where
    policy: str
    max_per: MaxPer
    weights: Weights


_KEYS = (*schema.SHORT_KEYS, schema.POLICY)  # of requests too
_INPUTS = {  # of a signature, for these keys
    *(schema.POLICY, schema.CONDITIONS, schema.CONDITION_VALUES),
    *(schema.MAX_PER_COLUMNS, schema.MAX_PER_COUNTS),
    *(schema.WEIGHT_NAMES, schema.WEIGHT_VALUES),
}


def write_recommendations(
    recommender: "Recommender",
    out: runner.Path,
    users: Ids = None,
    k: int = 10,
    *,
    ranker: bool = True,
    index: str = "",
    exclude: Ids = None,
    allow: Ids = None,
    where: Where = None,
    policy: str = "",
    max_per: MaxPer = None,
    weights: Weights = None,
    machines: shared_machines.Machines | None = None,
    progress: Progress | None = None,
) -> "OutputFile":
    """Writes the recommendations of many users, in bounded memory.

    A row is a place of a list: `user_id` (as given), `rank`, `video_id`, `title` (if
    the log has titles), and with the ranker the columns of `Bundle.meanings`, else
    `score`. The metadata of a Parquet file explain the columns.

    Args:
      recommender: The bundle, with the log's users.
      out: A .parquet or .csv file, which is replaced at the end.
      users: Ids; a frame, or a `pathlib.Path` of Parquet or CSV, with a column
        `user_id`; or the path of a text file with an id in each line. None: all users
        of the log. Users that are not in the log are left out, with a note.
      k: Number of videos for each user.
      ranker: Whether the ranker, if there is one, orders the candidates; else the lists
        are the candidates by their scores.
      index: `served` (default) or `exact`; candidates without the ranker of a bundle
        are always exact.
      exclude: Videos to leave out, in the same forms, with a column `video_id`; with a
        column `user_id`, each is left out only for that user.
      allow: The only videos that lists may hold, in the same forms.
      where: Conditions on columns of videos (see `Recommender.recommend`).
      policy: Name of a saved set of conditions, which must hold too.
      max_per: Most videos of each value, by column (see `Recommender.recommend`).
      weights: Weights of the ranker's predictions (see `Recommender.recommend`).
      machines: Machines that make the lists, such as `on_spark.SparkMachines`; None:
        this machine.
      progress: Function of the numbers of finished and of all users.

    Returns:
      Facts about the written file, with notes about ids that were left out.

    Raises:
      errors.UserError: No given user is in the log, or a file cannot be read or
        written.
    """
    path = output_path(out, users, exclude, allow)
    options: dict[str, Any] = {"users": users, "k": k, "ranker": ranker, "index": index}
    options |= {"exclude": exclude, "allow": allow, "where": where, "policy": policy}
    options |= {"max_per": max_per, "weights": weights}
    if machines is None:
        return stream(recommender, **options).write(path, progress)
    with machines.lists(recommender, options, path) as divided:
        return divided.write(path, progress)


def stream(
    recommender: "Recommender",
    users: Ids,
    k: int,
    *,
    ranker: bool,
    index: str,
    **given: Unpack[ListLimits],
) -> "Stream":
    """Returns the recommendations of many users, part by part.

    See `write_recommendations`.
    """
    from ytdnn.bundle import answer_files

    _require_length(k)
    filters, notes = limits(recommender, **given)
    answers = answer_files.recommendations(
        recommender.bundle,
        recommender.logged,
        _users(recommender, users),
        k,
        filters,
        ranker=ranker,
        index=index,
    )
    return dataclasses.replace(answers, notes=[*notes, *answers.notes])


def write_similar(
    recommender: "Recommender",
    out: runner.Path,
    videos: Ids = None,
    k: int = 10,
    *,
    by: str = "",
    progress: Progress | None = None,
) -> "OutputFile":
    """Writes the result of `Recommender.similar` into a file.

    Args:
      recommender: The bundle.
      out: A .parquet or .csv file, which is replaced at the end.
      videos: Videos in the forms of `users` of `write_recommendations`, with a column
        `video_id`; None: all videos with a vector, except removed ones.
      k: Number of similar videos for each.
      by: See `Recommender.similar`.
      progress: Function of the numbers of finished and of all videos.

    Raises:
      errors.UserError: No video has a vector, or a file cannot be read or written.
    """
    path = output_path(out, videos)
    return similar(recommender, videos, k, by).write(path, progress)


def write_user_vectors(
    recommender: "Recommender",
    out: runner.Path,
    users: Ids = None,
    *,
    progress: Progress | None = None,
) -> "OutputFile":
    """Writes the result of `Recommender.user_vectors` into a Parquet file.

    Args:
      recommender: The bundle, with the log's users.
      out: A .parquet file, which is replaced at the end.
      users: See `write_recommendations`.
      progress: Function of the numbers of finished and of all users.

    Raises:
      errors.UserError: No given user is in the log, or a file cannot be read or
        written.
    """
    path = output_path(out, users, only_parquet=True)
    return user_vectors(recommender, users).write(path, progress)


def write_video_vectors(
    recommender: "Recommender",
    out: runner.Path,
    videos: Ids = None,
    *,
    progress: Progress | None = None,
) -> "OutputFile":
    """Writes the result of `Recommender.video_vectors` into a Parquet file.

    Args:
      recommender: The bundle.
      out: A .parquet file, which is replaced at the end.
      videos: See `write_similar`.
      progress: Function of the numbers of finished and of all videos.

    Raises:
      errors.UserError: No video has a vector, or a file cannot be read or written.
    """
    path = output_path(out, videos, only_parquet=True)
    return video_vectors(recommender, videos).write(path, progress)


def similar(recommender: "Recommender", videos: Ids, k: int, by: str = "") -> "Stream":
    """Returns the videos most similar to some videos, or to all, part by part."""
    from ytdnn.bundle import answer_files

    _require_length(k)
    video_ids = _videos(recommender, videos, by)
    return answer_files.similar(recommender.bundle, video_ids, k, by)


def user_vectors(recommender: "Recommender", users: Ids) -> "Stream":
    """Returns the vectors of some users, or of all, part by part."""
    from ytdnn.bundle import answer_files

    user_ids = _users(recommender, users)
    return answer_files.user_vectors(recommender.bundle, recommender.logged, user_ids)


def video_vectors(recommender: "Recommender", videos: Ids) -> "Stream":
    """Returns the vectors of some videos, or of all, part by part."""
    from ytdnn.bundle import answer_files

    return answer_files.video_vectors(recommender.bundle, _videos(recommender, videos))


def limits(
    recommender: "Recommender", **given: Unpack[ListLimits]
) -> tuple["bulk.BulkFilters", list[str]]:
    """Returns the limits and weights of lists, and warnings about them.

    Args:
      recommender: The bundle.
      **given: See `write_recommendations`.

    Raises:
      errors.UserError: A value is malformed, or names something that the bundle lacks.
    """
    from ytdnn.bundle import bulk, bulk_ids

    settings = {key: given.get(key) for key in _KEYS if given.get(key)}
    left_out = frame_of(
        given.get("exclude"), "exclude", schema.VIDEO_ID, schema.USER_ID
    )
    only = frame_of(given.get("allow"), "allow", schema.VIDEO_ID)
    request = _inputs(recommender, settings)
    warnings = recommender.bundle.warnings(settings) if settings else []
    if left_out is None and only is None:
        return bulk.BulkFilters(request=request), warnings
    filters, notes = bulk_ids.limits(
        recommender.bundle, lambda: recommender.data, left_out, only
    )
    return dataclasses.replace(filters, request=request), [*warnings, *notes]


def _inputs(recommender: "Recommender", settings: dict[str, Any]) -> dict[str, Any]:
    """Returns checked keys of requests as inputs of the recommender."""
    from ytdnn.bundle import requests

    if not settings:
        return {}
    fields = recommender.bundle.inputs(recommender.bundle.recommender(exact=True))
    known = {name: field for name, field in fields.items() if name in _INPUTS}
    values = requests.values(settings, known)
    return {name: value for name, value in values.items() if value}


def output_path(
    out: runner.Path, *read: Ids, only_parquet: bool = False
) -> pathlib.Path:
    """Returns the path of a file to write, if it can be written.

    Args:
      out: The path.
      *read: What is read, perhaps files.
      only_parquet: Whether it must be Parquet.

    Raises:
      errors.UserError: It cannot be written, or is one of the files that are read.
    """
    from ytdnn.bundle import answer_files

    path = user_paths.expanded(out)
    files = [user_paths.expanded(f) for f in read if isinstance(f, pathlib.Path)]
    is_other = path.resolve() not in [file.resolve() for file in files]
    errors.require(is_other, "the file to write", "none that is read", str(path))
    answer_files.require_path(path, *([answer_files.PARQUET] if only_parquet else []))
    return path


def _users(recommender: "Recommender", named: Ids) -> "bulk_ids.BulkIds":
    from ytdnn.bundle import bulk_ids

    frame = frame_of(named, "users", schema.USER_ID)
    ids = None if frame is None else frame[schema.USER_ID]
    return bulk_ids.users(recommender.data.log, ids, _place(named))


def _videos(recommender: "Recommender", named: Ids, by: str = "") -> "bulk_ids.BulkIds":
    from ytdnn.bundle import bulk_ids

    frame = frame_of(named, "videos", schema.VIDEO_ID)
    ids = None if frame is None else frame[schema.VIDEO_ID]
    return bulk_ids.videos(recommender.bundle, ids, _place(named), by)


def _place(named: Ids) -> str:
    return str(named) if isinstance(named, pathlib.Path) else "those named"


def frame_of(named: Ids, flag: str, column: str, *others: str) -> "pl.DataFrame | None":
    """Returns a frame of the given ids; None without any.

    Args:
      named: Ids in the forms of `users` of `write_recommendations`.
      flag: Name of the flag or argument, for messages.
      column: Column of the ids.
      *others: Optional columns.
    """
    import polars as pl

    from ytdnn.log.sources import frames, id_files

    if named is None:
        return None
    if isinstance(named, pathlib.Path):
        return id_files.read(named, column, others)
    if frames.is_frame(named):
        frame = frames.to_polars(named, flag).collect()
        return id_files.from_frame(frame, f"the frame of {flag}", column, others)
    listed = [named] if isinstance(named, str | numbers.Integral) else named
    fits = isinstance(listed, Iterable) and not isinstance(listed, Mapping | bytes)
    errors.require(fits, f"ids of {flag}", "a list, a frame or a pathlib.Path", named)
    plain = [one.item() if hasattr(one, "item") else one for one in listed]
    if len({type(one) for one in plain if one is not None}) > 1:
        plain = [str(one) for one in plain if one is not None]
    frame = pl.DataFrame([pl.Series(column, plain)])
    return id_files.from_frame(frame, f"the ids of {flag}", column)


def _require_length(k: int) -> None:
    errors.require(k >= 1, "k", "a whole number from 1", k)
