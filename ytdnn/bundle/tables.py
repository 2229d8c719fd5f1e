"""A bundle's answers for many users or videos as frames: lists, and vectors."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.bundle import bulk, bulk_search
from ytdnn.bundle import bundle as bundle_room
from ytdnn.retrieval import placing

RANK = "rank"
SIMILAR_VIDEO_ID = "similar_video_id"
VECTOR = "vector"
_INDEX = "index"


def indices_of(known: pl.Series, ids: pl.Series) -> npt.NDArray[np.int64]:
    """Returns the place of each id of `ids` in `known`, -1 for unknown ids.

    An integer and its text are the same id.

    Args:
      known: Distinct ids.
      ids: Ids to look up.
    """
    names = pl.DataFrame({"id": known.cast(pl.String)}).with_row_index(_INDEX)
    given = pl.DataFrame({"id": ids.cast(pl.String)})
    found = given.join(names, "id", "left", maintain_order="left")[_INDEX]
    places: npt.NDArray[np.int64] = found.cast(pl.Int64).fill_null(-1).to_numpy()
    return places


def schema_of_lists(
    bundle: bundle_room.Bundle,
    ids: pl.Series,
    video: str,
    columns: Iterable[str] = (schema.SCORE,),
) -> dict[str, pl.DataType]:
    """Returns the columns of a frame of lists.

    Args:
      bundle: The bundle, with ids and titles of videos.
      ids: Users or videos that the lists are for.
      video: Name of the column of listed videos.
      columns: Further columns of each place.
    """
    title = {schema.TITLE: pl.String()} if _has_titles(bundle) else {}
    said = {name: type_of(name) for name in columns}
    of_video = {video: bundle.id_type, **title, **said}
    return {ids.name: ids.dtype, RANK: pl.Int32(), **of_video}


def type_of(column: str) -> pl.DataType:
    """Returns the type of a column of `bundle.COLUMNS`."""
    return pl.Enum(placing.NAMES) if column == schema.PLACED_BY else pl.Float32()


def of_lists(
    bundle: bundle_room.Bundle,
    ids: pl.Series,
    lists: bulk_search.Lists,
    video: str = schema.VIDEO_ID,
) -> pl.DataFrame:
    """Returns a row for each place of each list: `schema_of_lists`.

    Args:
      bundle: The bundle, with ids and titles of videos.
      ids: Users or videos that the lists are for, `[n]`.
      lists: The lists.
      video: Name of the column of listed videos.
    """
    rows, columns = np.nonzero(lists.videos)
    found = bundle.videos[lists.videos[rows, columns] - 1]
    parts = [
        ids.gather(pl.Series(rows, dtype=pl.UInt32)),
        pl.Series(RANK, columns + 1, pl.Int32),
        found[schema.VIDEO_ID].rename(video),
        *([found[schema.TITLE]] if _has_titles(bundle) else []),
        pl.Series(schema.SCORE, lists.scores[rows, columns], pl.Float32),
    ]
    for name, values in lists.more.items():
        column = bundle_room.column(name)
        parts.append(said(column, values[rows, columns]))
    return pl.DataFrame(parts)


def said(column: str, values: npt.NDArray[Any]) -> pl.Series:
    """Returns a model's output as the values of a column of `bundle.COLUMNS`."""
    if column != schema.PLACED_BY:
        return pl.Series(column, values, type_of(column))
    names = pl.Series(placing.NAMES, dtype=type_of(column))
    return names.gather(pl.Series(values, dtype=pl.UInt32)).rename(column)


def _has_titles(bundle: bundle_room.Bundle) -> bool:
    return schema.TITLE in bundle.videos.columns


def schema_of_vectors(ids: pl.Series, dim: int) -> dict[str, pl.DataType]:
    """Returns the columns of a frame of vectors of some width."""
    return {ids.name: ids.dtype, VECTOR: pl.Array(pl.Float32, dim)}


def of_vectors(ids: pl.Series, vectors: bulk.Vectors) -> pl.DataFrame:
    """Returns a row for each id with its vector, an array of float32."""
    return pl.DataFrame([ids, pl.Series(VECTOR, vectors)])
