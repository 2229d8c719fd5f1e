"""Errors for clients: a status of HTTP and one line."""

from ytdnn.base import errors

BAD_REQUEST = 400
NO_TOKEN = 401
FORBIDDEN = 403
NOT_FOUND = 404
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
        self.status, self.message = status, line
        self.headers = {}
        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)
        if status == NO_TOKEN:
            self.headers["www-authenticate"] = _CHALLENGE


def bad(message: str) -> Problem:
    """Returns the problem of a malformed request."""
    return Problem(BAD_REQUEST, message)
