"""The endpoints `/recommend` and `/feedback`, with a log of answers."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from ytdnn.base import errors, schema, table_schemas
from ytdnn.bundle import bundle, explained, requests
from ytdnn.log import positions
from ytdnn.ops.server import (
    batching,
    joined_log,
    models,
    predict,
    problems,
    records,
    served_log,
    settings,
)
from ytdnn.retrieval import slate

MILLISECONDS = "milliseconds"
_KEYS = (
    joined_log.REQUEST_ID,
    schema.VIDEO_ID,
    schema.CLICKED,
    schema.WATCH_SECONDS,
)
_MOST_CHARACTERS = 256
_NO_SCORE = positions.NO_SCORE
_NUMBERS = {n: c for n, c in bundle.COLUMNS.items() if n != schema.PLACED_BY}

Json = dict[str, Any]


async def candidates(
    version: models.Version, request: Mapping[str, Any], limits: settings.Limits
) -> tuple[list[Json], batching.Answered]:
    """Returns every candidate of a request, in the order of their sources.

    Args:
      version: Version that answers.
      request: Request of `ytdnn.bundle.requests`, without `k`.
      limits: Limits of one request.

    Raises:
      errors.UserError: The request is malformed.
      problems.Problem: The version lacks the signature, or took too long.
    """
    found = await _ask(version, request, limits)
    every = np.arange(int(found.outputs[schema.NUM_RESULTS][0]))
    return _listed(version, found.outputs, every), found


async def _ask(
    version: models.Version, request: Mapping[str, Any], limits: settings.Limits
) -> batching.Answered:
    signature = version.explaining(explained.CANDIDATES)
    row = predict.check(request, signature.fields, limits)
    return await signature.queue.ask([row], limits.answer_seconds)


def _page(outputs: batching.Outputs, k: int) -> np.ndarray:
    """Returns the places of the candidates on the page, the best first."""
    ranks = outputs[explained.RANKS][0, : int(outputs[schema.NUM_RESULTS][0])]
    on_page = np.flatnonzero(ranks)
    found: np.ndarray = on_page[np.argsort(ranks[on_page])][:k]
    return found


def _listed(
    version: models.Version, outputs: batching.Outputs, places: np.ndarray
) -> list[Json]:
    """Returns the candidates at some places of an answer, in that order."""
    columns = {
        name: values[0, places].tolist()
        for name, values in outputs.items()
        if values.ndim > 1 and name != explained.STAGE_SECONDS
    }
    of_outcomes = version.bundle.outcomes
    numbers = {
        name: outputs[name][0, places].astype(str).astype(float).tolist()
        for name in (*_NUMBERS, *of_outcomes, explained.CANDIDATE_SCORES)
        if name in outputs
    }
    placed = columns.get(schema.PLACED_BY)
    unknown = [None] * len(places)
    names = version.bundle.source_names
    found = []
    for place in range(len(places)):
        seed = plain_id(columns[explained.SEED_IDS][place])
        source = columns[explained.SOURCES][place]
        video = plain_id(columns[schema.IDS][place])
        of_candidates = numbers[explained.CANDIDATE_SCORES][place]
        has_score = of_candidates > _NO_SCORE
        found.append(
            {
                "rank": columns[explained.RANKS][place],
                schema.VIDEO_ID: video,
                schema.TITLE: version.title(video),
                **{c: numbers.get(n, unknown)[place] for n, c in _NUMBERS.items()},
                **{name: numbers[name][place] for name in of_outcomes},
                schema.PLACED_BY: slate.NAMES[placed[place]] if placed else None,
                "candidate_score": of_candidates if has_score else None,
                schema.SOURCE: names[source - 1] if source else None,
                schema.SEED_VIDEO_ID: seed if seed in version.bundle.titles else None,
            }
        )
    return found


def plain_id(value: Any) -> Any:
    """Returns an id of a model's output in the log's type."""
    return value.decode() if isinstance(value, bytes) else value


def split(body: Mapping[str, Any], limits: settings.Limits) -> tuple[Json, Any, int]:
    """Returns the request of a body, its user (None: not given) and its `k`.

    Base64 values are decoded to text.

    Raises:
      errors.UserError: User or `k` is malformed, or no base64 of a text.
    """
    request = {name: predict.decoded(value) for name, value in body.items()}
    user_id = request.pop(schema.USER_ID, None)
    if user_id is not None and (
        isinstance(user_id, bool) or not isinstance(user_id, str | int)
    ):
        raise errors.UserError(
            f"expected {schema.USER_ID} to be a string or an integer, received "
            f"{type(user_id).__name__}"
        )
    if isinstance(user_id, str) and not (
        0 < len(user_id) <= _MOST_CHARACTERS and requests.is_text(user_id)
    ):
        raise errors.UserError(
            f"expected {schema.USER_ID} of 1 to {_MOST_CHARACTERS} Unicode characters, "
            f"received {len(user_id):,}"
        )
    if isinstance(user_id, int) and not -(2**63) <= user_id < 2**63:
        raise errors.UserError(f"expected {schema.USER_ID} to be of 64 bits")
    k = request.pop(schema.K, None)
    k = requests.DEFAULT_K if k is None else k
    if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= limits.k:
        raise errors.UserError(
            f"expected {schema.K} to be an integer of 0 to {limits.k:,}, received "
            f"{_named(k)}"
        )
    return request, user_id, k


async def recommend(
    version: models.Version,
    body: Mapping[str, Any],
    limits: settings.Limits,
    log: served_log.ServedLog | None,
    asked_at: int | None,
) -> Json:
    """Returns the answer to a body of `/recommend`, and logs it.

    Args:
      version: Version that answers.
      body: Body of the request, completed for a user of the prepared set.
      limits: Limits of one request.
      log: Log of answers; None: the answer is not logged.
      asked_at: Time given by the client. (The completed request of a prepared user has
        the end of the log, at which nothing was shown.)

    Raises:
      errors.UserError: The request is malformed.
      problems.Problem: The version lacks the signature, or took too long.
    """
    started = time.perf_counter()
    request, user_id, k = split(body, limits)
    answered = await _ask(version, request, limits)
    page = _listed(version, answered.outputs, _page(answered.outputs, k))
    request_id = uuid.uuid4().hex
    if log is not None:
        row = _row(request_id, version, request, user_id, page)
        log.add(joined_log.ANSWERS, row | {schema.TIME: asked_at or None})
    signature = version.explaining(explained.CANDIDATES)
    seconds = answered.outputs[explained.STAGE_SECONDS][0]
    record = records.current()
    record.facts |= {"answer_id": request_id, joined_log.VERSION: version.number}
    run = started + answered.queue_seconds
    record.add("candidates", run, float(seconds[0]))
    record.add("ranking", run + float(seconds[0]), float(seconds[1]))
    return {
        joined_log.REQUEST_ID: request_id,
        joined_log.VERSION: version.number,
        "score_meaning": version.bundle.score_meaning,
        "meanings": version.bundle.meanings,
        "videos": page,
        "doubts": version.doubts(request, signature.fields),
        MILLISECONDS: {
            "queue": _milliseconds(answered.queue_seconds),
            "candidates": _milliseconds(seconds[0]),
            "ranking": _milliseconds(seconds[1]),
            "total": _milliseconds(time.perf_counter() - started),
        },
    }


def _milliseconds(seconds: float | np.floating) -> float:
    return round(1_000.0 * float(seconds), 3)


def _row(
    request_id: str,
    version: models.Version,
    request: Mapping[str, Any],
    user_id: str | int | None,
    page: list[Json],
) -> Json:
    device = request.get(schema.DEVICE)
    return {
        joined_log.REQUEST_ID: request_id,
        joined_log.SERVED_AT: time.time(),
        joined_log.VERSION: version.number,
        schema.USER_ID: None if user_id is None else joined_log.user_text(user_id),
        schema.DEVICE: device or None,
        joined_log.VIDEO_IDS: [one[schema.VIDEO_ID] for one in page],
        schema.SCORES: [one[schema.SCORE] for one in page],
        joined_log.CANDIDATE_SCORES: [one["candidate_score"] for one in page],
        joined_log.SOURCES: [one[schema.SOURCE] for one in page],
        joined_log.SEED_IDS: [one[schema.SEED_VIDEO_ID] for one in page],
        joined_log.PROPENSITIES: [one[schema.PROPENSITY] for one in page],
        schema.PLACED_BY: [one[schema.PLACED_BY] for one in page],
    }


def feedback(
    version: models.Version,
    body: Mapping[str, Any],
    log: served_log.ServedLog | None,
) -> Json:
    """Records the feedback on a video of an answer.

    Raises:
      problems.Problem: The server has no log.
      errors.UserError: The feedback is malformed.
    """
    if log is None:
        raise problems.Problem(
            problems.NOT_FOUND, "nothing is logged: start the server with --log=DIR"
        )
    outcomes = (*schema.OUTCOMES, *version.bundle.own_outcomes)
    for key in body:
        if key not in (*_KEYS, *outcomes):
            raise errors.UserError(
                f"expected the keys {', '.join((*_KEYS, *outcomes))}, received "
                f"{key[:40]!r}"
            )
    clicked = body.get(schema.CLICKED)
    if not isinstance(clicked, bool):
        raise errors.UserError(
            f"expected {schema.CLICKED} to be true or false, received {_named(clicked)}"
        )
    row = {
        joined_log.REQUEST_ID: _request_id(body.get(joined_log.REQUEST_ID)),
        joined_log.SERVED_AT: time.time(),
        schema.VIDEO_ID: _video_id(version, body.get(schema.VIDEO_ID)),
        schema.CLICKED: clicked,
        schema.WATCH_SECONDS: _watch_seconds(body.get(schema.WATCH_SECONDS), clicked),
        **{name: _outcome(name, body.get(name)) for name in outcomes if name in body},
    }
    log.add(joined_log.FEEDBACK, row)
    return {}


def _outcome(name: str, value: Any) -> bool | float | None:
    """Returns a checked outcome of feedback; outside the schema it must be a number."""
    if value is None or isinstance(value, bool):
        return value if name in schema.OUTCOMES or value is None else float(value)
    is_own = name not in schema.OUTCOMES
    if (
        is_own
        and isinstance(value, int | float)
        and 0 <= value <= table_schemas.MOST_NUMBER
    ):
        return float(value)
    expected = "a number of at least 0" if is_own else "true or false"
    raise errors.UserError(
        f"expected {name} to be {expected}, received {_named(value)}"
    )


def _named(value: Any) -> str:
    """Returns a JSON value for a message; a text is distinct from its number."""
    if value is None:
        return "none: it is missing"
    shown = errors.one_line(str(value))[:40]
    return f"the text {shown!r}" if isinstance(value, str) else shown


def _request_id(value: Any) -> str:
    is_hex = isinstance(value, str) and len(value) == 32
    if not is_hex or set(value) - set("0123456789abcdef"):
        raise errors.UserError(
            f"expected {joined_log.REQUEST_ID} from an answer of /recommend, received "
            f"{_named(value)}"
        )
    return str(value)


def _video_id(version: models.Version, value: Any) -> Any:
    value = requests.plain_id(value, version.bundle.id_type)
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    if not is_id or value not in version.bundle.titles:
        raise errors.UserError(
            f"expected {schema.VIDEO_ID} of a video in the catalogue, received "
            f"{_named(value)}"
        )
    return value


def _watch_seconds(value: Any, clicked: bool) -> float:
    if value is None:
        return 0.0
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= table_schemas.MOST_SECONDS:
        raise errors.UserError(
            f"expected {schema.WATCH_SECONDS} to be a number of 0 to "
            f"{table_schemas.MOST_SECONDS:,.0f}, received {_named(value)}"
        )
    if value and not clicked:
        raise errors.UserError(
            f"expected {schema.WATCH_SECONDS} of a click alone, received {value:g} "
            f"with {schema.CLICKED} false"
        )
    return float(value)
