"""Backend of the page at `/`: users, candidates with sources, explanations, the truth.

Users of the prepared set are shown only if the server was started with `--inspect`. The
prepared set, and its world, are loaded on first use.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import polars as pl

from ytdnn.base import artifacts, errors, schema
from ytdnn.bundle import bundle, explained, user_requests
from ytdnn.log import prepared
from ytdnn.ops.server import models, predict, problems, recommend, settings, truth

_MOST_LISTED = 50
_HISTORY = 100  # watches shown
_EXPLAINED = "video_id"

Json = dict[str, Any]
Found = TypeVar("Found")


class Inspector:
    """Answers the requests of the page."""

    def __init__(self, given: settings.Settings) -> None:
        """Stores the settings."""
        self._given = given
        self._data: prepared.PreparedData | None = None
        self._truth: truth.Truth | None = None
        self._thread = concurrent.futures.ThreadPoolExecutor(
            1, thread_name_prefix="inspect"
        )

    async def _apart(self, function: Callable[..., Found], *given: Any) -> Found:
        """Runs a function in the one thread that reads the prepared set."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *given)

    def facts(self, version: models.Version) -> Json:
        """Returns the facts that the page needs first."""
        model = version.models[version.recommender]
        asked = model.get(explained.CANDIDATES)
        fields = asked.fields if asked else {}
        described = version.bundle.manifest.facts
        return {
            "version": version.number,
            "inspect": self._given.inspect,
            "explains": asked is not None,
            "has_ranker": version.bundle.has_ranker,
            "score_meaning": version.bundle.score_meaning,
            "meanings": version.bundle.meanings,
            "sources": described.get("sources", {}),
            "num_candidates": described["num_candidates"],
            "catalogue": described["catalogue"],
            "inputs": [
                {"name": f.name, "list": f.is_list, "text": f.dtype == "string"}
                | {"meaning": f.meaning}
                for f in fields.values()
            ],
        }

    async def completed(
        self, version: models.Version, body: Mapping[str, Any], limits: settings.Limits
    ) -> Mapping[str, Any]:
        """Returns a request; a user id alone is completed from the prepared set.

        Raises:
          errors.UserError: The user or `k` is malformed.
        """
        _, user_id, _ = recommend.split(body, limits)
        is_whole = user_id is None or schema.WATCHED_VIDEO_IDS in body
        if is_whole or not self._given.inspect or self._given.data is None:
            return body
        return await self._apart(self._filled, version, body)

    def _filled(
        self, version: models.Version, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Returns a request completed from the prepared set, if its user is in it."""
        try:
            return self._request(version, body[schema.USER_ID]) | dict(body)
        except errors.UserError:
            return body

    async def users(self, version: models.Version, text: str) -> Json:
        """Returns users by the beginning of their id, and their number.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no prepared set.
        """
        return await self._apart(self._users, version, text)

    def _users(self, version: models.Version, text: str) -> Json:
        ids = self._prepared(version).users[schema.USER_ID]
        found = ids.filter(ids.cast(pl.String).str.starts_with(text))
        return {"users": found.head(_MOST_LISTED).to_list(), "number": len(ids)}

    async def user(self, version: models.Version, user_id: str) -> Json:
        """Returns a user's request, and the history with titles.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no such user.
        """
        request = await self._apart(self._request, version, user_id)
        return {"user_id": user_id, "request": request} | history(version, request)

    def _request(self, version: models.Version, user_id: str | int) -> Json:
        asked = user_requests.at_end(self._prepared(version), user_id)
        request = version.bundle.fitting(asked)
        request.pop(schema.K)
        return request

    async def videos(self, version: models.Version, text: str) -> Json:
        """Returns videos with a text in their id or title."""
        return await asyncio.to_thread(_videos, version, text[:100].casefold())

    async def answer(
        self, version: models.Version, body: Mapping[str, Any], limits: settings.Limits
    ) -> Json:
        """Returns every candidate of a request, with its true value on a world.

        Raises:
          problems.Problem: The version lacks the signature.
          errors.UserError: The request is malformed.
        """
        request, user_id, k = recommend.split(body, limits)
        found, answered = await recommend.candidates(version, request, limits)
        seconds = answered.outputs[explained.STAGE_SECONDS][0].tolist()
        signature = version.explaining(explained.CANDIDATES)
        answer: Json = {
            "version": version.number,
            "candidates": found,
            "doubts": version.doubts(request, signature.fields),
            "seconds": {"candidates": seconds[0], "ranking": seconds[1]},
        } | history(version, request)
        if self._given.inspect and user_id is not None:
            ids = [one[schema.VIDEO_ID] for one in found]
            worth = await self._apart(self._worth, version, user_id, ids, k)
            answer |= {"truth": worth}
        return answer

    def _worth(
        self, version: models.Version, user_id: str | int, ids: list[Any], k: int
    ) -> Json | None:
        """Returns the true watch seconds of candidates; None without a world."""
        data = self._prepared(version)
        if self._truth is None:
            self._truth = truth.Truth(data)
        try:
            found = self._truth.expected_seconds(user_id, ids, k)
        except errors.UserError:
            return None  # a user that was typed
        if found is None:
            return None
        best = [
            {schema.VIDEO_ID: video, schema.TITLE: version.title(video)}
            for video in found["best"]
        ]
        return found | {"best": best}

    async def why(
        self, version: models.Version, body: Mapping[str, Any], limits: settings.Limits
    ) -> Json:
        """Returns the contribution of each feature to a video's score.

        Args:
          version: Version that answers.
          body: A request, and the video as `video_id`.
          limits: Limits of one request.

        Raises:
          problems.Problem: The version lacks the signature.
          errors.UserError: The request is malformed.
        """
        given = dict(body)
        video = predict.decoded(given.pop(_EXPLAINED, None))
        request, _, _ = recommend.split(given, limits)
        signature = version.explaining(explained.EXPLAIN)
        known = version.explaining(explained.CANDIDATES).fields
        predict.check(request, known, limits)
        own = {n: v for n, v in request.items() if n in signature.fields}
        row = predict.check(own | {schema.VIDEO_IDS: [video]}, signature.fields, limits)
        found = await signature.queue.ask([row], limits.answer_seconds)
        ranker = version.bundle.outputs(bundle.RANKER)
        said = {"score_meaning": ranker[schema.SCORES].meaning}
        return {"version": version.number} | said | _why(version, video, found.outputs)

    def _prepared(self, version: models.Version) -> prepared.PreparedData:
        """Returns the prepared set that a version was made from.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no prepared set, or it belongs to another version.
        """
        if not self._given.inspect:
            raise problems.Problem(
                problems.FORBIDDEN,
                "users of the prepared set are not shown: start the server with "
                "--inspect",
            )
        if self._given.data is None:
            raise errors.UserError(
                "expected a prepared set to look up users in, found none next to the "
                "bundle: start the server with --workdir=DIR"
            )
        if self._data is None:
            self._data = prepared.load(self._given.data)
        manifest, place = version.bundle.manifest, version.bundle.directory
        try:
            artifacts.require_input(manifest, place, prepared.KIND, self._data.manifest)
        except errors.UserError:  # it may have been prepared again meanwhile
            self._data, self._truth = prepared.load(self._given.data), None
            artifacts.require_input(manifest, place, prepared.KIND, self._data.manifest)
        return self._data


def history(version: models.Version, request: Mapping[str, Any]) -> Json:
    """Returns the watches of a request, the latest first, and their number."""
    watched = request.get(schema.WATCHED_VIDEO_IDS) or []
    times = request.get(schema.WATCH_TIMES) or [None] * len(watched)
    seconds = request.get(schema.WATCHED_SECONDS) or [None] * len(watched)
    shown = [
        {
            "place": place,
            schema.VIDEO_ID: watched[place],
            schema.TITLE: version.title(watched[place]),
            schema.TIME: times[place] or None,
            schema.WATCH_SECONDS: _known(seconds[place]),
        }
        for place in range(len(watched) - 1, max(-1, len(watched) - 1 - _HISTORY), -1)
    ]
    return {"history": shown, "num_watched": len(watched)}


def _known(seconds: float | None) -> float | None:
    return None if seconds is None or seconds < 0 else round(float(seconds), 1)


def _videos(version: models.Version, text: str) -> Json:
    found = []
    for video, title in version.bundle.titles.items():
        if text in str(video).casefold() or (title and text in title.casefold()):
            found.append({schema.VIDEO_ID: video, schema.TITLE: title})
            if len(found) == _MOST_LISTED:
                break
    return {"videos": found}


def _why(version: models.Version, video: Any, outputs: Mapping[str, Any]) -> Json:
    """Returns the features by how much each changes the score, and the nearest."""
    score = float(outputs[schema.SCORES][0, 0])
    features: list[Json] = []
    for name, values in outputs.items():
        if not name.startswith(explained.WITHOUT):
            continue
        feature = name.removeprefix(explained.WITHOUT)
        value = outputs.get(explained.VALUE + feature)
        without = float(values[0, 0])
        features.append(
            {
                "feature": feature,
                "value": None if value is None else float(value[0, 0]),
                "without": without,
                "change": score - without,
            }
        )
    features.sort(key=lambda one: -abs(one["change"]))
    ids = outputs[explained.NEAREST_IDS][0, 0].tolist()
    cosines = outputs[explained.NEAREST_COSINES][0, 0].tolist()
    near = [(recommend.plain_id(v), c) for v, c in zip(ids, cosines, strict=True)]
    return {
        schema.VIDEO_ID: video,
        schema.TITLE: version.title(video),
        schema.SCORE: score,
        "features": features,
        "nearest": [
            {schema.VIDEO_ID: v, schema.TITLE: version.title(v), "cosine": c}
            for v, c in near
            if v in version.bundle.titles
        ],
    }
