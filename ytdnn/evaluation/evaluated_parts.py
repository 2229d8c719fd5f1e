"""A part of the users, or of the videos, that an evaluation is restricted to.

A part is named by a file of ids, or by a condition over columns of `users` or `videos`
as `country = 'DE' AND age < 30` (Polars SQL). Only users of the part are evaluated.
Only videos of the part count as right answers and impressions; the lists are not
filtered.
"""

import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import configs, errors, schema, user_paths
from ytdnn.log import prepared, raw_log
from ytdnn.log.sources import id_files

Bools = npt.NDArray[np.bool_]


def user_mask(data: prepared.PreparedData, named: str) -> Bools:
    """Returns whether each user is in a part, `[num_users] bool`.

    Args:
      data: The prepared set.
      named: A file of ids, or a condition over columns of `users`.

    Raises:
      errors.UserError: `named` is neither, or no user is in the part.
    """
    selection = data.users, schema.USER_ID, named, "users"
    return data.once((user_mask, named), lambda: selected(*selection))


def video_mask(data: prepared.PreparedData, named: str) -> Bools:
    """Returns whether each video is in a part, `[num_videos + 1] bool`; index 0 is not.

    Args:
      data: The prepared set.
      named: A file of ids, or a condition over columns of `videos`.

    Raises:
      errors.UserError: `named` is neither, or no video is in the part.
    """
    selection = data.videos, schema.VIDEO_ID, named, "videos"
    return np.append(
        False, data.once((video_mask, named), lambda: selected(*selection))
    )


def event_mask(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    videos: npt.NDArray[np.integer],
    config: configs.EvaluationConfig,
) -> Bools:
    """Returns whether each watch or impression is in the parts of a config.

    Args:
      data: The prepared set.
      users: `[n]` user index of each of them.
      videos: `[n]` catalogue index of each of them.
      config: Settings, with the parts.
    """
    mask = np.ones(len(users), bool)
    if config.users:
        mask &= user_mask(data, config.users)[users]
    if config.videos:
        mask &= video_mask(data, config.videos)[videos]
    return mask


def selected(frame: pl.DataFrame, key: str, named: str, what: str) -> Bools:
    """Returns whether a file of ids, or a condition, selects each row of a frame.

    Args:
      frame: Users or videos.
      key: Column of the ids.
      named: A file of ids, or a condition over the frame's columns.
      what: `users` or `videos`, for messages and the name of the flag.

    Raises:
      errors.UserError: `named` is neither, or selects no row.
    """
    path = pathlib.Path(named).expanduser()
    try:
        is_file = path.is_file()
    except OSError:  # too long for a name
        is_file = False
    if is_file:
        ids = id_files.read(path, key)[key].cast(pl.String)
        mask = frame[key].cast(pl.String).is_in(ids.implode()).to_numpy()
    else:
        mask = _condition(frame, named, what)
    if not mask.any():
        raise errors.UserError(
            f"expected --{what} to name {what} of the log, received {named!r}, which "
            f"selects none of {frame.height:,}"
        )
    return np.asarray(mask, bool)


def _condition(frame: pl.DataFrame, named: str, what: str) -> Bools:
    try:
        mask = frame.select(pl.sql_expr(named).alias("is_in_part"))["is_in_part"]
        if mask.dtype != pl.Boolean or len(mask) != frame.height:
            raise pl.exceptions.InvalidOperationError("not true or false of each row")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        path = user_paths.expanded(named)
        known = [name for name in frame.columns if name != prepared.TRAIN_COUNT]
        raise errors.UserError(
            f"expected --{what} to be a file of ids, or a condition over columns of "
            f"{what} ({raw_log.brief(', '.join(known))}) as \"language = 'en'\", "
            f"received {named!r}: no file ({user_paths.kind(path)}), and no condition "
            f"({raw_log.brief(error)})"
        ) from None
    return mask.fill_null(False).to_numpy()
