"""A bundle in a notebook: users or requests in, a frame of recommendations out."""

import numbers
import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn import artifacts, errors, schema
from ytdnn.pipeline import arrows

if TYPE_CHECKING:
    import polars as pl

    from ytdnn.data import prepared
    from ytdnn.serving import bundle as bundle_room

REQUEST = "request"
RANK = "rank"
_DATA = "data"

Request = Mapping[str, Any]
UserId = str | int
Requests = Any  # UserId | Request | Iterable of them | a frame of Polars or pandas


class Recommender:
    """Recommendations of a bundle.

    Attributes:
      bundle: The models, and what its manifest says of them.
    """

    def __init__(
        self,
        bundle: "bundle_room.Bundle",
        data_directory: pathlib.Path,
        data: "prepared.PreparedData | None" = None,
    ) -> None:
        """Takes a bundle and where its users are looked up; see `load`."""
        self.bundle = bundle
        self._data_directory = data_directory
        self._data = data

    @classmethod
    def load(
        cls,
        bundle: arrows.Path,
        data: arrows.Path | None = None,
        version: int | None = None,
    ) -> "Recommender":
        """Opens a bundle, checking every file against its manifest.

        Args:
          bundle: Its directory.
          data: The prepared set it was made from, to ask for users by their id;
            None: `data` beside the bundle, read when a user is first asked for. A
            bundle that lies alone answers requests.
          version: Which of its versions; None: the newest.

        Raises:
          errors.UserError: One is missing or damaged, or they do not fit each other.
        """
        from ytdnn.serving import bundle as bundle_room

        directory = pathlib.Path(bundle)
        if data is None:
            beside = directory.resolve().parent / _DATA
            return cls(bundle_room.load(directory, version), beside)
        known = _load_data(pathlib.Path(data))
        opened = bundle_room.load(directory, version)
        found = cls(opened, known.directory, known)
        found._require_own_data(known)
        return found

    @property
    def data(self) -> "prepared.PreparedData":
        """The prepared set that users are looked up in.

        Raises:
          errors.UserError: There is none, or the bundle was made from another.
        """
        if self._data is None:
            if not (self._data_directory / artifacts.MANIFEST).exists():
                raise errors.UserError(
                    f"expected the prepared set to look up users in, found none in "
                    f"{self._data_directory}: give it as Recommender.load(BUNDLE, "
                    f"data=DIR), or ask with {schema.WATCHED_VIDEO_IDS} instead"
                )
            found = _load_data(self._data_directory)
            self._require_own_data(found)
            self._data = found
        return self._data

    def _require_own_data(self, data: "prepared.PreparedData") -> None:
        manifest, directory = self.bundle.manifest, self.bundle.directory
        artifacts.require_input(manifest, directory, _DATA, data.manifest)

    def request(self, user_id: UserId) -> dict[str, Any]:
        """Returns the request of a user at the end of the log.

        Raises:
          errors.UserError: The log has no such user, or is not at hand.
        """
        from ytdnn.serving import requests

        return self.bundle.fitting(requests.request_for_user(self.data, user_id))

    def recommend(
        self, asked: Requests, k: int | None = None, exact: bool = False
    ) -> Any:
        """Returns recommendations, best first.

        Args:
          asked: A user id, a request (a dict as `ytdnn recommend --request` reads
            it), several of either, or a frame of Polars or pandas with a column for
            each key of a request. A request that names `user_id` and brings no
            `watched_video_ids` is filled from the log; its own keys stand.
          k: Videos for each request; None: the request's own `k`, or 10.
          exact: Whether to use the exact index, in stock TensorFlow ops; where the
            bundle has no other it is used anyway.

        Returns:
          A frame of Polars, or of pandas where one was given: `request` (position,
          from 0), `user_id` (where any is named), `rank` (from 1), `video_id`,
          `title` (null where there is none), `score` (`bundle.score_meaning`).

        Raises:
          errors.UserError: A request is malformed, a user unknown, or ScaNN is not
            installed.
        """
        from ytdnn.data.sources import frames

        given = [self._completed(one) for one in _listed(asked)]
        for note in self._doubts(given):
            warnings.warn(note, stacklevel=2)
        users = [request.pop(schema.USER_ID, None) for request in given]
        if k is not None:
            given = [request | {schema.K: _plain(k)} for request in given]
        found = self._frame(self._answers(given, exact), users)
        return frames.to_pandas(found) if frames.is_pandas(asked) else found

    def _doubts(self, given: Sequence[dict[str, Any]]) -> list[str]:
        """Returns what looks like a mistake in requests not of the log, each once."""
        own = ({k: v for k, v in one.items() if k != schema.USER_ID} for one in given)
        requests = [one for one in own if schema.WATCHED_VIDEO_IDS in one]
        return list(
            dict.fromkeys(d for one in requests for d in self.bundle.doubts(one))
        )

    def _completed(self, asked: UserId | Request) -> dict[str, Any]:
        """Returns a request with its user's history, as given or as the log has it."""
        if not isinstance(asked, Mapping):
            asked = {schema.USER_ID: _user_id(asked)}
        own = {key: _plain(value) for key, value in asked.items()}
        own = {key: value for key, value in own.items() if not _is_missing(value)}
        if schema.USER_ID not in own or schema.WATCHED_VIDEO_IDS in own:
            return own
        return self.request(own[schema.USER_ID]) | own

    def _answers(
        self, given: Sequence[dict[str, Any]], exact: bool
    ) -> list["bundle_room.Answer"]:
        """Returns the answer to each request, asked in batches of like length."""
        import numpy as np

        from ytdnn.serving import batches

        lengths = np.array([_length(request) for request in given], np.int64)
        answers: dict[int, bundle_room.Answer] = {}
        for part in batches.of_like_length(lengths):
            rows = part.tolist()
            found = self.bundle.answer([given[row] for row in rows], exact)
            answers.update(zip(rows, found, strict=True))
        return [answers[row] for row in range(len(given))]

    def _frame(
        self, answers: Sequence["bundle_room.Answer"], users: Sequence[Any]
    ) -> "pl.DataFrame":
        """Returns answers as rows; the user of each where any is named."""
        import polars as pl

        columns = {
            REQUEST: [row for row, one in enumerate(answers) for _ in one.video_ids],
            RANK: [n for one in answers for n in range(1, len(one.video_ids) + 1)],
            schema.VIDEO_ID: [video for one in answers for video in one.video_ids],
            schema.TITLE: [title for one in answers for title in one.titles],
            schema.SCORE: [score for one in answers for score in one.scores],
        }
        types = {
            REQUEST: pl.Int64(),
            RANK: pl.Int64(),
            schema.VIDEO_ID: self.bundle.id_type,
            schema.TITLE: pl.String(),
            schema.SCORE: pl.Float64(),
        }
        frame = pl.DataFrame(columns, types)
        if all(user is None for user in users):
            return frame
        if len({type(user) for user in users if user is not None}) > 1:
            users = [None if user is None else str(user) for user in users]
        named = pl.Series(schema.USER_ID, users)
        return frame.insert_column(1, named.gather(frame[REQUEST]))


