"""Evaluates models on a log that may exceed the memory: window by window.

A *window* holds all events of some users, at most `evaluation.window_events` events.
Flat positions of the whole log are translated to positions in the window, and results
are put back into the order of the inputs. A log that fits into one window is opened as
it is.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ytdnn.evaluation import models
from ytdnn.log import prepared, shard_index, shard_windows
from ytdnn.ranking import predictions

Integers = npt.NDArray[np.int64]
Rows = Any  # of the questions: a slice, or places
Results = dict[str, Any]
"""Arrays `[rows, …]` or `Predictions`, by the name of a system."""
Make = Callable[[slice], Results]
LISTS, PREDICTIONS = "lists", "predictions"  # the work that can be divided


class Work(Protocol):
    """Computes results for parts of users, here or on several machines."""

    def __call__(
        self, name: str, parts: Sequence[slice], make: Make
    ) -> Iterable[Results]:
        """Returns the results of each part, in order.

        Args:
          name: `LISTS` or `PREDICTIONS`.
          parts: Slices of the users, a window each.
          make: Function that computes the results of a part in this process.
        """
        ...


def here(name: str, parts: Sequence[slice], make: Make) -> Iterable[Results]:
    """Computes the results of each part in this process; see `Work`."""
    del name
    return map(make, parts)


@dataclasses.dataclass(frozen=True, eq=False)
class UserWindow:
    """The events of some users.

    Attributes:
      whole: The prepared set that flat positions refer to.
      data: The prepared set with only the events of the window.
      users: User indices, ascending; None: all.
    """

    whole: prepared.PreparedData
    data: prepared.PreparedData
    users: npt.NDArray[np.integer] | None = None

    def holds(
        self, data: prepared.PreparedData, users: npt.NDArray[np.integer]
    ) -> bool:
        """Whether the window has all events of some users of a prepared set."""
        if self.whole is not data:
            return False
        return self.users is None or bool(np.isin(users, self.users).all())

    def positions(
        self, table: str, users: npt.NDArray[np.integer], positions: Integers
    ) -> Integers:
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

    def __init__(self, most: int, work: Work = here) -> None:
        """Creates the opener; windows are opened on demand.

        Args:
          most: Maximum number of events of a window, unless a single user has more.
          work: Function that computes the results of `divided`.
        """
        self.most, self._work = most, work
        self._last: UserWindow | None = None
        self._collector = shard_windows.Collector()

    def parts(
        self, data: prepared.PreparedData, users: npt.NDArray[np.integer]
    ) -> list[slice]:
        """Returns slices of ascending users that a window can hold."""
        index = data.log.shard_index
        if index.num_events <= self.most:
            return [slice(0, len(users))]
        sizes = index.events_before(users + 1) - index.events_before(users)
        return shard_index.bounded(sizes, self.most)

    def opened(
        self, data: prepared.PreparedData, users: npt.NDArray[np.integer]
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
            asked, owners = np.unique(users, return_inverse=True)
            for part in self.parts(data, asked):
                inside = (owners >= part.start) & (owners < part.stop)
                yield np.flatnonzero(inside), self._open(data, asked[part])

    def close(self) -> None:
        """Closes the last window."""
        last, self._last = self._last, None
        if last is not None and last.users is not None:
            number = last.data.log.shard_index.num_events
            del last
            self._collector.release(number)

    def _open(
        self, data: prepared.PreparedData, users: npt.NDArray[np.integer]
    ) -> UserWindow:
        self.close()
        self._last = UserWindow(data, data.with_log(data.log.of_users(users)), users)
        return self._last

    def divided(
        self,
        name: str,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        make: Make,
    ) -> Results:
        """Computes results for users part by part, and joins them in order.

        Args:
          name: `LISTS` or `PREDICTIONS`.
          data: The prepared set.
          users: `[n]` user indices, ascending.
          make: Function that computes the results of a slice of the users.
        """
        parts = self.parts(data, users) or [slice(0, len(users))]
        found = list(self._work(name, parts, make))
        joined: Results = found[0] if len(found) == 1 else in_order(found)
        return joined

    def collect(
        self,
        data: prepared.PreparedData,
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
        places, found = [], []
        for rows, window in self.opened(data, users):
            places.append(rows)
            found.append(ask(rows, window))
        if len(found) == 1:
            return found[0]
        return in_order(found, np.argsort(np.concatenate(places)))


def in_order(parts: Sequence[Any], order: Integers | None = None) -> Any:
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


class _ByWindow:
    """A model that answers for requests of many users, window by window."""

    def __init__(self, model: Any, windows: WindowOpener) -> None:
        """Stores the model and the opener of windows, shared by both stages."""
        self._model, self._windows = model, windows

    @property
    def sees_request_time(self) -> bool:
        """Whether the first stage reads the time of the request."""
        return bool(self._model.sees_request_time)

    def _at_watches(
        self,
        ask_model: Callable[..., Any],
        data: prepared.PreparedData,
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
        data: prepared.PreparedData,
        impression_rows: models.Positions,
        videos: models.Indices | None = None,
        history_rows: models.Positions | None = None,
    ) -> Any:
        """Returns the model's answers at logged impressions.

        Args:
          ask_model: Method of the model.
          data: The prepared set.
          impression_rows: `[n]` flat positions of the impressions.
          videos: `[n, k]` candidates at each; None: no argument of the method.
          history_rows: `[n]` flat positions of the impressions before which histories
            end; None: no argument of the method.
        """
        users = data.log.shard_index.gather("impressions", "users", impression_rows)

        def ask(rows: Rows, window: UserWindow) -> Any:
            own: list[npt.NDArray[Any]] = [
                window.positions("impressions", users[rows], at[rows])
                for at in (impression_rows, history_rows)
                if at is not None
            ]
            own += [] if videos is None else [videos[rows]]
            return ask_model(window.data, *own)

        return self._windows.collect(data, users, ask)


class Retrieval(_ByWindow):
    """A candidate model (`models.RetrievalModel`), evaluated window by window."""

    def __init__(self, model: models.RetrievalModel, windows: WindowOpener) -> None:
        """Stores the model and the opener of windows, shared with the ranker."""
        super().__init__(model, windows)
        self.num_listed = model.num_listed

    @property
    def trains_on_validation(self) -> bool:
        """Whether validation watches were labels of its training."""
        return bool(self._model.trains_on_validation)

    def video_vectors(self, moment: int | None = None) -> models.Vectors:
        """Returns `[num_listed, dim]` at a moment."""
        found: models.Vectors = self._model.video_vectors(moment)
        return found

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: models.Indices,
        end_watches: models.Positions,
        times: models.Positions,
    ) -> models.Vectors:
        """Returns `[n, dim]` user vectors from the events before a request."""
        asked = data, users, end_watches, times
        return self._at_watches(self._model.user_vectors, *asked)

    def readings(
        self,
        data: prepared.PreparedData,
        users: models.Indices,
        end_watches: models.Positions,
        times: models.Positions,
    ) -> models.Readings:
        """Returns the values of its features for those requests."""
        asked = data, users, end_watches, times
        return self._at_watches(self._model.readings, *asked)

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: models.Positions
    ) -> models.Vectors:
        """Returns `[n, dim]` of the requests of logged impressions."""
        asked = self._model.request_vectors, data, impression_rows
        return self._at_impressions(*asked)


class Ranking(_ByWindow):
    """A ranker (`models.RankingModelLike`) that is evaluated window by window."""

    def predict_at(
        self,
        data: prepared.PreparedData,
        impression_rows: models.Positions,
        video_indices: models.Indices,
    ) -> predictions.Predictions:
        """Returns its predictions for candidates at logged requests, `[n, k]` each."""
        asked = self._model.predict_at, data, impression_rows, video_indices
        return self._at_impressions(*asked)

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: models.Positions,
        history_rows: models.Positions | None = None,
    ) -> predictions.Predictions:
        """Returns its predictions for each logged impression."""
        asked = self._model.predictions, data, impression_rows
        return self._at_impressions(*asked, history_rows=history_rows)

    def score_candidates(
        self,
        data: prepared.PreparedData,
        users: models.Indices,
        end_watches: models.Positions,
        times: models.Positions,
        video_indices: models.Indices,
    ) -> models.Vectors:
        """Returns the scores that rank the candidates, `[n, k]`."""
        asked = data, users, end_watches, times, video_indices
        return self._at_watches(self._model.score_candidates, *asked)

    def readings(
        self,
        data: prepared.PreparedData,
        users: models.Indices,
        end_watches: models.Positions,
        times: models.Positions,
        video_indices: models.Indices,
    ) -> models.Readings:
        """Returns its features' values for those candidates."""
        asked = data, users, end_watches, times, video_indices
        return self._at_watches(self._model.readings, *asked)
