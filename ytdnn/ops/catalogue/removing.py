"""Removes videos from all answers of a run's bundle, and restores them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ytdnn.base import errors, registries, user_paths
from ytdnn.run.pipeline import api
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.ops.catalogue import removals


@registries.HOOKS.register("remove_videos")
def remove_videos(
    workdir: api.Path, video_ids: Iterable[str | int]
) -> "removals.Removed":
    """Removes videos from every answer of the current bundle and of later exports.

    The bundle gets a new version with the models of the newest; nothing is rebuilt.
    Ids that are not in the catalogue are kept for later exports.

    Args:
      workdir: Directory of the run.
      video_ids: Ids as in the log.

    Raises:
      errors.UserError: There is no run, or no id is given.
    """
    return _changed(workdir, video_ids, restored=False)


@registries.HOOKS.register("restore_videos")
def restore_videos(
    workdir: api.Path, video_ids: Iterable[str | int]
) -> "removals.Removed":
    """Restores removed videos.

    Args:
      workdir: Directory of the run.
      video_ids: Ids as in the log.

    Raises:
      errors.UserError: There is no run, or a video was not removed.
    """
    return _changed(workdir, video_ids, restored=True)


def _changed(
    workdir: api.Path, video_ids: Iterable[str | int], restored: bool
) -> "removals.Removed":
    from ytdnn.ops.catalogue import removals

    directory = user_paths.expanded(workdir)
    workdir_room.require_config(directory)
    if isinstance(video_ids, str):
        video_ids = [video_ids]
    named = list(dict.fromkeys(str(video) for video in video_ids))
    if not named:
        raise errors.UserError("expected ids of videos, received none")
    with workdir_room.lock(directory):
        return removals.change(directory, named, restored)
