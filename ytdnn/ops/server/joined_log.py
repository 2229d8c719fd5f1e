"""Joins the answers that a server gave with their feedback: an event log to train on.

    LOG/answers/2026-11-25/….parquet    a row for each answer
    LOG/feedback/2026-11-25/….parquet   a row for each feedback

`ytdnn serve` writes these parts. An answer of `k` videos to a user becomes `k`
impressions of one slate; a video without feedback was not clicked. Feedback counts if
it came within a given time after its answer; younger answers are left for a later join,
when their feedback is complete.
"""

import json
import pathlib
import shutil
import time
from collections.abc import Iterable, Mapping

import polars as pl

from ytdnn.base import errors, formats, schema, table_schemas, whole_files
from ytdnn.log import raw_log

ANSWERS = "answers"
FEEDBACK = "feedback"
REQUEST_ID = "request_id"
VERSION = "version"
SERVED_AT = "served_at"  # seconds since 1970, of the server's clock
VIDEO_IDS = "video_ids"
CANDIDATE_SCORES = "candidate_scores"
SOURCES = "sources"
SEED_IDS = "seed_ids"
_KEY = (REQUEST_ID, schema.VIDEO_ID)


def answers_schema(id_type: pl.DataType) -> dict[str, pl.DataType]:
    """Returns the columns of an answer.

    Args:
      id_type: Type of video ids.
    """
    ids = pl.List(id_type)
    return {
        REQUEST_ID: pl.String(),
        SERVED_AT: pl.Float64(),
        VERSION: pl.Int64(),
        schema.USER_ID: pl.String(),  # as JSON; null: none was given
        schema.TIME: pl.Int64(),  # of the request; null: not known
        schema.DEVICE: pl.String(),
        VIDEO_IDS: ids,
        schema.SCORES: pl.List(pl.Float32()),
        CANDIDATE_SCORES: pl.List(pl.Float32()),
        SOURCES: pl.List(pl.String()),
        SEED_IDS: ids,
        schema.PROPENSITIES: pl.List(pl.Float32()),  # nulls: pages were not drawn
        schema.PLACED_BY: pl.List(pl.String()),  # nulls: all by their scores
    }


def feedback_schema(
    id_type: pl.DataType, outcomes: Iterable[str] = ()
) -> dict[str, pl.DataType]:
    """Returns the columns of a feedback.

    Args:
      id_type: Type of video ids.
      outcomes: Own outcomes of the log, outside the schema.
    """
    others = [name for name in outcomes if name not in schema.OUTCOMES]
    return {
        REQUEST_ID: pl.String(),
        SERVED_AT: pl.Float64(),
        schema.VIDEO_ID: id_type,
        schema.CLICKED: pl.Boolean(),
        schema.WATCH_SECONDS: pl.Float64(),
        **{name: pl.Boolean() for name in schema.OUTCOMES},  # null: not said
        **{name: pl.Float64() for name in others},
    }


def user_text(user_id: str | int) -> str:
    """Returns a user id as text that its type can be restored from."""
    return json.dumps(user_id, ensure_ascii=False)


def join(
    log: pathlib.Path, out: pathlib.Path, wait: float, now: float | None = None
) -> dict[str, int]:
    """Writes impressions and watches of the served answers, and returns their numbers.

    Args:
      log: Directory of answers and feedback.
      out: Directory of the event log; a log written by an earlier join is replaced.
      wait: Seconds after an answer in which feedback counts.
      now: Current time, seconds since 1970; None: by the clock.

    Raises:
      errors.UserError: No answers were served, none is old enough, or `out` is no event
        log of a join.
    """
    now = time.time() if now is None else now
    answers = _read(log, ANSWERS)
    if answers is None:
        raise errors.UserError(
            f"expected a log of `ytdnn serve --log=DIR` in {log}, found no answers"
        )
    old = answers.filter(pl.col(SERVED_AT) <= now - wait)
    known = old.filter(pl.col(schema.USER_ID).is_not_null())
    if known.is_empty():
        number = formats.counted(len(answers), "answer")
        raise errors.UserError(
            f"expected answers to users in {log} that are older than {wait:g} s, found "
            f"none ({number}, {len(answers) - len(old):,} of them younger): give a "
            f"shorter --wait, or a user_id with each request"
        )
    feedback = _read(log, FEEDBACK)
    if feedback is None:
        id_type = answers.schema[VIDEO_IDS].inner  # type: ignore[attr-defined]
        feedback = pl.DataFrame(schema=feedback_schema(id_type))
    matched = feedback.join(
        answers.select(REQUEST_ID, VIDEO_IDS, answered_at=SERVED_AT), on=REQUEST_ID
    ).filter(pl.col(VIDEO_IDS).list.contains(pl.col(schema.VIDEO_ID)))
    in_time = matched.filter(pl.col(SERVED_AT) - pl.col("answered_at") <= wait)
    impressions, watches = _tables(known, in_time)
    _write(out, {schema.IMPRESSIONS: impressions, schema.WATCHES: watches})
    return {
        "answers": len(known),
        "impressions": len(impressions),
        "clicks": len(watches),
        "answers left for later, younger than the wait": len(answers) - len(old),
        "answers left out, without a user_id": len(old) - len(known),
        "feedback left out, later than the wait": len(matched) - len(in_time),
        "feedback left out, of no answer here": len(feedback) - len(matched),
    }


