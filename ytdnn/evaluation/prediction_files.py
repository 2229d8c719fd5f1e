"""Scores the predictions of any other system: a file of `user_id, video_id, score`.

With `request_id` in place of `user_id` it answers the protocol `requests`, whose
requests `ytdnn evaluate --write_requests=FILE` writes.

A user's rows in descending score are the user's list, with ties by lower video index as
everywhere. Watched videos are removed as from every list. A video that is not in the
prepared set keeps its place and is no hit; users outside the evaluation are ignored;
users without a row get an empty list. All three are counted.
"""

import dataclasses
import pathlib

import numpy as np
import polars as pl

from ytdnn.base import errors, ragged, schema, user_paths, whole_files
from ytdnn.evaluation import (
    external_systems,
    lists,
    report_parts,
    request_cases,
    user_cases,
)
from ytdnn.log import prepared, raw_log
from ytdnn.log.sources import csv_files, parquet_files

_COLUMNS = (schema.USER_ID, schema.VIDEO_ID, schema.SCORE)
_ROW = "row"
_HIGHEST_INDEX = 2**31 - 1  # of a video that is not known: last among ties


@dataclasses.dataclass(frozen=True)
class PredictionFile:
    """Checked predictions, ids as in the log, one row for each (user, video).

    Attributes:
      name: Name of the system in the report.
      frame: `user_id` or `request_id`, `video_id`, `score`.
    """

    name: str
    frame: pl.DataFrame

    @property
    def answers_requests(self) -> bool:
        """Whether lists are for requests, not for users."""
        return request_cases.REQUEST_ID in self.frame.columns

    @property
    def key(self) -> str:
        """The column that says whose list a row belongs to."""
        return request_cases.REQUEST_ID if self.answers_requests else schema.USER_ID


def read(path: pathlib.Path, data: prepared.PreparedData) -> external_systems.Other:
    """Opens a file of predictions to be measured.

    Args:
      path: The file.
      data: The prepared set it is measured on.

    Raises:
      errors.UserError: The file is malformed; see `parse`.
    """
    with raw_log.readable(str(path)):  # values that no cast turns into numbers
        systems = parse(path, data)
    made = {systems.name: maker(systems, data)}
    is_of_users = not systems.answers_requests
    return external_systems.Other(
        systems.name,
        "predictions",
        whole_files.sha256(path)[:16],
        made if is_of_users else {},
        lambda cases: {"predictions": describe(systems, data, cases)},
        request_makers={} if is_of_users else made,
    )


def parse(path: pathlib.Path, data: prepared.PreparedData) -> PredictionFile:
    """Reads and checks a Parquet or CSV file.

    Args:
      path: The file; its stem names the system.
      data: The prepared set, with the types of ids.

    Raises:
      errors.UserError: The file cannot be read, lacks a column, or has an id of another
        type, a score that is no number, or a repeated (user, video) pair.
    """
    path = pathlib.Path(path)
    frame = _scan(path)
    if schema.RANK in frame.columns and schema.SCORE not in frame.columns:
        ranks = pl.col(schema.RANK).cast(pl.Float64, strict=False)
        frame = frame.with_columns((-ranks).alias(schema.SCORE))
    is_of_requests = request_cases.REQUEST_ID in frame.columns
    whose = request_cases.REQUEST_ID if is_of_requests else schema.USER_ID
    columns = (whose, *_COLUMNS[1:])
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise errors.UserError(
            f"expected columns {', '.join(columns)} in {path}, found only "
            f"{', '.join(frame.columns) or 'none'}: rename yours"
        )
    frame = frame.select(columns)
    if not frame.height:
        raise errors.UserError(f"expected rows in {path}, found only its header")
    if is_of_requests:
        frame = _with_ids(path, frame, request_cases.REQUEST_ID, pl.Int64())
    for name, table in ((schema.USER_ID, data.users), (schema.VIDEO_ID, data.videos)):
        if name not in columns:
            continue
        frame = _with_ids(path, frame, name, table[name].dtype)
        if frame.height and not frame[name].is_in(table[name].implode()).any():
            raise errors.UserError(
                f"expected {name} in {path} to hold ids of {data.directory}, found "
                f"none (first id in the file {frame[name][0]!r}, in the prepared set "
                f"{table[name][0]!r})"
            )
    frame = _with_scores(path, frame)
    twice = frame.select(columns[:2]).is_duplicated()
    _refuse(
        path, frame, twice, schema.VIDEO_ID, f"each video once for a {columns[0][:-3]}"
    )
    if path.stem == lists.POPULARITY:
        raise errors.UserError(
            f"expected another name than {path.name}: the report already has a model "
            f"of that name"
        )
    return PredictionFile(path.stem, frame)


