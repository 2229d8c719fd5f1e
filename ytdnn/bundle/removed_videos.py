"""Removed videos: the list in the workdir, which every export includes (DESIGN §8).

Each model of a bundle reads the list as an asset when it is loaded. This module does
not import TensorFlow.
"""

import json
import pathlib
from collections.abc import Collection

import polars as pl

from ytdnn.base import artifacts, errors

FILE = "removed_videos.json"  # in the workdir
ASSET = "removed_videos.txt"  # in each model
FACT = "removed_videos"
TITLES = "titles.parquet"
BUNDLE = "bundle"


def read(workdir: pathlib.Path) -> list[str]:
    """Returns the ids of removed videos, as text.

    Raises:
      errors.UserError: The list is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return []
    try:
        return [str(video_id) for video_id in json.loads(path.read_text())[FACT]]
    except (ValueError, KeyError, TypeError):
        raise errors.UserError(
            f'expected {{"{FACT}": […]}} in {path}, found something else: repair or '
            f"remove it"
        ) from None


def inputs(workdir: pathlib.Path) -> dict[str, str]:
    """Returns the list as an input of the bundle: its fingerprint, if there is one."""
    video_ids = read(workdir)
    return {FACT: artifacts.fingerprint(video_ids)} if video_ids else {}


def indices(catalogue: pl.Series, video_ids: Collection[str]) -> list[int]:
    """Returns the catalogue indices, from 1, of videos; unknown ids are skipped.

    Args:
      catalogue: Ids as text, in the order of their indices.
      video_ids: Ids as text.
    """
    ids = pl.Series(list(video_ids), dtype=pl.String)
    return [int(row) + 1 for row in catalogue.is_in(ids.implode()).arg_true()]


def text(of_indices: Collection[int]) -> str:
    """Returns the content of the file that `lookups.RemovedVideos` reads."""
    return "".join(f"{index}\n" for index in (0, *of_indices))