def _read(log: pathlib.Path, kind: str) -> pl.DataFrame | None:
    """Returns all answers or all feedback; None without any."""
    paths = sorted((log / kind).glob("*/*.parquet"))
    frames = []
    for path in paths:
        with raw_log.readable(str(path)):
            frames.append(pl.read_parquet(path))
    try:
        return pl.concat(frames, how="diagonal") if frames else None
    except pl.exceptions.PolarsError as error:
        line = str(error).partition("\n")[0]
        raise errors.UserError(
            f"expected parts of a served log with equal columns in {log / kind}, "
            f"found others: {line}"
        ) from None


def _tables(
    answers: pl.DataFrame, feedback: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the tables `impressions` and `watches`.

    Several feedbacks on one impression are merged: clicked if any is, with the longest
    watch time, and the greatest value of each outcome. Each click is a watch, a second
    after its slate.
    """
    others = {REQUEST_ID, SERVED_AT, schema.VIDEO_ID, VIDEO_IDS, "answered_at"}
    others |= {schema.CLICKED, schema.WATCH_SECONDS}
    outcomes = [
        name
        for name in feedback.columns
        if name not in others and feedback[name].null_count() < feedback.height
    ]
    merged = feedback.group_by(_KEY).agg(
        pl.col(schema.CLICKED).any(), pl.col(schema.WATCH_SECONDS, *outcomes).max()
    )
    shown = _shown(answers).join(merged, on=_KEY, how="left")
    # Without feedback an impression has no outcome.
    shown = shown.with_columns(
        pl.col(name).fill_null(pl.lit(0).cast(merged.schema[name]))
        for name in (schema.CLICKED, schema.WATCH_SECONDS, *outcomes)
    ).rename({REQUEST_ID: schema.PAGE_ID})
    watches = shown.filter(schema.CLICKED).select(
        schema.USER_ID,
        schema.VIDEO_ID,
        pl.col(schema.TIME) + 1,
        schema.WATCH_SECONDS,
        schema.DEVICE,
    )
    return (
        shown.sort(schema.TIME, schema.PAGE_ID, schema.POSITION),
        watches.sort(schema.TIME, schema.USER_ID),
    )


def _shown(answers: pl.DataFrame) -> pl.DataFrame:
    """Returns a row for each video of each answer."""
    columns = {
        VIDEO_IDS: schema.VIDEO_ID,
        SOURCES: schema.SOURCE,
        CANDIDATE_SCORES: schema.SCORE,
        SEED_IDS: schema.SEED_VIDEO_ID,
        schema.PROPENSITIES: schema.PROPENSITY,
    }
    # Answers of earlier servers have no propensities.
    unknown = pl.col(VIDEO_IDS).list.eval(pl.repeat(None, pl.len(), dtype=pl.Float32))
    if schema.PROPENSITIES in answers.columns:
        unknown = pl.coalesce(schema.PROPENSITIES, unknown)
    answers = answers.filter(pl.col(VIDEO_IDS).list.len() > 0)
    return (
        answers.select(
            _users(answers),
            pl.coalesce(schema.TIME, pl.col(SERVED_AT).cast(pl.Int64)),
            REQUEST_ID,
            schema.DEVICE,
            pl.int_ranges(pl.col(VIDEO_IDS).list.len()).alias(schema.POSITION),
            *(pl.col(name) for name in columns if name != schema.PROPENSITIES),
            unknown.alias(schema.PROPENSITIES),
        )
        .explode(*columns, schema.POSITION)
        .rename(columns)
    )


def _users(answers: pl.DataFrame) -> pl.Series:
    """Returns user ids as integers where all are, else as text."""
    ids = [json.loads(text) for text in answers[schema.USER_ID]]
    if all(isinstance(user_id, int) for user_id in ids):
        return pl.Series(schema.USER_ID, ids, pl.Int64)
    return pl.Series(schema.USER_ID, [str(user_id) for user_id in ids], pl.String)


def _write(out: pathlib.Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Writes the event log under a temporary name, and renames it."""
    out = whole_files.real(out)
    names = {f"{name}.parquet" for name in tables}
    is_own = out.is_dir() and {path.name for path in out.iterdir()} <= names
    expected = "new, or the output of an earlier join"
    errors.require(is_own or not out.exists(), "--out", expected, str(out))
    partial = whole_files.partial_name(out)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, frame in tables.items():
        required = {c.name for c in table_schemas.TABLES[name].columns if c.required}
        columns = [
            column
            for column in frame.columns
            if column in required or frame[column].null_count() < len(frame)
        ]
        frame.select(columns).write_parquet(partial / f"{name}.parquet")
    whole_files.replace(out, partial)
