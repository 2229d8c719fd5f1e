"""Answers to requests as frames: a row for each video, best first in each request."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn.base import schema
from ytdnn.bundle import bundle as bundle_room
from ytdnn.bundle import tables

REQUEST = "request"
RANK = "rank"


def of_lists(found: pl.DataFrame, users: pl.Series) -> pl.DataFrame:
    """Returns lists by request with the columns of every answer.

    Args:
      found: Rows of lists, with the place of their request.
      users: User of each request.
    """
    if schema.TITLE not in found.columns:
        nothing = pl.lit(None, pl.String).alias(schema.TITLE)
        found = found.with_columns(nothing)
    first = [REQUEST, RANK, schema.VIDEO_ID, schema.TITLE]
    wide = pl.col(RANK).cast(pl.Int64), pl.col(pl.Float32).cast(pl.Float64)
    named = users.gather(found[REQUEST])
    ordered = found.select(*first, pl.exclude(first)).with_columns(wide)
    return ordered.insert_column(1, named)


def of_answers(
    bundle: bundle_room.Bundle,
    answers: Sequence[bundle_room.BundleAnswer],
    users: Sequence[Any],
) -> pl.DataFrame:
    """Returns answers as rows; the user of each where any is named.

    Args:
      bundle: The bundle that answered.
      answers: Answer to each request.
      users: User of each request, None where it names none.
    """
    said = [name for name in bundle.meanings if name != schema.SCORE]
    columns = {
        REQUEST: [row for row, one in enumerate(answers) for _ in one.video_ids],
        RANK: [n for one in answers for n in range(1, len(one.video_ids) + 1)],
        schema.VIDEO_ID: [video for one in answers for video in one.video_ids],
        schema.TITLE: [title for one in answers for title in one.titles],
        schema.SCORE: [score for one in answers for score in one.scores],
    } | {name: [value for one in answers for value in one.more[name]] for name in said}
    types = {
        REQUEST: pl.Int64(),
        RANK: pl.Int64(),
        schema.VIDEO_ID: bundle.id_type,
        schema.TITLE: pl.String(),
        schema.SCORE: pl.Float64(),
    } | {
        name: pl.Float64() if kind == pl.Float32() else kind
        for name in said
        for kind in [tables.type_of(name)]
    }
    frame = pl.DataFrame(columns, types)
    if all(user is None for user in users):
        return frame
    if len({type(user) for user in users if user is not None}) > 1:
        users = [None if user is None else str(user) for user in users]
    named = pl.Series(schema.USER_ID, users)
    return frame.insert_column(1, named.gather(frame[REQUEST]))
