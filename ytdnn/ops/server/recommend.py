"""The endpoints `/recommend` and `/feedback`, with a log of answers."""

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ytdnn.base import errors, schema, table_schemas
from ytdnn.bundle import bundle, requests
from ytdnn.log import log_tensors
from ytdnn.ops.server import (
    batching,
    current_request,
    joined_log,
    loaded_version,
    predict,
    settings,
)
from ytdnn.ops.state import posted_events
from ytdnn.retrieval import slate

_KEYS = (joined_log.REQUEST_ID, schema.VIDEO_ID, schema.CLICKED, schema.WATCH_SECONDS)
_ID = re.compile("[0-9a-f]{32}")
_NUMBERS = {n: c for n, c in bundle.COLUMNS.items() if n != schema.PLACED_BY}

Json = dict[str, Any]
Record = Callable[[str | int | None, Json], None]
"""Records an answer: its user and its row in the served log."""


async def ask(
    version: loaded_version.Version, request: Mapping[str, Any], limits: settings.Limits
) -> batching.QueueAnswer:
    """Returns the recommender's outputs for a request: every candidate, with ranks.

    Args:
      version: Version that answers.
      request: Request of `ytdnn.bundle.requests`, without `k`.
      limits: Limits of one request.

    Raises:
      errors.UserError: The request is malformed.
      problems.Problem: The version lacks the signature, or took too long.
    """
    signature = version.explaining(bundle.CANDIDATES)
    row = predict.check(request, signature.fields, limits)
    answered = await signature.queue.ask([row], limits.answer_seconds)
    seconds = answered.outputs[bundle.STAGE_SECONDS][0].tolist()
    record = current_request.current()
    record.stages["candidates"], record.stages["ranking"] = seconds[:2]
    record.facts[joined_log.VERSION] = version.number
    return answered


def _slate(outputs: batching.Outputs, k: int) -> np.ndarray:
    """Returns the rows of the recommended candidates, the best first."""
    ranks = outputs[bundle.RANKS][0, : int(outputs[schema.NUM_RESULTS][0])]
    ranked = np.flatnonzero(ranks)
    return np.asarray(ranked[np.argsort(ranks[ranked])][:k])


def described(
    version: loaded_version.Version,
    outputs: batching.Outputs,
    rows: np.ndarray | None = None,
) -> list[Json]:
    """Returns candidates of an answer as JSON.

    Args:
      version: Version that answered.
      outputs: Its outputs for one request.
      rows: The candidates, in order; None: all, in the order of their sources.
    """
    if rows is None:
        rows = np.arange(int(outputs[schema.NUM_RESULTS][0]))
    columns: dict[str, list[Any]] = {
        name: predict.plain(values[0, rows])
        for name, values in outputs.items()
        if values.ndim > 1 and name != bundle.STAGE_SECONDS
    }
    outcomes, names = version.bundle.outcomes, version.bundle.source_names
    unknown = [None] * len(rows)
    placed = columns.get(schema.PLACED_BY)
    scores = columns[bundle.CANDIDATE_SCORES]
    sources = columns[bundle.SOURCES]
    videos, seeds = columns[schema.IDS], columns[bundle.SEED_IDS]
    known = version.bundle.titles
    named = {
        "rank": columns[bundle.RANKS],
        schema.VIDEO_ID: videos,
        schema.TITLE: [version.bundle.title(video) for video in videos],
        **{column: columns.get(name, unknown) for name, column in _NUMBERS.items()},
        **{name: columns[name] for name in outcomes},
        schema.PLACED_BY: [slate.NAMES[by] for by in placed] if placed else unknown,
        "candidate_score": [s if s > log_tensors.NO_SCORE else None for s in scores],
        schema.SOURCE: [names[s - 1] if s else None for s in sources],
        schema.SEED_VIDEO_ID: [seed if seed in known else None for seed in seeds],
    }
    each = zip(*named.values(), strict=True)
    return [dict(zip(named, row, strict=True)) for row in each]


def split(body: Mapping[str, Any], limits: settings.Limits) -> tuple[Json, Any, int]:
    """Returns the request of a body, its user (None: not given) and its `k`.

    Raises:
      errors.UserError: User or `k` is malformed.
    """
    request = dict(body)
    user_id = request.pop(schema.USER_ID, None)
    is_id = user_id is None or posted_events.is_id(user_id)
    expected = f"an integer of 64 bits or {posted_events.NAME}"
    errors.require(is_id, schema.USER_ID, expected, user_id)
    k = request.pop(schema.K, None)
    k = requests.DEFAULT_K if k is None else k
    fits = posted_events.is_integer(k) and 0 <= k <= limits.k
    errors.require(fits, schema.K, f"an integer of 0 to {limits.k:,}", k)
    return request, user_id, k


