"""Opens a state, and tells which of its events came after a log."""

import pathlib
from typing import NamedTuple

from ytdnn.base import artifacts, errors
from ytdnn.log import prepared
from ytdnn.ops.state import posted_events, redis_store, sqlite_store, store

RECEIVED_TO = "received_to"  # fact of a set that was made from the state


class LogEnd(NamedTuple):
    """The end of the log that a bundle was made from; the state goes on from there.

    Attributes:
      time: Second of its last event.
      prepared: Second at which it was prepared; events received later are not in it.
    """

    time: int = -1
    prepared: float = 0.0

    def is_before(self, event: posted_events.Event) -> bool:
        """Whether an event came after the log."""
        return event.time > self.time or event.received > self.prepared


def log_end(data: prepared.PreparedData) -> LogEnd:
    """Returns the end of a log.

    Args:
      data: The prepared set.
    """
    written = (data.directory / artifacts.MANIFEST).stat().st_mtime
    received = data.manifest.facts.get(RECEIVED_TO, written)
    return LogEnd(data.windows.end_of_log, received)


def open_store(place: str) -> store.Store:
    """Opens a state, or makes it.

    Args:
      place: Path of its file, or address of Redis.

    Raises:
      errors.UserError: It is no state.
    """
    if place.startswith(redis_store.SCHEMES):
        return redis_store.RedisStore(place)
    return sqlite_store.Database(pathlib.Path(place))


def open_known(place: str) -> store.Store:
    """Opens a state that a server has made.

    Args:
      place: Path of its file, or address of Redis.

    Raises:
      errors.UserError: There is none.
    """
    is_file = not place.startswith(redis_store.SCHEMES)
    if is_file and not pathlib.Path(place).is_file():
        raise errors.UserError(
            f"expected the state of a server in {place}, found none: give the --state "
            f"of `ytdnn serve`"
        )
    return open_store(place)
