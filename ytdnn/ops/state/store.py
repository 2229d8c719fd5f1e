"""The interface of a store of events, and what all stores keep."""

import concurrent.futures
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from ytdnn.base import errors, schema
from ytdnn.ops.state import posted_events

LONGEST_WINDOW = 7 * schema.DAY_SECONDS  # of a counter
LAST_EVENTS = 96  # of a user, which are kept however old they are
MOST_OF_A_USER = 1_000  # events of a history
_BATCH = 10_000


class Receipt(NamedTuple):
    """The result of storing a batch.

    Attributes:
      stored: Number of new events.
      known: Number of events that were stored before.
    """

    stored: int
    known: int


Placed = list[tuple[int, posted_events.Event]]
Acknowledged = concurrent.futures.Future[Receipt]


class StateError(Exception):
    """The state could not be read or written."""


class Store(Protocol):
    """The events of a state; its methods may be called in any thread."""

    def add(self, batch: Sequence[posted_events.Event]) -> Acknowledged:
        """Stores events, all or none; the result is there once they are on the disk.

        The error of an event with the id of another one is `errors.UserError`.

        Raises:
          StateError: Too many batches wait.
        """

    def user_events(self, user: str) -> list[posted_events.Event]:
        """Returns the last events of a user, in order of time.

        Args:
          user: Id of the user, as text.
        """

    def since(self, place: int, most: int, videos: bool = False) -> Placed:
        """Returns the next events in the order of their storing, each with its place.

        Args:
          place: Place of the last known one; 0: none is known.
          most: Maximum number of events.
          videos: Whether to return new videos only.
        """

    def every(
        self, place: int = 0, videos: bool = False
    ) -> Iterator[tuple[int, posted_events.Event]]:
        """Yields all events after a place; see `since`."""
        while batch := self.since(place, _BATCH, videos):
            yield from batch
            place = batch[-1][0]

    def remove_user(self, user: str) -> int:
        """Removes all events of a user from every file; returns their number.

        Raises:
          StateError: The files could not be written anew.
        """

    def num_removals(self) -> int:
        """Returns how often a user was removed, by any process.

        What was counted before the last one is to be counted anew.
        """

    def prune(self, before: int, received: float) -> int:
        """Removes old events, but the last of each user.

        Args:
          before: Seconds since 1970 before which they are old.
          received: Seconds since 1970 before which they also must have been received.

        Returns:
          The number of removed events.
        """

    def close(self) -> None:
        """Writes what waits, and closes the store."""


def other_event(event: posted_events.Event) -> errors.UserError:
    """Returns the error of an event with the id of another one."""
    return errors.UserError(
        f"expected an event with the {posted_events.ID} {event.id!r} to be the one "
        f"that was stored before, received other values: give each event an id of "
        f"its own"
    )


def named(url: str) -> str:
    """Returns an address without its password; a path is unchanged."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2]
