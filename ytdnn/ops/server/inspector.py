"""Backend of the page at `/`: users, candidates with sources, explanations, the truth.

Users of the prepared set are shown only if the server was started with `--inspect`. The
prepared set, and its world, are loaded on first use.
"""

import asyncio
import itertools
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from starlette import requests as http

from ytdnn.base import artifacts, configs, errors, schema
from ytdnn.bundle import bundle, explanations, user_requests
from ytdnn.evaluation import truths, user_cases
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


class Inspector:
    """Answers the requests of the page."""

    def __init__(self, given: settings.Settings) -> None:
        """Stores the settings."""
        self._given = given
        self._data: prepared.PreparedData | None = None
        self._pages: Any = None  # the world's truth about slates, of `_data`
        self._lock = threading.Lock()  # while the prepared set is read

    async def facts(self, _: http.Request, version: loaded_version.Version) -> Json:
        """Returns the facts that the page needs first."""
        facts = version.bundle.manifest.facts
        fields = version.explaining(explanations.CANDIDATES).fields
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
        self, version: loaded_version.Version, user_id: str | int, _: Any
    ) -> tuple[Json, list[str]]:
        """Returns the request of a user of the prepared set, and warnings."""
        if not self._given.inspect or self._given.data is None:
            return {}, []
        try:
            return await asyncio.to_thread(self._request, version, user_id), []
        except errors.UserError as error:  # a user that the prepared set has not
            return {}, [f"answered from an empty history: {error}"]

    async def users(
        self, request: http.Request, version: loaded_version.Version
    ) -> Json:
        """Returns users by the beginning of their id, and their number.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no prepared set.
        """
        text = request.query_params.get("query", "")
        data = await asyncio.to_thread(self._prepared, version)
        ids = data.users[schema.USER_ID]
        matches = ids.filter(ids.cast(pl.String).str.starts_with(text))
        return {"users": matches.head(_MOST_LISTED).to_list(), "number": len(ids)}

    async def user(
        self, request: http.Request, version: loaded_version.Version
    ) -> Json:
        """Returns a user's request, and the history with titles.

        Raises:
          problems.Problem: Users are not shown.
          errors.UserError: There is no such user.
        """
        user_id = request.query_params.get("user_id", "")
        features = await asyncio.to_thread(self._request, version, user_id)
        return {"user_id": user_id, "request": features} | _history(version, features)

    def _request(self, version: loaded_version.Version, user_id: str | int) -> Json:
        at_end = user_requests.at_end(self._prepared(version), user_id)
        request = version.bundle.fitting(at_end)
        request.pop(schema.K)
        return request

    async def videos(
        self, request: http.Request, version: loaded_version.Version
    ) -> Json:
        """Returns videos with a text in their id or title."""
        text = request.query_params.get("query", "")
        return await asyncio.to_thread(_videos, version, text[:100].casefold())

    async def answer(
        self, request: http.Request, version: loaded_version.Version
    ) -> Json:
        """Returns every candidate of a request, with its true value on a world.

        Raises:
          problems.Problem: The version lacks the signature.
          errors.UserError: The request is malformed.
        """
        limits = self._given.limits
        body = await access.body(request, limits)
        features, user_id, k = recommend.split(body, limits)
        answered = await recommend.ask(version, features, limits)
        candidates = recommend.described(version, answered.outputs)
        seconds = answered.outputs[explanations.STAGE_SECONDS][0].tolist()
        fields = version.explaining(explanations.CANDIDATES).fields
        answer: Json = {
            "version": version.number,
            "candidates": candidates,
            "warnings": version.warnings(features, fields),
            "seconds": {"candidates": seconds[0], "ranking": seconds[1]},
        } | _history(version, features)
        if self._given.inspect and user_id is not None:
            ids = [video[schema.VIDEO_ID] for video in candidates]
            truth = await asyncio.to_thread(self._truth, version, user_id, ids, k)
            answer |= {"truth": truth}
        return answer

    def _truth(
        self,
        version: loaded_version.Version,
        user_id: str | int,
        ids: list[Any],
        k: int,
    ) -> Json | None:
        """Returns the true watch seconds of candidates; None without a world."""
        data = self._prepared(version)
        if self._pages is None:
            self._pages = truths.pages_of(data)
        worth = self._pages and truth(data, self._pages, user_id, ids, k)
        if not worth:
            return None
        return worth | {"best": [_named(version, video) for video in worth["best"]]}

    async def why(self, request: http.Request, version: loaded_version.Version) -> Json:
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
        known = version.explaining(explanations.CANDIDATES).fields
        predict.check(features, known, limits)
        known_features = {n: v for n, v in features.items() if n in signature.fields}
        row = predict.check(
            known_features | {schema.VIDEO_IDS: [video]}, signature.fields, limits
        )
        answered = await signature.queue.ask([row], limits.answer_seconds)
        meaning = version.bundle.outputs(bundle.RANKER)[schema.SCORES].meaning
        return {
            "version": version.number,
            "score_meaning": meaning,
            **_why(version, video, answered.outputs),
        }

    def _prepared(self, version: loaded_version.Version) -> prepared.PreparedData:
        """Returns the prepared set that a version was made from, to show its users.

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
        return self.data(version)

    def data(self, version: loaded_version.Version) -> prepared.PreparedData:
        """Returns the prepared set that a version was made from.

        Raises:
          errors.UserError: There is no prepared set, or it belongs to another version.
        """
        if self._given.data is None:
            raise errors.UserError(
                "expected a prepared set to look up users in, received none next to "
                "the bundle: start the server with --workdir=DIR"
            )
        opened = version.bundle
        with self._lock:
            data, kind = self._data, prepared.KIND
            current = data and data.manifest.fingerprint
            if data is None or current != opened.manifest.inputs.get(kind):
                data = prepared.load(self._given.data)
                inputs = opened.manifest, opened.directory, kind, data.manifest
                artifacts.require_input(*inputs)
                self._data, self._pages = data, None
            return data


def truth(
    data: prepared.PreparedData, pages: Any, user_id: str | int, ids: list[Any], k: int
) -> Json | None:
    """Returns the expected seconds of videos, each in the first place of a slate.

    Args:
      data: Prepared set of a world.
      pages: The world's truth about slates.
      user_id: Id as in the log, or its text.
      ids: Ids of the videos.
      k: Length of the catalogue's best slate, for comparison.

    Returns:
      The seconds, and the ids and seconds of the best slate; None for a user that is
      not in the log.
    """
    user = data.users[schema.USER_ID].cast(pl.String).index_of(str(user_id))
    if user is None:
        return None
    users = np.array([user])
    ends = data.log.shard_index.offsets("watches")[users + 1]
    asked = users, ends, np.array([data.windows.end_of_log + 1], np.int64)
    rules = configs.EvaluationConfig()
    case = user_cases.at_requests(data, asked, rules, data.vocabulary_size)
    videos = data.videos[schema.VIDEO_ID]

    def seconds(slate: np.ndarray) -> list[float]:
        if not slate.size:
            return []
        worth = pages.worth(case, slate.astype(np.int32), np.zeros(1))
        return [float(value) for value in worth.seconds[0]]

    indices = {video: index for index, video in enumerate(videos, 1)}
    best = pages.best(case, k)
    return {
        # Uploads that were added later have no place in the world.
        "seconds": seconds(np.array([[indices.get(video, 0) for video in ids]])),
        "best": [videos[index - 1] for index in best[0].tolist() if index],
        "best_seconds": seconds(best),
    }


def _history(version: loaded_version.Version, request: Mapping[str, Any]) -> Json:
    """Returns the watches of a request, the latest first, and their number."""
    watched = request.get(schema.WATCHED_VIDEO_IDS) or []
    unknown = [None] * len(watched)  # a list of missing values may be shorter
    times, seconds = (
        values if len(values := request.get(name) or []) == len(watched) else unknown
        for name in (schema.WATCH_TIMES, schema.WATCHED_SECONDS)
    )
    shown = [
        {
            "place": place,
            **_named(version, watched[place]),
            schema.TIME: times[place] or None,
            schema.WATCH_SECONDS: seconds[place],
        }
        for place in range(len(watched) - 1, max(-1, len(watched) - 1 - _HISTORY), -1)
    ]
    return {"history": shown, "num_watched": len(watched)}


def _videos(version: loaded_version.Version, text: str) -> Json:
    matches = (
        {schema.VIDEO_ID: video, schema.TITLE: title}
        for video, title in version.bundle.titles.items()
        if text in f"{video}\n{title or ''}".casefold()
    )
    return {"videos": list(itertools.islice(matches, _MOST_LISTED))}


def _named(version: loaded_version.Version, video: Any) -> Json:
    return {schema.VIDEO_ID: video, schema.TITLE: version.bundle.title(video)}


def _why(
    version: loaded_version.Version, video: Any, outputs: Mapping[str, Any]
) -> Json:
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
    ids = map(recommend.plain_id, outputs[explanations.NEAREST_IDS][0, 0].tolist())
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
