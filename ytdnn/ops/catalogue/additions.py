"""Adds videos to the table of added videos, which every export includes."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors, schema, whole_files
from ytdnn.bundle import added_videos, removed_videos
from ytdnn.log import new_videos, prepared


@dataclasses.dataclass(frozen=True)
class Changed:
    """The result of adding a table of videos.

    Attributes:
      num_named: Number of rows of the table.
      known: Ids in the prepared catalogue, which are unchanged.
      removed: Ids that are removed from all answers, which stay removed.
      unread: Columns that are not in the catalogue.
      dropped: Bad rows that were left out, by reason.
      num_added: Number of added videos after the change.
    """

    num_named: int
    known: list[str]
    removed: list[str]
    unread: list[str]
    dropped: dict[str, int]
    num_added: int


def change(
    workdir: pathlib.Path,
    data: prepared.PreparedData,
    given: Any,
    columns: Sequence[str] = (),
    bad_rows: str = "stop",
) -> Changed:
    """Adds a table of videos to the added videos of a workdir.

    A later row of a video replaces an earlier one. If nothing changes, the file is not
    written, and the bundle stays current.

    Args:
      workdir: Directory of the run; its lock is held by the caller.
      data: Prepared set of the run.
      given: Table, see `new_videos.read`.
      columns: Own column names, see `new_videos.read`.
      bad_rows: `stop` or `drop`, see `new_videos.read`.

    Raises:
      errors.UserError: The table cannot be read, or has no video.
    """
    found = new_videos.read(given, data, columns, bad_rows)
    if not found.table.height:
        raise errors.UserError("expected rows of new videos, received none")
    ids = found.table[schema.VIDEO_ID]
    is_known = ids.is_in(data.videos[schema.VIDEO_ID].implode())
    old = added_videos.read(workdir)
    kept = found.table.clear() if old is None else old
    new = found.table.filter(~is_known)
    table = pl.concat([kept, new], how="diagonal_relaxed")
    table = table.unique(schema.VIDEO_ID, keep="last", maintain_order=True)
    if table.height and (old is None or not table.equals(old)):
        _write(table, workdir / added_videos.FILE)
    removed = ids.cast(pl.String)
    return Changed(
        num_named=len(ids),
        known=ids.filter(is_known).cast(pl.String).to_list(),
        removed=removed.filter(removed.is_in(removed_videos.read(workdir))).to_list(),
        unread=found.unread,
        dropped=found.dropped,
        num_added=table.height,
    )


def _write(table: pl.DataFrame, path: pathlib.Path) -> None:
    """Writes the table atomically: readers see the old or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    table.write_parquet(partial)
    whole_files.flush(partial)
    partial.rename(path)
