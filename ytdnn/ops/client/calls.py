"""The calls of both clients: requests, retries, and results."""

import dataclasses
import datetime
import email.utils
import random
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import httpx2

from ytdnn.ops.client import answers

_OVERLOADED = 503


@dataclasses.dataclass(frozen=True)
class Retries:
    """The rule of retries.

    Attributes:
      most: Maximum number of retries.
      first_seconds: Pause before the first retry, if the server names none; each later
        pause is twice as long. Half of a pause is random.
      longest_seconds: The longest pause.
    """

    most: int = 4
    first_seconds: float = 0.1
    longest_seconds: float = 5.0

    def pause(self, attempt: int, response: httpx2.Response | None) -> float:
        """Returns the seconds to wait after an attempt, counted from 0."""
        given = None if response is None else response.headers.get("retry-after")
        if given is not None:
            return _retry_after(given)
        whole = min(self.longest_seconds, self.first_seconds * 2.0**attempt)
        return whole * (0.5 + 0.5 * random.random())


# A call is a generator: it yields requests and pauses, and is sent responses. So the
# two clients differ only in how they send and sleep.
Reply = httpx2.Response | httpx2.TransportError | None
Call = Generator[answers.Json | float, Reply, Any]


class Calls:
    """The requests of both clients."""

    def __init__(
        self,
        token: str | None = None,
        timeout_seconds: float = 5.0,
        retries: Retries | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._retries = retries or Retries()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: answers.Json | None = None) -> Call:
        """Yields requests and pauses to make, and returns the JSON of the answer.

        The logic that both clients share, without input or output. A yielded dict holds
        the arguments of `httpx2`'s `request`; the client sends back the response, or
        the error. A yielded number is a pause before the next attempt, in seconds.

        Args:
          method: HTTP method.
          path: Path of the endpoint.
          body: JSON of the request; None: no body.

        Raises:
          ServerError: The server refused the request, or there was no answer in time.
        """
        end = time.monotonic() + self._timeout_seconds
        request_id = uuid.uuid4().hex
        for attempt in range(self._retries.most + 1):
            left = max(0.001, end - time.monotonic())
            headers = self._headers | {
                "X-Request-ID": request_id,
                "X-Timeout-Ms": f"{1e3 * left:.0f}",
            }
            reply = yield {
                "method": method,
                "url": path,
                "json": body,
                "headers": headers,
                "timeout": left,
            }
            response = reply if isinstance(reply, httpx2.Response) else None
            if response is not None and response.status_code != _OVERLOADED:
                return answers.content(response, request_id)
            pause = self._retries.pause(attempt, response)
            is_last = attempt == self._retries.most
            if is_last or time.monotonic() + pause >= end or _is_late(reply):
                break
            yield pause
        if response is not None:
            return answers.content(response, request_id)
        told = f"no answer within {self._timeout_seconds:g} s: {reply!r}"
        raise answers.ServerError(0, told, request_id)

    def recommend_call(
        self,
        watched_video_ids: Sequence[answers.Id] | None,
        k: int,
        user_id: answers.Id | None,
        request: Mapping[str, Any],
    ) -> Call:
        """Returns the call of `recommend`."""
        body: answers.Json = {"k": k, **request}
        if watched_video_ids is not None:
            body["watched_video_ids"] = list(watched_video_ids)
        if user_id is not None:
            body["user_id"] = user_id
        return answers.answer((yield from self.call("POST", "/recommend", body)))

    def feedback_call(
        self,
        answer: answers.Answer | str,
        video_id: answers.Id,
        clicked: bool,
        watch_seconds: float | None,
        outcomes: Mapping[str, bool | float],
    ) -> Call:
        """Returns the call of `feedback`."""
        body: answers.Json = {
            "request_id": answer if isinstance(answer, str) else answer.request_id,
            "video_id": video_id,
            "clicked": clicked,
            **outcomes,
        }
        if watch_seconds is not None:
            body["watch_seconds"] = watch_seconds
        yield from self.call("POST", "/feedback", body)

    def predict_call(
        self, model: str, instances: Sequence[Mapping[str, Any]], signature: str
    ) -> Call:
        """Returns the call of `predict`."""
        body = {"signature_name": signature, "instances": [dict(i) for i in instances]}
        path = f"/v1/models/{model}:predict"
        return (yield from self.call("POST", path, body))["predictions"]


def _is_late(reply: Reply) -> bool:
    """Whether a call has used up its time."""
    return isinstance(reply, httpx2.TimeoutException)


def _retry_after(text: str) -> float:
    """Returns the seconds that a header Retry-After names: a number, or a date."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    now = datetime.datetime.now(datetime.UTC)
    return max(0.0, (date.astimezone(datetime.UTC) - now).total_seconds())
