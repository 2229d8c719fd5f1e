"""Errors for clients: a status and one line, as TensorFlow Serving answers."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ytdnn.base import errors

BAD_REQUEST = 400
NO_TOKEN = 401
FORBIDDEN = 403
NOT_FOUND = 404
NOT_ALLOWED = 405
TOO_SLOW = 408
TOO_LARGE = 413
WRONG_TYPE = 415
FAILED = 500
OVERLOADED = 503
LATE = 504

_MOST_CHARACTERS = 500
_CHALLENGE = 'Basic realm="ytdnn", charset="UTF-8"'


class Problem(Exception):  # noqa: N818
    """An error that is the answer to a request.

    Attributes:
      status: Status code of HTTP.
      message: One line.
      headers: Headers of the answer.
    """

    def __init__(
        self, status: int, message: str, retry_after: int | None = None
    ) -> None:
        """Creates the error.

        Args:
          status: HTTP status code.
          message: One line.
          retry_after: Seconds for the header `Retry-After`; None: no header.
        """
        line = errors.one_line(" ".join(message.split()))
        if len(line) > _MOST_CHARACTERS:
            line = f"{line[: _MOST_CHARACTERS - 1]}…"
        super().__init__(line)
        self.status = status
        self.message = line
        self.headers = {}
        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)
        if status == NO_TOKEN:
            self.headers["www-authenticate"] = _CHALLENGE

    @property
    def body(self) -> dict[str, str]:
        """The JSON body of the answer."""
        return {"error": self.message}


def bad(message: str) -> Problem:
    """Returns the problem of a malformed request."""
    return Problem(BAD_REQUEST, message)


async def answer(
    problem: Problem, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]
) -> None:
    """Sends a problem as answer, outside of the application."""
    body = json.dumps(problem.body).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **problem.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
