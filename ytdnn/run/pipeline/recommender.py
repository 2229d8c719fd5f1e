"""Answers of a bundle in Python: from users, requests or videos to a frame."""

import functools
import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, errors, schema, user_paths
from ytdnn.run.pipeline import bulk_answers, python_requests, runner

if TYPE_CHECKING:
    import polars as pl

    from ytdnn.bundle import answer_files, user_requests
    from ytdnn.bundle import bulk as bundle_bulk
    from ytdnn.bundle import bundle as bundles
    from ytdnn.log import prepared

_DATA = "data"

Request = python_requests.Request
UserId = python_requests.UserId


@errors.checked
class Recommender:
    """Recommendations of a bundle.

    Attributes:
      bundle: The bundle, with its manifest.
    """

    def __init__(
        self,
        bundle: "bundles.Bundle",
        data_directory: pathlib.Path,
        data: "prepared.PreparedData | None" = None,
    ) -> None:
        """Stores a bundle and the place of its prepared set; see `load`."""
        self.bundle = bundle
        self._data_directory = data_directory
        self._data = data

    @classmethod
    @errors.checked
    def load(
        cls,
        bundle: runner.Path,
        data: runner.Path | None = None,
        version: int | None = None,
    ) -> "Recommender":
        """Opens a bundle, checking every file against its manifest.

        Args:
          bundle: Directory of the bundle.
          data: The prepared set that it was made from, to look users up by id; None:
            `data` next to the bundle, read on first use. Without a prepared set, only
            requests are answered.
          version: Version of the bundle; None: the newest.

        Raises:
          errors.UserError: The bundle or prepared set is missing or damaged, or they do
            not fit each other.
        """
        from ytdnn.bundle import bundle as bundles

        directory = user_paths.expanded(bundle)
        if data is None:
            beside = directory.resolve().parent / _DATA
            return cls(bundles.load(directory, version), beside)
        known = _load_data(user_paths.expanded(data))
        opened = bundles.load(directory, version)
        recommender = cls(opened, known.directory, known)
        recommender._require_own_data(known)
        return recommender

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the places and the version, which are loaded again."""
        version = self.bundle.manifest.facts["version"]
        data = None if self._data is None else self._data_directory
        return Recommender.load, (self.bundle.directory, data, version)

    @property
    def data(self) -> "prepared.PreparedData":
        """The prepared set that users are looked up in.

        Raises:
          errors.UserError: There is no prepared set, or the bundle was made from
            another.
        """
        if self._data is None:
            if not (self._data_directory / artifacts.MANIFEST).exists():
                raise errors.UserError(
                    f"expected the prepared set to look up users in, found none in "
                    f"{self._data_directory}: name it with Recommender.load(BUNDLE, "
                    f"data=DIR), or send requests with {schema.WATCHED_VIDEO_IDS}"
                )
            data = _load_data(self._data_directory)
            self._require_own_data(data)
            self._data = data
        return self._data

    def _require_own_data(self, data: "prepared.PreparedData") -> None:
        manifest, directory = self.bundle.manifest, self.bundle.directory
        artifacts.require_input(manifest, directory, _DATA, data.manifest)

    def request(self, user_id: UserId) -> dict[str, Any]:
        """Returns the request of a user at the end of the log.

        Raises:
          errors.UserError: The log has no such user, or there is no prepared set.
        """
        from ytdnn.bundle import user_requests

        return self.bundle.fitting(user_requests.at_end(self.data, user_id))

    def recommend(
        self,
        requests: python_requests.Requests,
        k: int | None = None,
        exact: bool = False,
        *,
        ranker: bool = True,
        exclude: bulk_answers.Ids = None,
        allow: bulk_answers.Ids = None,
        where: bulk_answers.Where = None,
        policy: str = "",
        max_per: bulk_answers.MaxPer = None,
        weights: bulk_answers.Weights = None,
    ) -> Any:
        """Returns recommendations, best first.

        Only-user calls are answered in large batches.

        Args:
          requests: A user id, a request (a dict in the format of `ytdnn recommend
            --request`), a list of either, or a frame of Polars or pandas with a column
            for each key of a request. A request with `user_id` but without
            `watched_video_ids` is completed from the log; its own keys have
            precedence.
          k: Number of videos for each request; None: the request's own `k`, or 10.
          exact: Whether to use the exact index, in stock TensorFlow ops; a bundle with
            no other index always uses it.
          ranker: Whether the ranker orders the candidates; else the lists are the
            candidates of exact search by their scores. Only for users.
          exclude: Ids of videos to leave out, in addition to watched ones; a frame or
            file with a column `user_id` has them for each user. Only for users:
            requests have `exclude_ids`.
          allow: Ids of the only videos that lists may hold. Only for users.
          where: Conditions that every video must meet, such as `[{"column":
            "language", "in": ["en", "de"]}, {"column": "age_days", "at_most": 7}]`. A
            request's own `where` has precedence.
          policy: Name of conditions saved in the bundle, which must hold too.
          max_per: Most videos of each value, by column of videos, such as
            `{"channel_id": 2}`. A request's own `max_per` has precedence.
          weights: Weights of the ranker's predictions, which order the lists, such as
            `{"watch_seconds": 1, "liked": 30}`; None: those of policy or bundle. A
            request's own `weights` have precedence.

        Returns:
          A frame of Polars, or of pandas for input from pandas: `request` (position,
          from 0), `user_id` (if any is given), `rank` (from 1), `video_id`, `title`
          (null if unknown), `score` (the value they are ordered by, see
          `bundle.score_meaning`; without the ranker the dot product), and with the
          ranker the other columns of `bundle.meanings`.

        Raises:
          errors.UserError: A request is malformed, a user unknown, or ScaNN is not
            installed.
        """
        from ytdnn.log.sources import frames

        read = python_requests.read(requests)
        shared: bulk_answers.ListLimits = {"exclude": exclude, "allow": allow}
        shared |= {"where": where, "policy": policy}
        shared |= {"max_per": max_per, "weights": weights}
        if not isinstance(read, list):
            limits, notes = bulk_answers.limits(self, **shared)
            _warn(notes)
            options = {"ranker": ranker, "index": "exact" if exact else ""}
            answers = self._recommend_users(read, k, limits, options)
        elif not ranker or exclude is not None or allow is not None:
            raise errors.UserError(
                f"expected user ids with ranker, exclude or allow, received requests: "
                f"set {schema.EXCLUDE_IDS} and {schema.ALLOW_IDS} in the requests"
            )
        else:
            used = {key: value for key, value in shared.items() if value}
            answers = self._answer_requests(read, k, exact, used)
        return frames.to_pandas(answers) if frames.is_pandas(requests) else answers

    def candidates(self, request: UserId | Request, exact: bool = False) -> Any:
        """Returns every candidate of one request, with its source and both scores.

        Args:
          request: A user id or a request, see `recommend`.
          exact: Whether to use the exact index.

        Returns:
          A frame of Polars, the slate first: `rank` (null outside the slate),
          `video_id`, `title`, `source`, `seed_video_id`, `candidate_score` (null if the
          network has none) and `score` (`bundle.score_meaning`).

        Raises:
          errors.UserError: The request is malformed, the user unknown, or ScaNN is not
            installed.
        """
        from ytdnn.bundle import answer_frames

        full = self._completed(request)
        full.pop(schema.USER_ID, None)
        return answer_frames.from_candidates(self.bundle, full, exact)

    def similar(
        self, videos: bulk_answers.Ids = None, k: int = 10, by: str = ""
    ) -> Any:
        """Returns the videos most similar to others, by the cosine of their vectors.

        The bias is not part of the vectors. The video itself and removed videos are
        left out.

        Args:
          videos: Ids; None: all videos with a vector, except removed ones.
          k: Number of similar videos for each.
          by: Column of the log's own vectors, such as "videos.clip"; empty: the vectors
            of the index.

        Returns:
          A frame of Polars, or of pandas where one was given: `video_id`, `rank`
          (from 1), `similar_video_id`, its `title` where the log has titles, `score`
          (the cosine).

        Raises:
          errors.UserError: A video is unknown or has no vector.
        """
        return _whole(bulk_answers.similar(self, videos, k, by), videos)

    def user_vectors(self, users: bulk_answers.Ids = None) -> Any:
        """Returns the vectors of users at the end of the log.

        The dot product with a video's vector is its candidate score.

        Args:
          users: Ids; None: all.

        Returns:
          A frame of Polars, or of pandas where one was given: `user_id`, `vector`.

        Raises:
          errors.UserError: A user is unknown.
        """
        return _whole(bulk_answers.user_vectors(self, users), users)

    def video_vectors(self, videos: bulk_answers.Ids = None) -> Any:
        """Returns the vectors of videos, the bias their last coordinate.

        Args:
          videos: Ids; None: all videos with a vector, except removed ones.

        Returns:
          A frame of Polars, or of pandas where one was given: `video_id`, `vector`.

        Raises:
          errors.UserError: A video is unknown or has no vector.
        """
        return _whole(bulk_answers.video_vectors(self, videos), videos)

    @functools.cached_property
    def logged(self) -> "user_requests.LoggedRequests":
        """Requests of the log's users, for batches of users."""
        from ytdnn.bundle import user_requests

        return user_requests.LoggedRequests(self.data)

    def _recommend_users(
        self,
        users: "pl.Series",
        k: int | None,
        limits: "bundle_bulk.BulkFilters",
        options: Mapping[str, Any],
    ) -> "pl.DataFrame":
        """Returns recommendations of users of the log, each as often as it is named."""
        import numpy as np
        import polars as pl

        from ytdnn.bundle import answer_files, answer_frames, bulk_ids, requests

        length = {} if k is None else {schema.K: python_requests.plain(k)}
        known = self.bundle.inputs(self.bundle.recommender(exact=True))
        wanted = int(requests.parse(length, {schema.K: known[schema.K]})[schema.K][0])
        indices = answer_frames.indices_of(self.data.users[schema.USER_ID], users)
        for place in np.flatnonzero(indices < 0)[:1].tolist():
            self.request(python_requests.user_id(users[place]))  # says what is wrong
        places = pl.Series(answer_frames.REQUEST, range(len(users)), pl.Int64)
        each = bulk_ids.BulkIds(places, indices)
        stream = answer_files.recommendations(
            self.bundle, self.logged, each, wanted, limits, **options
        )
        return answer_frames.lists_of_users(stream.whole(), users)

    def _answer_requests(
        self,
        requests: Sequence[Any],
        k: int | None,
        exact: bool,
        shared: Mapping[str, Any],
    ) -> "pl.DataFrame":
        """Returns the answers to requests, which may include users of the log.

        Args:
          requests: The requests.
          k: Number of videos for each; None: the request's own.
          exact: Whether to use the exact index.
          shared: Values of keys for requests without them.
        """
        from ytdnn.bundle import answer_frames

        full = [{**shared, **self._completed(item)} for item in requests]
        own = ({k: v for k, v in item.items() if k != schema.USER_ID} for item in full)
        every = (note for item in own for note in self.bundle.warnings(item))
        for note in dict.fromkeys(every):
            warnings.warn(note, stacklevel=4)
        users = [request.pop(schema.USER_ID, None) for request in full]
        if k is not None:
            full = [request | {schema.K: python_requests.plain(k)} for request in full]
        answers = self._answers(full, exact)
        return answer_frames.from_answers(self.bundle, answers, users)

    def _completed(self, request: UserId | Request) -> dict[str, Any]:
        """Returns a request with its user's history, its own or that of the log."""
        if not isinstance(request, Mapping):
            request = {schema.USER_ID: python_requests.user_id(request)}
        own = {key: python_requests.plain(value) for key, value in request.items()}
        own = {k: v for k, v in own.items() if not python_requests.is_missing(v)}
        if schema.USER_ID not in own or schema.WATCHED_VIDEO_IDS in own:
            return own
        return self.request(own[schema.USER_ID]) | own

    def _answers(
        self, full: Sequence[dict[str, Any]], exact: bool
    ) -> list["bundles.BundleAnswer"]:
        """Returns the answer to each request, run in batches of similar length."""
        import numpy as np

        from ytdnn.bundle import batches

        lengths = np.array([python_requests.length(each) for each in full], np.int64)
        answers: dict[int, bundles.BundleAnswer] = {}
        for part in batches.group_by_length(lengths):
            rows = part.tolist()
            answered = self.bundle.answer([full[row] for row in rows], exact)
            answers.update(zip(rows, answered, strict=True))
        return [answers[row] for row in range(len(full))]


def _load_data(directory: pathlib.Path) -> "prepared.PreparedData":
    from ytdnn.log import prepared

    return prepared.load(directory)


def _whole(stream: "answer_files.Stream", ids: bulk_answers.Ids) -> Any:
    """Returns a whole stream, as pandas for ids from pandas; warns of its notes."""
    from ytdnn.log.sources import frames

    _warn([*stream.ids.notes, *stream.notes])
    frame = stream.whole()
    return frames.to_pandas(frame) if frames.is_pandas(ids) else frame


def _warn(notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(note, stacklevel=5)
