"""Answers for many users or videos, written part by part into a file.

`Recommender` returns the same as frames. Users, and limits of lists, are given as ids,
as a frame with a column of ids, or as the path of a file.
"""

import dataclasses
import numbers
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ytdnn import errors, user_paths
from ytdnn.log import schema
from ytdnn.run.pipeline import api

if TYPE_CHECKING:
    import polars as pl

    from ytdnn.bundle import bulk, bulk_ids, streams
    from ytdnn.run.pipeline import machines as machines_room
    from ytdnn.run.pipeline import recommender as recommender_room

Where = list[dict[str, Any]] | None
MaxPer = Mapping[str, int] | None
Weights = Mapping[str, float] | None
Ids = Any  # an id | Iterable of ids | a frame | a pathlib.Path of a file | None


def write_recommendations(
    recommender: "recommender_room.Recommender",
    out: api.Path,
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
    machines: "machines_room.Machines | None" = None,
    progress: "streams.Progress | None" = None,
) -> "streams.Written":
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
      index: `served` or `exact`; empty: `served` with the ranker, `exact` without.
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
    from ytdnn.bundle import sink

    path = user_paths.expanded(out)
    sink.require_path(path)
    asked = {"users": users, "k": k, "ranker": ranker, "index": index}
    asked |= {"exclude": exclude, "allow": allow, "where": where, "policy": policy}
    asked["max_per"] = max_per
    asked["weights"] = weights
    if machines is None:
        return stream(recommender, **asked).write(path, progress)
    with machines.lists(recommender, asked, path) as divided:
        return divided.write(path, progress)


def stream(
    recommender: "recommender_room.Recommender",
    users: Ids,
    k: int,
    *,
    ranker: bool,
    index: str,
    exclude: Ids,
    allow: Ids,
    where: Where = None,
    policy: str = "",
    max_per: MaxPer = None,
    weights: Weights = None,
) -> "streams.Stream":
    """Returns the recommendations of many users, part by part.

    See `write_recommendations`.
    """
    from ytdnn.bundle import streams

    _require_length(k)
    weighed = weights if ranker else None
    found, notes = limits(recommender, exclude, allow, where, policy, max_per, weighed)
    made = streams.recommendations(
        recommender.bundle,
        recommender.logged,
        _users(recommender, users),
        k,
        found,
        ranker=ranker,
        index=index,
    )
    return dataclasses.replace(made, notes=[*notes, *made.notes])


def write_similar(
    recommender: "recommender_room.Recommender",
    out: api.Path,
    videos: Ids = None,
    k: int = 10,
    *,
    by: str = "",
    progress: "streams.Progress | None" = None,
) -> "streams.Written":
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
    from ytdnn.bundle import sink

    path = user_paths.expanded(out)
    sink.require_path(path)
    return similar(recommender, videos, k, by).write(path, progress)


def write_user_vectors(
    recommender: "recommender_room.Recommender",
    out: api.Path,
    users: Ids = None,
    *,
    progress: "streams.Progress | None" = None,
) -> "streams.Written":
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
    from ytdnn.bundle import sink

    path = user_paths.expanded(out)
    sink.require_path(path, sink.PARQUET)
    return user_vectors(recommender, users).write(path, progress)


def write_video_vectors(
    recommender: "recommender_room.Recommender",
    out: api.Path,
    videos: Ids = None,
    *,
    progress: "streams.Progress | None" = None,
) -> "streams.Written":
    """Writes the result of `Recommender.video_vectors` into a Parquet file.

    Args:
      recommender: The bundle.
      out: A .parquet file, which is replaced at the end.
      videos: See `write_similar`.
      progress: Function of the numbers of finished and of all videos.

    Raises:
      errors.UserError: No video has a vector, or a file cannot be read or written.
    """
    from ytdnn.bundle import sink

    path = user_paths.expanded(out)
    sink.require_path(path, sink.PARQUET)
    return video_vectors(recommender, videos).write(path, progress)


def similar(
    recommender: "recommender_room.Recommender", videos: Ids, k: int, by: str = ""
) -> "streams.Stream":
    """Returns the videos most similar to some videos, or to all, part by part."""
    from ytdnn.bundle import streams

    _require_length(k)
    asked = _videos(recommender, videos, by)
    return streams.similar(recommender.bundle, asked, k, by)


def user_vectors(
    recommender: "recommender_room.Recommender", users: Ids
) -> "streams.Stream":
    """Returns the vectors of some users, or of all, part by part."""
    from ytdnn.bundle import streams

    asked = _users(recommender, users)
    return streams.user_vectors(recommender.bundle, recommender.logged, asked)


def video_vectors(
    recommender: "recommender_room.Recommender", videos: Ids
) -> "streams.Stream":
    """Returns the vectors of some videos, or of all, part by part."""
    from ytdnn.bundle import streams

    return streams.video_vectors(recommender.bundle, _videos(recommender, videos))


