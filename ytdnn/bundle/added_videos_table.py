"""Added videos: their table in the workdir, which every export includes (DESIGN §8).

Videos that are not in the catalogue of the prepared set come after it in the models of
the bundle, and are in a delta part of each index.
"""

import pathlib

import polars as pl

from ytdnn.base import errors, whole_files
from ytdnn.log import new_videos_table, prepared

FILE = "added_videos.parquet"  # in the workdir
FACT = "added_videos"


def read(workdir: pathlib.Path) -> pl.DataFrame | None:
    """Returns the table of added videos, None where there are none.

    Raises:
      errors.UserError: The table is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return None
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise errors.UserError(
            f"expected a Parquet file in {path}, found a damaged one: remove it, and "
            f"add the videos again"
        ) from None


def inputs(workdir: pathlib.Path) -> dict[str, str]:
    """Returns the table as an input of the bundle: its fingerprint, if there is one."""
    path = workdir / FILE
    return {FACT: whole_files.sha256(path)[:16]} if path.exists() else {}


def extended(
    data: prepared.PreparedData, workdir: pathlib.Path
) -> prepared.PreparedData:
    """Returns a prepared set with the added videos at the end of its catalogue.

    Args:
      data: Prepared set of the run, or of its refit.
      workdir: Directory of the run.
    """
    table = read(workdir)
    return data if table is None else new_videos_table.added_to(data, table)