def _load_data(directory: pathlib.Path) -> "prepared.PreparedData":
    from ytdnn.data import prepared

    return prepared.load(directory)


def _listed(asked: Requests) -> list[Any]:
    """Returns what is asked as a list of user ids and requests."""
    from ytdnn.data.sources import frames

    if frames.is_frame(asked):
        return _rows(frames.to_polars(asked, "the requests").collect())
    if isinstance(asked, Mapping | str | numbers.Integral):
        return [asked]
    if hasattr(asked, "tolist"):  # an array or a column
        return list(asked.tolist())
    try:
        return list(asked)
    except TypeError:
        raise errors.UserError(
            f"expected user ids, requests or a frame to recommend for, received "
            f"{type(asked).__name__}"
        ) from None


def _rows(frame: "pl.DataFrame") -> list[dict[str, Any]]:
    """Returns the rows of a frame; times as seconds, as the log has them."""
    import polars as pl

    times = pl.col(pl.Datetime, pl.Date).dt.epoch("s")
    return frame.with_columns(times).to_dicts()


def _user_id(asked: Any) -> UserId:
    value = _plain(asked)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise errors.UserError(
            f"expected a user id or a request (a dict), received "
            f"{type(asked).__name__} {asked!r}"
        )
    return value


def _plain(value: Any) -> Any:
    """Returns a value of NumPy as Python's, and whole floats as integers.

    pandas makes floats of integers where one is missing.
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _length(request: Request) -> int:
    watched = request.get(schema.WATCHED_VIDEO_IDS)
    return len(watched) if isinstance(watched, list) else 0
