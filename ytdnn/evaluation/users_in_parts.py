"""Evaluates models on a log that may exceed the memory: window by window.

A *window* holds all events of some users, at most `window_events` events.
Flat positions of the whole log are translated to positions in the window, and results
are put back into the order of the inputs. A log that fits into one window is opened as
it is.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ytdnn.evaluation import models
from ytdnn.log import batch_streams, prepared, shard_index
from ytdnn.ranking import predictions

PreparedData = prepared.PreparedData

Rows = Any  # of the questions: a slice, or places
_Model = TypeVar("_Model")
Results = dict[str, Any]
"""Arrays `[rows, …]` or `Predictions`, by the name of a system."""


@dataclasses.dataclass(frozen=True, eq=False)
class UserWindow:
    """The events of some users.

    Attributes:
      whole: The prepared set that flat positions refer to.
      data: The prepared set with only the events of the window.
      users: User indices, ascending; None: all.
    """

    whole: PreparedData
    data: PreparedData
    users: npt.NDArray[np.integer] | None = None

    def holds(self, data: PreparedData, users: npt.NDArray[np.integer]) -> bool:
        """Whether the window has all events of some users of a prepared set."""
        if self.whole is not data:
            return False
        return self.users is None or bool(np.isin(users, self.users).all())

    def positions(
        self, table: str, users: npt.NDArray[np.integer], positions: models.Positions
    ) -> models.Positions:
        """Returns flat positions within the window.

        Args:
          table: Table of the events.
          users: `[n]` user of each position.
          positions: `[n]` flat positions within the whole set.
        """
        if self.data is self.whole:
            return positions
        before = self.whole.log.shard_index.offsets(table)[users]
        here = self.data.log.shard_index.offsets(table)[users]
        return np.asarray(positions - before + here, np.int64)


class WindowOpener:
    """Opens windows, one at a time, shared by all models."""

    def __init__(self, most: int) -> None:
        """Creates the opener; windows are opened on demand.

        Args:
          most: Maximum number of events of a window, unless a single user has more.
        """
        self.most = most
        self._last: UserWindow | None = None
        self._collector = batch_streams.Collector()

    def parts(self, data: PreparedData, users: npt.NDArray[np.integer]) -> list[slice]:
        """Returns slices of ascending users that a window can hold."""
        index = data.log.shard_index
        if index.num_events <= self.most:
            return [slice(0, len(users))]
        sizes = index.events_before(users + 1) - index.events_before(users)
        return shard_index.bounded(sizes, self.most)

    def opened(
        self, data: PreparedData, users: npt.NDArray[np.integer]
    ) -> Iterator[tuple[Rows, UserWindow]]:
        """Yields the windows that hold some users, with the places of those users.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
        """
        everyone = slice(0, len(users))
        if data.log.shard_index.num_events <= self.most:
            if self._last is None or self._last.data is not data:
                self._last = UserWindow(data, data)
            yield everyone, self._last
        elif self._last is not None and self._last.holds(data, users):
            yield everyone, self._last
        else:
            unique_users, owners = np.unique(users, return_inverse=True)
            for part in self.parts(data, unique_users):
                inside = (owners >= part.start) & (owners < part.stop)
                yield np.flatnonzero(inside), self._open(data, unique_users[part])

    def close(self) -> None:
        """Closes the last window."""
        last, self._last = self._last, None
        if last is not None and last.users is not None:
            number = last.data.log.shard_index.num_events
            del last
            self._collector.release(number)

    def _open(self, data: PreparedData, users: npt.NDArray[np.integer]) -> UserWindow:
        self.close()
        self._last = UserWindow(data, data.with_log(data.log.read_users(users)), users)
        return self._last

    def divided(
        self,
        data: PreparedData,
        users: npt.NDArray[np.integer],
        make: Callable[[slice], Results],
    ) -> Results:
        """Computes results for users window by window, and joins them in order.

        Args:
          data: The prepared set.
          users: `[n]` user indices, ascending.
          make: Function that computes the results of a slice of the users.
        """
        parts = self.parts(data, users) or [slice(0, len(users))]
        results = [make(part) for part in parts]
        return results[0] if len(results) == 1 else in_order(results)

    def collect(
        self,
        data: PreparedData,
        users: npt.NDArray[np.integer],
        ask: Callable[[Rows, UserWindow], Any],
    ) -> Any:
        """Applies a function window by window, and returns the results in input order.

        Args:
          data: The prepared set.
          users: `[n]` user of each row.
          ask: Function of a window and its rows that returns an array `[rows, …]`, a
            dictionary of arrays, or `Predictions`.
        """
        if not len(users):
            return ask(slice(0, 0), UserWindow(data, data.with_log(data.log.some)))
        places, answers = [], []
        for rows, window in self.opened(data, users):
            places.append(rows)
            answers.append(ask(rows, window))
        if len(answers) == 1:
            return answers[0]
        return in_order(answers, np.argsort(np.concatenate(places)))


def in_order(parts: Sequence[Any], order: models.Positions | None = None) -> Any:
    """Joins the results of several windows, with rows in a given order.

    Args:
      parts: Arrays `[rows, …]`, `Predictions`, or dictionaries of these.
      order: `[n]`, the row of each result among the rows of all parts; None: as they
        are.
    """
    first = parts[0]
    if isinstance(first, predictions.Predictions):
        fields = [field.name for field in dataclasses.fields(first)]
        values = {k: in_order([getattr(p, k) for p in parts], order) for k in fields}
        return predictions.Predictions(**values)
    if isinstance(first, Mapping):
        return {name: in_order([p[name] for p in parts], order) for name in first}
    if first is None:
        return None
    joined = np.concatenate(parts)
    return joined if order is None else joined[order]


def by_window(model: _Model, windows: WindowOpener) -> _Model:
    """Returns a model that answers window by window.

    Args:
      model: The model.
      windows: Opener of the windows, shared by both stages.
    """
    return cast(_Model, _ByWindow(model, windows))


class _ByWindow:
    """A model that answers for requests of many users, window by window.

    Methods that take flat positions of events are asked for one window at a time; all
    else is the model's own.
    """

    def __init__(self, model: Any, windows: WindowOpener) -> None:
        """Stores the model and the opener of windows, shared by both stages."""
        self._model, self._windows = model, windows

    def __getattr__(self, name: str) -> Any:
        """Returns an attribute of the model, or a method that asks by window."""
        own = getattr(self._model, name)
        if name in ("user_vectors", "readings", "score_candidates"):
            return functools.partial(self._at_watches, own)
        of_impressions = ("predict_at", "predictions", "impression_tensors")
        if name in ("request_vectors", *of_impressions):
            return functools.partial(self._at_impressions, own)
        return own

    def _at_watches(
        self,
        ask_model: Callable[..., Any],
        data: PreparedData,
        users: models.Indices,
        ends: models.Positions,
        *others: npt.NDArray[Any],
    ) -> Any:
        """Returns the model's answers at positions among the watches.

        Args:
          ask_model: Method of the model.
          data: The prepared set.
          users: `[n]` user indices.
          ends: `[n]` flat position of the first watch after each request.
          *others: Further arguments, `[n, …]` each.
        """

        def ask(rows: Rows, window: UserWindow) -> Any:
            here = window.positions("watches", users[rows], ends[rows])
            own = (other[rows] for other in others)
            return ask_model(window.data, users[rows], here, *own)

        return self._windows.collect(data, users, ask)

    def _at_impressions(
        self,
        ask_model: Callable[..., Any],
        data: PreparedData,
        impression_rows: models.Positions,
        other: npt.NDArray[Any] | None = None,
    ) -> Any:
        """Returns the model's answers at logged impressions.

        Args:
          ask_model: Method of the model.
          data: The prepared set.
          impression_rows: `[n]` flat positions of the impressions.
          other: `[n, k]` candidates at each, or `[n]` flat positions of the impressions
            before which histories end.
        """
        users = data.log.shard_index.gather("impressions", "users", impression_rows)

        def ask(rows: Rows, window: UserWindow) -> Any:
            def places(at: Any) -> Any:
                return window.positions("impressions", users[rows], at[rows])

            own = [places(impression_rows)]
            if other is not None:
                own.append(places(other) if other.ndim == 1 else other[rows])
            return ask_model(window.data, *own)

        return self._windows.collect(data, users, ask)
