"""Answers of a server, and its refusals."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import httpx2

from ytdnn.base import errors

_FAILED = 400
_COLUMNS = (
    "rank",
    "video_id",
    "title",
    "score",
    "expected_watch_seconds",
    "click_probability",
    "placed_by",
    "propensity",
    "candidate_score",
    "source",
    "seed_video_id",
)

Id = str | int
Json = dict[str, Any]


class ServerError(errors.UserError):
    """A request that the server refused or did not answer.

    Attributes:
      status: Status code of HTTP; 0: there was no answer.
      request_id: Id of the request in the server's access log.
    """

    def __init__(self, status: int, message: str, request_id: str) -> None:
        """Takes the answer."""
        super().__init__(f"{message} (status {status}, request {request_id})")
        self.status = status
        self.request_id = request_id


@dataclasses.dataclass(frozen=True)
class Video:
    """A recommended video; docs/serving.md explains the columns.

    Attributes:
      rank: Place in the answer, from 1 on.
      video_id: Id of the video, as in the log.
      title: Title; None if unknown.
      score: The value that videos are ordered by.
      expected_watch_seconds: Watch time that the ranker expects, seconds.
      click_probability: Probability of a click that the ranker predicts.
      placed_by: Rule that placed the video.
      propensity: Probability of its place, if places are drawn.
      candidate_score: Score of its candidate source.
      source: Name of its candidate source.
      seed_video_id: The watch that it was found by.
      outcomes: Prediction of each outcome of impressions, by name.
    """

    rank: int
    video_id: Id
    title: str | None
    score: float
    expected_watch_seconds: float | None
    click_probability: float | None
    placed_by: str | None
    propensity: float | None
    candidate_score: float | None
    source: str | None
    seed_video_id: Id | None
    outcomes: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to a request for recommendations.

    Attributes:
      request_id: Id by which feedback refers to the answer.
      version: Version of the bundle that answered.
      videos: The videos, best first.
      doubts: Warnings about the request.
      milliseconds: Time of each stage.
    """

    request_id: str
    version: int
    videos: tuple[Video, ...]
    doubts: tuple[str, ...]
    milliseconds: Mapping[str, float]


def content(response: httpx2.Response, request_id: str) -> Any:
    """Returns the JSON of an answer.

    Raises:
      ServerError: The answer is a refusal, or no JSON.
    """
    status = response.status_code
    try:
        found = response.json()
    except ValueError:
        message = f"expected JSON, received {response.text[:80]!r}"
        raise ServerError(status, message, request_id) from None
    if status >= _FAILED:
        told = found.get("error", found) if isinstance(found, dict) else found
        raise ServerError(status, str(told), request_id)
    return found


def answer(body: Json) -> Answer:
    """Returns the answer of a body of `/recommend`."""
    videos = tuple(
        Video(
            **{name: one.get(name) for name in _COLUMNS},
            outcomes={n: v for n, v in one.items() if n not in _COLUMNS},
        )
        for one in body["videos"]
    )
    return Answer(
        body["request_id"],
        body["version"],
        videos,
        tuple(body["doubts"]),
        body["milliseconds"],
    )
