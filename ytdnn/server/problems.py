"""Errors for clients: a status and one line, as TensorFlow Serving answers."""

from ytdnn import errors

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


class Problem(Exception):  # noqa: N818
    """A request that is not answered.

    Attributes:
      status: Status code of HTTP.
      message: One line.
    """

    def __init__(self, status: int, message: str) -> None:
        """Takes the status and message for the client."""
        line = errors.one_line(" ".join(message.split()))
        if len(line) > _MOST_CHARACTERS:
            line = f"{line[: _MOST_CHARACTERS - 1]}…"
        super().__init__(line)
        self.status = status
        self.message = line

    @property
    def body(self) -> dict[str, str]:
        """The answer's JSON."""
        return {"error": self.message}


def bad(message: str) -> Problem:
    """Returns the problem of a malformed request."""
    return Problem(BAD_REQUEST, message)