def _scan(path: pathlib.Path) -> pl.DataFrame:
    if not path.is_file():
        raise errors.UserError(
            f"expected a file of predictions in {path}, found {user_paths.kind(path)}"
        )
    with raw_log.readable(str(path)):
        if path.suffix == ".parquet":
            parquet_files.require_parquet(path)
            return pl.read_parquet(path)
        if path.suffix in (".csv", ".tsv"):
            options = csv_files.require_rows([path]).options()
            return pl.scan_csv(path, infer_schema=False, **options).collect()
    raise errors.UserError(
        f"expected predictions as .parquet, .csv or .tsv, received {path}"
    )


def _with_ids(
    path: pathlib.Path, frame: pl.DataFrame, name: str, dtype: pl.DataType
) -> pl.DataFrame:
    """Returns the frame with ids in the type of the prepared set."""
    column = frame[name]
    if column.dtype.is_float():
        raise errors.UserError(
            f"expected {name} in {path} to hold ids, found numbers with a fraction: "
            f"write them as integers or text"
        )
    ids = column.cast(dtype, strict=False)
    kind = "an integer" if dtype.is_integer() else "text"
    _refuse(path, frame, ids.is_null(), name, f"{kind}, as in the log")
    return frame.with_columns(ids)


def _with_scores(path: pathlib.Path, frame: pl.DataFrame) -> pl.DataFrame:
    given = frame[schema.SCORE]
    scores = given.cast(pl.Float64, strict=False)
    is_bad = ~scores.is_finite().fill_null(False) | given.dtype.is_temporal()
    _refuse(path, frame, is_bad, schema.SCORE, "a number, finite")
    return frame.with_columns(scores)


def _refuse(
    path: pathlib.Path, frame: pl.DataFrame, bad: pl.Series, name: str, expected: str
) -> None:
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise errors.UserError(
            f"expected {name} to be {expected}, found {frame[name][row]!r} in row "
            f"{row + 1} of {path} ({int(bad.sum()):,} such rows)"
        )


def maker(predictions: PredictionFile, data: prepared.PreparedData) -> lists.Maker:
    """Returns the maker of the lists in a file."""

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        rows, videos, scores = _indexed(predictions, data, cases)
        keep = lists.may_hold(cases, rows, videos)
        rows, videos, scores = rows[keep], videos[keep], scores[keep]
        tie = np.where(videos > 0, videos, _HIGHEST_INDEX)
        order = np.lexsort((tie, -scores, rows))
        return ragged.in_columns(rows[order], videos[order], (len(cases), k))

    return make


def describe(
    predictions: PredictionFile, data: prepared.PreparedData, cases: user_cases.Cases
) -> report_parts.PredictionCounts:
    """Returns the facts about a file for the report's protocol."""
    rows, videos, _ = _indexed(predictions, data, cases)
    return report_parts.PredictionCounts(
        rows=predictions.frame.height,
        of_other_users=predictions.frame.height - len(rows),
        out_of_vocabulary=int((videos == 0).sum()),
        users_without=len(cases) - len(np.unique(rows)),
    )


def _indexed(
    predictions: PredictionFile, data: prepared.PreparedData, cases: user_cases.Cases
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns case, video index (0: unknown) and score of each row of a case."""
    key = predictions.key
    if predictions.answers_requests:
        ids = pl.Series(cases.labels, dtype=pl.Int64)
    else:
        users = pl.Series(cases.users, dtype=pl.UInt32)
        ids = data.users[schema.USER_ID].gather(users)
    whom = pl.DataFrame({key: ids}).with_row_index(_ROW)
    known = data.videos.select(schema.VIDEO_ID).with_row_index("index", offset=1)
    frame = predictions.frame.join(whom, on=key, maintain_order="left")
    frame = frame.join(
        known, on=schema.VIDEO_ID, how="left", maintain_order="left"
    ).with_columns(pl.col("index").fill_null(0))
    return (
        frame[_ROW].to_numpy().astype(np.int64),
        frame["index"].to_numpy().astype(np.int64),
        frame[schema.SCORE].to_numpy(),
    )