def limits(
    recommender: "recommender_room.Recommender",
    exclude: Ids,
    allow: Ids,
    where: Where = None,
    policy: str = "",
    max_per: MaxPer = None,
    weights: Weights = None,
) -> tuple["bulk.BulkFilters", list[str]]:
    """Returns the limits of lists and weights, and messages about unknown ids."""
    from ytdnn.bundle import bulk, bulk_ids

    own: dict[str, Any] = {}
    if where or policy:
        own = dict(
            zip(
                ("conditions", "policy"),
                checked(recommender, where, policy),
                strict=True,
            )
        )
    if max_per:
        own["max_per"] = capped(recommender, max_per)
    if weights:
        own["weights"] = checked_weights(recommender, weights)
    if exclude is None and allow is None:
        return bulk.BulkFilters(**own), []
    left_out = _frame(exclude, "exclude", schema.VIDEO_ID, (schema.USER_ID,))
    only = _frame(allow, "allow", schema.VIDEO_ID)
    found, notes = bulk_ids.limits(
        recommender.bundle, lambda: recommender.data, left_out, only
    )
    return dataclasses.replace(found, **own), notes


def checked(
    recommender: "recommender_room.Recommender", where: Where, policy: str
) -> tuple[tuple[tuple[str, str], ...], str]:
    """Returns conditions as inputs of the models, and the policy.

    Raises:
      errors.UserError: A condition is malformed, or the bundle has no such column or
        policy.
    """
    from ytdnn.bundle import requests

    fields = recommender.bundle.inputs(recommender.bundle.recommender(exact=True))
    names = (schema.CONDITIONS, schema.CONDITION_VALUES, schema.POLICY)
    known = {name: field for name, field in fields.items() if name in names}
    given = {"where": where, schema.POLICY: policy}
    values = requests.values({key: v for key, v in given.items() if v}, known)
    pairs = zip(values.get(names[0], ()), values.get(names[1], ()), strict=True)
    return tuple(pairs), values.get(schema.POLICY, "")


def capped(
    recommender: "recommender_room.Recommender", max_per: MaxPer
) -> tuple[tuple[str, int], ...]:
    """Returns caps on columns of videos, checked.

    Raises:
      errors.UserError: A cap is malformed, or the bundle has no such column.
    """
    from ytdnn.bundle import where

    fields = recommender.bundle.inputs(recommender.bundle.recommender(exact=True))
    known = fields.get(schema.MAX_PER_COLUMNS)
    return tuple(where.capped(max_per, known.choices if known else ()).items())


def checked_weights(
    recommender: "recommender_room.Recommender", weights: Mapping[str, float]
) -> tuple[tuple[str, float], ...]:
    """Returns weights as inputs of the models.

    Raises:
      errors.UserError: The weights are malformed, or name something that the bundle
        does not predict.
    """
    from ytdnn.bundle import outcome_weights as weights_room

    fields = recommender.bundle.inputs(recommender.bundle.recommender(exact=True))
    found = weights_room.expanded({weights_room.WEIGHTS: weights}, fields)
    names = found.get(schema.WEIGHT_NAMES, [])
    return tuple(zip(names, found.get(schema.WEIGHT_VALUES, []), strict=True))


def _users(
    recommender: "recommender_room.Recommender", named: Ids
) -> "bulk_ids.BulkIds":
    from ytdnn.bundle import bulk_ids

    frame = _frame(named, "users", schema.USER_ID)
    ids = None if frame is None else frame[schema.USER_ID]
    return bulk_ids.users(recommender.data.log, ids, _place(named))


def _videos(
    recommender: "recommender_room.Recommender", named: Ids, by: str = ""
) -> "bulk_ids.BulkIds":
    from ytdnn.bundle import bulk_ids

    frame = _frame(named, "videos", schema.VIDEO_ID)
    ids = None if frame is None else frame[schema.VIDEO_ID]
    return bulk_ids.videos(recommender.bundle, ids, _place(named), by)


def _place(named: Ids) -> str:
    return str(named) if isinstance(named, pathlib.Path) else "those named"


def _frame(
    named: Ids, flag: str, column: str, others: tuple[str, ...] = ()
) -> "pl.DataFrame | None":
    """Returns a frame of the given ids; None without any.

    Args:
      named: Ids in the forms of `users` of `write_recommendations`.
      flag: Name of the flag or argument, for messages.
      column: Column of the ids.
      others: Optional columns.
    """
    import polars as pl

    from ytdnn.log.sources import frames, id_files

    if named is None:
        return None
    if isinstance(named, pathlib.Path):
        return id_files.read(named, column, others, f"--{flag}")
    if frames.is_frame(named):
        frame = frames.to_polars(named, flag).collect()
        return id_files.of_frame(frame, f"the frame of {flag}", column, others)
    listed = [named] if isinstance(named, str | numbers.Integral) else list(named)
    plain = [one.item() if hasattr(one, "item") else one for one in listed]
    if len({type(one) for one in plain}) > 1:
        plain = [str(one) for one in plain]
    frame = pl.DataFrame([pl.Series(column, plain)])
    return id_files.of_frame(frame, f"the ids of {flag}", column)


def _require_length(k: int) -> None:
    if k < 1:
        raise errors.UserError(f"expected k to be a whole number from 1, received {k}")