async def recommend(
    version: loaded_version.Version,
    body: Mapping[str, Any],
    limits: settings.Limits,
    record: Record,
    request_time: int | None,
    notes: Sequence[str] = (),
) -> Json:
    """Returns the answer to a body of `/recommend`, and records it.

    Args:
      version: Version that answers.
      body: Body of the request, completed for a user of the prepared set.
      limits: Limits of one request.
      record: Function that records the answer.
      request_time: Time given by the client, for the record; None: not given.
      notes: Warnings about the user.

    Raises:
      errors.UserError: The request is malformed.
      problems.Problem: The version lacks the signature, or took too long.
    """
    request, user_id, k = split(body, limits)
    answered = await ask(version, request, limits)
    fields = version.explaining(bundle.CANDIDATES).fields
    warnings = [*notes, *version.warnings(request, fields)]
    answer: Json = {
        joined_log.REQUEST_ID: uuid.uuid4().hex,
        joined_log.VERSION: version.number,
        "score_meaning": version.bundle.score_meaning,
        "meanings": version.bundle.meanings,
        "videos": described(version, answered.outputs, _slate(answered.outputs, k)),
        "warnings": warnings,
        "doubts": warnings,  # the name of 0.2.0
    }
    if k and not answer["videos"]:
        warnings.append("all videos are watched, excluded or outside the conditions")
    row = _row(answer, request, user_id)
    record(user_id, row | {schema.TIME: request_time or None})
    own = current_request.current()
    own.facts["answer_id"] = answer[joined_log.REQUEST_ID]
    seconds = {**own.stages, "total": own.seconds}
    shown = (n for n in ("queue", "candidates", "ranking", "total") if n in seconds)
    return answer | {"milliseconds": {n: round(1_000 * seconds[n], 3) for n in shown}}


def _row(answer: Json, request: Mapping[str, Any], user_id: str | int | None) -> Json:
    """Returns the row of an answer in the served log."""
    columns = {
        joined_log.VIDEO_IDS: schema.VIDEO_ID,
        schema.SCORES: schema.SCORE,
        joined_log.CANDIDATE_SCORES: "candidate_score",
        joined_log.SOURCES: schema.SOURCE,
        joined_log.SEED_IDS: schema.SEED_VIDEO_ID,
        schema.PROPENSITIES: schema.PROPENSITY,
        schema.PLACED_BY: schema.PLACED_BY,
    }
    return {
        **{name: answer[name] for name in (joined_log.REQUEST_ID, joined_log.VERSION)},
        joined_log.SERVED_AT: time.time(),
        schema.USER_ID: None if user_id is None else joined_log.user_text(user_id),
        schema.DEVICE: request.get(schema.DEVICE) or None,
        **{n: [video[key] for video in answer["videos"]] for n, key in columns.items()},
    }


def feedback(version: loaded_version.Version, body: Mapping[str, Any]) -> Json:
    """Returns the feedback on a video of an answer, as a row of the served log.

    Raises:
      errors.UserError: It is malformed.
    """
    outcomes = (*schema.OUTCOMES, *version.bundle.own_outcomes)
    for key in body:
        if key not in (*_KEYS, *outcomes):
            known = ", ".join((*_KEYS, *outcomes))
            raise errors.UserError(f"expected the keys {known}, received {key[:40]!r}")
    request_id = body.get(joined_log.REQUEST_ID)
    fits = isinstance(request_id, str) and bool(_ID.fullmatch(request_id))
    of_one = "of an answer of /recommend"
    errors.require(fits, joined_log.REQUEST_ID, of_one, request_id)
    video = requests.plain_id(body.get(schema.VIDEO_ID), version.bundle.id_type)
    fits = isinstance(video, str) or posted_events.is_integer(video)
    fits = fits and video in version.bundle.titles
    errors.require(fits, schema.VIDEO_ID, "of a video in the catalogue", video)
    clicked = body.get(schema.CLICKED)
    errors.require(isinstance(clicked, bool), schema.CLICKED, "true or false", clicked)
    watch_seconds = body.get(schema.WATCH_SECONDS)
    watch_seconds = 0.0 if watch_seconds is None else watch_seconds
    most = table_schemas.MOST_SECONDS if clicked else 0
    fits = posted_events.is_number(watch_seconds) and 0 <= watch_seconds <= most
    expected = f"a number of 0 to {most:,.0f} (0 without a click)"
    errors.require(fits, schema.WATCH_SECONDS, expected, watch_seconds)
    return {
        joined_log.REQUEST_ID: request_id,
        joined_log.SERVED_AT: time.time(),
        schema.VIDEO_ID: video,
        schema.CLICKED: clicked,
        schema.WATCH_SECONDS: float(watch_seconds),
        **{name: _outcome(name, body[name]) for name in outcomes if name in body},
    }


def _outcome(name: str, value: Any) -> bool | float | None:
    """Returns a checked outcome of feedback; outside the schema it must be a number."""
    if value is None:
        return None
    if name in schema.OUTCOMES:
        errors.require(isinstance(value, bool), name, "true or false", value)
        return bool(value)
    fits = isinstance(value, int | float) and 0 <= value <= table_schemas.MOST_NUMBER
    errors.require(fits, name, "a number of at least 0", value)
    return float(value)
