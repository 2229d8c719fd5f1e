"""Backend of the page at `/`: users, candidates with sources, explanations.

Users of the prepared set are shown only if the server was started with `--inspect`. The
prepared set is loaded on first use.
"""

import asyncio
import itertools
import threading
from collections.abc import Mapping
from typing import Any

import polars as pl
from starlette import requests as http

from ytdnn.base import artifacts, errors, schema
from ytdnn.bundle import bundle, explanations, user_requests
from ytdnn.log import prepared
from ytdnn.ops.server import (
    access,
    loaded_version,
    predict,
    problems,
    recommend,
    settings,
)

_MOST_LISTED = 50
_HISTORY = 100  # watches shown
_LIMITS = {  # inputs with the names that a request may choose from
    "conditions": schema.CONDITIONS,
    "caps": schema.MAX_PER_COLUMNS,
    "policies": schema.POLICY,
    "weights": schema.WEIGHT_NAMES,
}

Json = dict[str, Any]
Request = http.Request
Version = loaded_version.Version


class Inspector:
    """Answers the requests of the page."""

    def __init__(self, given: settings.Settings) -> None:
        """Stores the settings."""
        self._given = given
        self._data: prepared.PreparedData | None = None
        self._lock = threading.Lock()  # while the prepared set is read

    async def facts(self, _: Request, version: Version) -> Json:
        """Returns the facts that the page needs first."""
        facts = version.bundle.manifest.facts
        fields = version.explaining(bundle.CANDIDATES).fields
        limits = {
            what: list(fields[name].choices) if name in fields else []
            for what, name in _LIMITS.items()
        }
        return {
            "limits": limits,
            "version": version.number,
            "inspect": self._given.inspect,
            "has_ranker": version.bundle.has_ranker,
            "score_meaning": version.bundle.score_meaning,
            "meanings": version.bundle.meanings,
            "sources": facts.get("sources", {}),
            "num_candidates": facts["num_candidates"],
            "catalogue": facts["catalogue"],
        }

    async def history(
        self, version: Version, user_id: str | int, _: Any
    ) -> tuple[Json, list[str]]:
        """Returns the request of a user of the prepared set, and warnings."""
        if not self._given.inspect or self._given.data is None:
            return {}, []
        try:
            return await asyncio.to_thread(self._request, version, user_id), []
        except errors.UserError as error:  # a user that the prepared set has not
            return {}, [f"answered from an empty history: {error}"]

    async def users(self, request: Request, version: Version) -> Json:
        """Returns users by the beginning of their id, and their number.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no prepared set.
        """
        text = request.query_params.get("query", "")
        ids = (await asyncio.to_thread(self._prepared, version)).users[schema.USER_ID]
        matches = ids.filter(ids.cast(pl.String).str.starts_with(text))
        return {"users": matches.head(_MOST_LISTED).to_list(), "number": len(ids)}

    async def user(self, request: Request, version: Version) -> Json:
        """Returns a user's request, and the history with titles.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no such user.
        """
        user_id = request.query_params.get("user_id", "")
        features = await asyncio.to_thread(self._request, version, user_id)
        return {"user_id": user_id, "request": features} | _history(version, features)

    def _request(self, version: Version, user_id: str | int) -> Json:
        at_end = user_requests.at_end(self._prepared(version), user_id)
        request = version.bundle.fitting(at_end)
        request.pop(schema.K)
        return request

    async def videos(self, request: Request, version: Version) -> Json:
        """Returns videos with a text in their id or title."""
        text = request.query_params.get("query", "")
        return await asyncio.to_thread(_videos, version, text[:100].casefold())

    async def answer(self, request: Request, version: Version) -> Json:
        """Returns every candidate of a request.

        Raises:
          problems.Problem: The version lacks the signature.
          errors.UserError: The request is malformed.
        """
        limits = self._given.limits
        body = await access.body(request, limits)
        features, _, _ = recommend.split(body, limits)
        answered = await recommend.ask(version, features, limits)
        seconds = answered.outputs[bundle.STAGE_SECONDS][0].tolist()
        fields = version.explaining(bundle.CANDIDATES).fields
        return {
            "version": version.number,
            "candidates": recommend.described(version, answered.outputs),
            "warnings": version.warnings(features, fields),
            "seconds": {"candidates": seconds[0], "ranking": seconds[1]},
        } | _history(version, features)

    async def why(self, request: Request, version: Version) -> Json:
        """Returns the contribution of each feature to the score of `video_id`.

        Raises:
          problems.Problem: The version lacks the signature.
          errors.UserError: The request is malformed.
        """
        limits = self._given.limits
        body = await access.body(request, limits)
        video = body.pop(schema.VIDEO_ID, None)
        features, _, _ = recommend.split(body, limits)
        signature = version.explaining(explanations.EXPLAIN)
        known = version.explaining(bundle.CANDIDATES).fields
        predict.check(features, known, limits)
        given = {n: v for n, v in features.items() if n in signature.fields}
        given[schema.VIDEO_IDS] = [video]
        row = predict.check(given, signature.fields, limits)
        answered = await signature.queue.ask([row], limits.answer_seconds)
        meaning = version.bundle.outputs(bundle.RANKER)[schema.SCORES].meaning
        return {
            "version": version.number,
            "score_meaning": meaning,
            **_why(version, video, answered.outputs),
        }

    def _prepared(self, version: Version) -> prepared.PreparedData:
        """Returns the prepared set that a version was made from, to show its users.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no prepared set, or it belongs to another version.
        """
        if not self._given.inspect:
            why = "users of the prepared set are not shown: start it with --inspect"
            raise problems.Problem(problems.FORBIDDEN, why)
        return self.data(version)

    def data(self, version: Version) -> prepared.PreparedData:
        """Returns the prepared set that a version was made from.

        Raises:
          errors.UserError: There is no prepared set, or it belongs to another version.
        """
        if self._given.data is None:
            raise errors.UserError(
                "expected a prepared set to look up users in, received none next to "
                "the bundle: start the server with --workdir=DIR"
            )
        manifest = version.bundle.manifest
        with self._lock:
            data, made_from = self._data, manifest.inputs.get(prepared.KIND)
            if data is None or data.manifest.fingerprint != made_from:
                data = prepared.load(self._given.data)
                place = version.bundle.directory, prepared.KIND, data.manifest
                artifacts.require_input(manifest, *place)
                self._data = data
            return data


