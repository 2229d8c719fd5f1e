"""A bundle's answers as frames: slates, candidates, lists of many, and vectors."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.bundle import batches, bulk
from ytdnn.bundle import bundle as bundles
from ytdnn.retrieval import slate

Bundle = bundles.Bundle

REQUEST = "request"
SIMILAR_VIDEO_ID = "similar_video_id"
VECTOR = "vector"


def indices_of(known: pl.Series, ids: pl.Series) -> npt.NDArray[np.int64]:
    """Returns the place of each id of `ids` in `known`, -1 for unknown ids.

    An integer and its text are the same id.

    Args:
      known: Distinct ids.
      ids: Ids to look up.
    """
    names = pl.DataFrame({"id": known.cast(pl.String)}).with_row_index("index")
    frame = pl.DataFrame({"id": ids.cast(pl.String)})
    indices = frame.join(names, "id", "left", maintain_order="left")["index"]
    return indices.cast(pl.Int64).fill_null(-1).to_numpy()


def schema_of_lists(
    bundle: Bundle, ids: pl.Series, video: str, columns: Iterable[str] = (schema.SCORE,)
) -> dict[str, pl.DataType]:
    """Returns the columns of a frame of lists.

    Args:
      bundle: The bundle, with ids and titles of videos.
      ids: Users or videos that the lists are for.
      video: Name of the column of listed videos.
      columns: Further columns of each place.
    """
    title = {schema.TITLE: pl.String()} if _has_titles(bundle) else {}
    own = {video: bundle.id_type, **title, **{name: _type(name) for name in columns}}
    return {ids.name: ids.dtype, schema.RANK: pl.Int32(), **own}


def from_lists(
    bundle: Bundle, ids: pl.Series, lists: bulk.Lists, video: str = schema.VIDEO_ID
) -> pl.DataFrame:
    """Returns a row for each place of each list: `schema_of_lists`.

    Args:
      bundle: The bundle, with ids and titles of videos.
      ids: Users or videos that the lists are for, `[n]`.
      lists: The lists.
      video: Name of the column of listed videos.
    """
    rows, columns = np.nonzero(lists.videos)
    videos = bundle.videos[lists.videos[rows, columns] - 1]
    parts = [
        ids.gather(pl.Series(rows, dtype=pl.UInt32)),
        pl.Series(schema.RANK, columns + 1, pl.Int32),
        videos[schema.VIDEO_ID].rename(video),
        *([videos[schema.TITLE]] if _has_titles(bundle) else []),
        pl.Series(schema.SCORE, lists.scores[rows, columns], pl.Float32),
    ]
    for name, values in lists.more.items():
        column = bundles.column(name)
        parts.append(_series(column, values[rows, columns]))
    return pl.DataFrame(parts)


def lists_of_users(lists: pl.DataFrame, users: pl.Series) -> pl.DataFrame:
    """Returns lists by request with the columns of every answer.

    Args:
      lists: Rows of lists, with the place of their request.
      users: User of each request.
    """
    if schema.TITLE not in lists.columns:
        lists = lists.with_columns(pl.lit(None, pl.String).alias(schema.TITLE))
    first = [REQUEST, schema.RANK, schema.VIDEO_ID, schema.TITLE]
    wide = pl.col(schema.RANK).cast(pl.Int64), pl.col(pl.Float32).cast(pl.Float64)
    ordered = lists.select(*first, pl.exclude(first)).with_columns(wide)
    return ordered.insert_column(1, users.gather(lists[REQUEST]))


def from_answers(
    bundle: Bundle, answers: Sequence[bundles.BundleAnswer], users: Sequence[Any]
) -> pl.DataFrame:
    """Returns answers as rows; the user of each where any is named.

    Args:
      bundle: The bundle that answered.
      answers: Answer to each request.
      users: User of each request, None where it names none.
    """
    more = [name for name in bundle.meanings if name != schema.SCORE]
    ids = [answer.video_ids for answer in answers]
    columns = {
        REQUEST: [row for row, of_row in enumerate(ids) for _ in of_row],
        schema.RANK: [rank for of_row in ids for rank in range(1, len(of_row) + 1)],
        schema.VIDEO_ID: [video for of_row in ids for video in of_row],
        schema.TITLE: [title for answer in answers for title in answer.titles],
        schema.SCORE: [score for answer in answers for score in answer.scores],
    } | {
        name: [value for answer in answers for value in answer.more[name]]
        for name in more
    }
    types = {
        REQUEST: pl.Int64(),
        schema.RANK: pl.Int64(),
        schema.VIDEO_ID: bundle.id_type,
        schema.TITLE: pl.String(),
        schema.SCORE: pl.Float64(),
    } | {name: _type(name, pl.Float64()) for name in more}
    frame = pl.DataFrame(columns, types)
    if all(user is None for user in users):
        return frame
    if len({type(user) for user in users if user is not None}) > 1:
        users = [None if user is None else str(user) for user in users]
    named = pl.Series(schema.USER_ID, users)
    return frame.insert_column(1, named.gather(frame[REQUEST]))


def from_candidates(
    bundle: Bundle, request: dict[str, Any], exact: bool
) -> pl.DataFrame:
    """Returns the candidates of a request, those of the slate first.

    Args:
      bundle: The bundle that answers.
      request: A raw request, without `user_id`.
      exact: Whether to use the exact index.

    Returns:
      `rank` (null for a candidate outside the slate), `video_id`, `title`, `source`,
      `seed_video_id` (the watched video that a source found it by), `candidate_score`
      and `score`.

    Raises:
      errors.UserError: The request is malformed.
    """
    outputs, _ = bundle.candidates(request, exact)
    size = int(outputs[schema.NUM_RESULTS][0])
    row = {n: v[0, :size] for n, v in outputs.items() if n != schema.NUM_RESULTS}
    none = np.finfo(np.float32).min  # no score
    ids, seeds = (
        batches.plain(row[name][np.newaxis])[0]
        for name in (schema.IDS, bundles.SEED_IDS)
    )
    titles, names = bundle.titles, (None, *bundle.source_names)
    scores = row[bundles.CANDIDATE_SCORES].numpy()
    columns = {
        schema.RANK: [int(rank) or None for rank in row[bundles.RANKS]],
        schema.VIDEO_ID: pl.Series(ids, dtype=bundle.id_type),
        schema.TITLE: pl.Series([titles.get(video) for video in ids], dtype=pl.String),
        schema.SOURCE: [names[source] for source in row[bundles.SOURCES].numpy()],
        schema.SEED_VIDEO_ID: pl.Series(
            [seed if seed in titles else None for seed in seeds], dtype=bundle.id_type
        ),
        "candidate_score": [float(score) if score > none else None for score in scores],
        schema.SCORE: row[schema.SCORES].numpy().astype(float),
    }
    order = [schema.RANK, schema.SCORE]
    return pl.DataFrame(columns).sort(order, descending=[False, True], nulls_last=True)


def _type(column: str, number: pl.DataType = pl.Float32()) -> pl.DataType:  # noqa: B008
    """Returns the type of a column of `bundle.COLUMNS`."""
    return pl.Enum(slate.NAMES) if column == schema.PLACED_BY else number


def _series(column: str, values: npt.NDArray[Any]) -> pl.Series:
    """Returns a model's output as the values of a column of `bundle.COLUMNS`."""
    if column != schema.PLACED_BY:
        return pl.Series(column, values, _type(column))
    names = pl.Series(slate.NAMES, dtype=_type(column))
    return names.gather(pl.Series(values, dtype=pl.UInt32)).rename(column)


def _has_titles(bundle: Bundle) -> bool:
    return schema.TITLE in bundle.videos.columns


def from_vectors(ids: pl.Series, vectors: bulk.Vectors) -> pl.DataFrame:
    """Returns a row for each id with its vector, an array of float32."""
    return pl.DataFrame([ids, pl.Series(VECTOR, vectors)])