def _history(version: Version, request: Mapping[str, Any]) -> Json:
    """Returns the watches of a request, the latest first, and their number."""
    watched = request.get(schema.WATCHED_VIDEO_IDS) or []
    columns = [range(len(watched)), watched]
    for name in (schema.WATCH_TIMES, schema.WATCHED_SECONDS):
        values = request.get(name) or []  # a list of missing values may be shorter
        is_whole = len(values) == len(watched)
        columns.append(values if is_whole else [None] * len(watched))
    names = "place", schema.VIDEO_ID, schema.TIME, schema.WATCH_SECONDS
    rows = [*zip(*columns, strict=True)][: -_HISTORY - 1 : -1]
    shown = [dict(zip(names, row, strict=True)) for row in rows]
    for row in shown:
        row |= _named(version, row[schema.VIDEO_ID])
        row[schema.TIME] = row[schema.TIME] or None
    return {"history": shown, "num_watched": len(watched)}


def _videos(version: Version, text: str) -> Json:
    matches = (
        {schema.VIDEO_ID: video, schema.TITLE: title}
        for video, title in version.bundle.titles.items()
        if text in f"{video}\n{title or ''}".casefold()
    )
    return {"videos": list(itertools.islice(matches, _MOST_LISTED))}


def _named(version: Version, video: Any) -> Json:
    return {schema.VIDEO_ID: video, schema.TITLE: version.bundle.title(video)}


def _why(version: Version, video: Any, outputs: Mapping[str, Any]) -> Json:
    """Returns the features by how much each changes the score, and the nearest."""
    score = float(outputs[schema.SCORES][0, 0])
    numbers = {name: v[0, 0].tolist() for name, v in outputs.items() if v.ndim == 2}
    changes = {
        name.removeprefix(explanations.WITHOUT): score - number
        for name, number in numbers.items()
        if name.startswith(explanations.WITHOUT)
    }
    features = [
        {
            "feature": name,
            "value": numbers.get(explanations.VALUE + name),
            "without": numbers[explanations.WITHOUT + name],
            "change": change,
        }
        for name, change in sorted(changes.items(), key=lambda pair: -abs(pair[1]))
    ]
    ids = predict.plain(outputs[explanations.NEAREST_IDS][0, 0])
    cosines = outputs[explanations.NEAREST_COSINES][0, 0].tolist()
    return {
        **_named(version, video),
        schema.SCORE: score,
        "features": features,
        "nearest": [
            _named(version, near) | {"cosine": cosine}
            for near, cosine in zip(ids, cosines, strict=True)
            if near in version.bundle.titles
        ],
    }
