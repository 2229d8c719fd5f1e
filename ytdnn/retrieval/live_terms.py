"""Live terms of a list: what is watched now, and what followed the user's last watches.

A model is a snapshot. What ages within hours enters the candidates' order by a
log-linear model (conditional logit: McFadden, 1974), of which each video's score is the
sum of

* its share of all watches of the last quarter of an hour, hour, four hours, day and
  week, in logarithms (more of the shortest within a session);
* how often it was watched right after each of the user's last three watches;
* how often the user watched it before, where lists hold watched videos;
* the network's score, above the least one of the network's list.

Everything is counted strictly before the second of the request. The listed videos are
the network's, those with the largest shares, and those that followed.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import errors, ragged
from ytdnn.retrieval import live_counts

WINDOWS = (900, 3_600, 14_400, 86_400, 604_800)  # seconds
FOLLOWED_WINDOWS = (14_400, 604_800, 2_419_200)  # longer: transitions are rarer
LAST_WATCHES = 3
HISTORY = 50  # of the user's watches, of which those of each video are counted
OWN_DECAYS = (0.8, 0.98)  # weight of each, of that of the one after it
LEAST_OWN = 0.05  # of those sums
SESSION_SECONDS = 1_800  # since the last watch
NUM_POPULAR = 300
NUM_FOLLOWING = 20  # of each watch
_PRIOR = 0.5, 5.0  # watches of a video and of all, added
_FEW = 3.0  # transitions that are added to those of a video
_LEAST_SHARE = 0.002  # of transitions

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the terms.

    Attributes:
      popular: Those of the logarithm of the share in each of `WINDOWS`.
      popular_in_session: Added to the first of them within a session.
      followed: Those of what followed each of the last watches, the last one first; for
        each, in each of `FOLLOWED_WINDOWS`.
      own: Those of the user's own watches of a video, for each of `OWN_DECAYS`.
      followed_in_session: Added to that of the last watch in the longer window within
        a session.
      network: That of the network's score.
    """

    popular: tuple[float, ...]
    popular_in_session: float
    followed: tuple[float, ...]
    own: tuple[float, ...]
    followed_in_session: float
    network: float

    @property
    def vector(self) -> Floats:
        """All weights, in the order of the columns of `LiveTerms.rows`."""
        parts = (self.popular, (self.popular_in_session,), self.followed, self.own)
        ends = self.followed_in_session, self.network
        return np.concatenate([*parts, ends])


_SESSION, _FOLLOWED = len(WINDOWS), len(WINDOWS) + 1
_OWN = _FOLLOWED + LAST_WATCHES * len(FOLLOWED_WINDOWS)
NUM_TERMS = _OWN + len(OWN_DECAYS) + 2
# More transitions or a higher score of the network never count against a video.
NOT_NEGATIVE = np.arange(NUM_TERMS) >= _FOLLOWED


def weights(vector: Floats) -> Weights:
    """Returns weights from their `vector`.

    Raises:
      errors.UserError: It has another length.
    """
    if len(vector) != NUM_TERMS:
        raise errors.UserError(
            f"expected {NUM_TERMS} numbers in composition.live_weights, found "
            f"{len(vector)}: leave it out, and `ytdnn train` chooses them"
        )
    popular, session, followed, own, rest = np.split(
        np.asarray(vector, np.float64), [_SESSION, _FOLLOWED, _OWN, NUM_TERMS - 2]
    )
    return Weights(
        tuple(popular.tolist()),
        float(session[0]),
        tuple(followed.tolist()),
        tuple(own.tolist()),
        *map(float, rest),
    )


@dataclasses.dataclass(frozen=True)
class LiveRequests:
    """Requests for live terms.

    Attributes:
      moments: `[n] int64`, the second before which watches count.
      history: `[n, HISTORY]` catalogue indices of the user's last watches, the last
        one first, 0 = none.
      in_session: `[n] bool`, whether the last watch is at most `SESSION_SECONDS` ago.
      removed: Catalogue indices that are in no list.
      listed: `[n, m]` the network's list, 0 = none.
      scores: `[n, m]` their scores.
    """

    moments: npt.NDArray[np.int64]
    history: Integers
    in_session: npt.NDArray[np.bool_]
    removed: ragged.Ragged
    listed: Integers
    scores: Floats


class LiveTerms:
    """The live terms of requests on a log."""

    def __init__(self, counts: live_counts.LiveCounts) -> None:
        """Stores the watches of the log by time."""
        self._counts = counts

    def rows(self, requests: LiveRequests) -> Iterator[tuple[int, Integers, Floats]]:
        """Yields each request with its videos and their terms, in order of time.

        Args:
          requests: The requests.

        Yields:
          the row of the request, `[m]` catalogue indices, ascending, and
          `[m, NUM_TERMS]` terms.
        """
        moving = live_counts.MovingCounts(self._counts, WINDOWS)
        for row in np.argsort(requests.moments, kind="stable").tolist():
            counted = moving.at(int(requests.moments[row]))
            yield row, *self._terms(requests, row, counted)

    def _terms(
        self, requests: LiveRequests, row: int, counted: Integers
    ) -> tuple[Integers, Floats]:
        """Returns videos of a request and their terms.

        Args:
          requests: The requests.
          row: One of them.
          counted: `[windows, num_videos + 1]` watches of each video.
        """
        moment = int(requests.moments[row])
        history, listed = requests.history[row], requests.listed[row]
        last = history[:LAST_WATCHES].tolist()
        followed = [self.following(video, moment) for video in last]
        own, times = watched_before(history)
        network = listed > 0
        gone = requests.removed.values[slice(*requests.removed.offsets[row : row + 2])]
        popular = most_popular(counted)
        every = [popular, own, listed[network], *(v for v, _ in followed)]
        videos = np.setdiff1d(np.concatenate(every), gone)  # sorted
        terms = np.zeros((len(videos), NUM_TERMS))
        terms[:, :_SESSION] = log_shares(counted[:, videos], counted.sum(axis=1))
        for number, (nexts, values) in enumerate(followed):
            start = _FOLLOWED + number * len(FOLLOWED_WINDOWS)
            _put(terms[:, start : start + values.shape[1]], videos, nexts, values)
        _put(terms[:, _OWN : _OWN + len(OWN_DECAYS)], videos, own, times)
        if requests.in_session[row]:
            terms[:, _SESSION] = terms[:, 0]
            terms[:, -2] = terms[:, _FOLLOWED + len(FOLLOWED_WINDOWS) - 1]
        if network.any():
            scores = requests.scores[row][network]
            gains = (scores - scores.min())[:, np.newaxis]
            _put(terms[:, -1:], videos, listed[network], gains)
        return videos, terms

    def following(self, video: int, moment: int) -> tuple[Integers, Floats]:
        """Returns the videos watched right after another one before a moment.

        Args:
          video: Catalogue index, 0 = none.
          moment: The second.

        Returns:
          at most `NUM_FOLLOWING` videos, those that followed most often, and their
          terms, `[n, FOLLOWED_WINDOWS]`, at least 0.
        """
        since = [moment - seconds for seconds in FOLLOWED_WINDOWS]
        longest = self._counts.followed(video, min(since), moment)
        nexts = np.unique(longest)
        shares = np.zeros((len(nexts), len(since)))
        for place, begin in enumerate(since):
            counted = self._counts.followed(video, begin, moment)
            numbers = np.bincount(np.searchsorted(nexts, counted), minlength=len(nexts))
            shares[:, place] = numbers / (len(counted) + _FEW)
        best = np.argsort(-shares.sum(axis=1), kind="stable")[:NUM_FOLLOWING]
        return nexts[best], np.log(shares[best] / _LEAST_SHARE + 1.0)


def watched_before(history: Integers) -> tuple[Integers, Floats]:
    """Returns the videos of a history, and their terms, `[m, OWN_DECAYS]`.

    Args:
      history: `[n]` catalogue indices, the last watch first, 0 = none.
    """
    places = np.flatnonzero(history)
    videos, numbers = np.unique(history[places], return_inverse=True)
    sums = [np.bincount(numbers, decay**places, len(videos)) for decay in OWN_DECAYS]
    return videos, np.log(np.stack(sums, axis=-1) / LEAST_OWN + 1.0)


def log_shares(counted: Integers, totals: Integers) -> Floats:
    """Returns the logarithms of the shares of some videos, `[videos, windows]`.

    Args:
      counted: `[windows, videos]` watches of each.
      totals: `[windows]` all watches.
    """
    of_one, of_all = _PRIOR
    return np.log((counted.T + of_one) / (totals + of_all))


def most_popular(counted: Integers) -> Integers:
    """Returns the videos with the largest sum of shares, at most `NUM_POPULAR`.

    Args:
      counted: `[windows, num_videos + 1]` watches of each.
    """
    active = np.flatnonzero(counted[-1])  # the longest window holds all others
    shares = (counted[:, active].T / np.maximum(counted.sum(axis=1), 1)).sum(axis=1)
    if len(active) > NUM_POPULAR:
        least = np.partition(shares, -NUM_POPULAR)[-NUM_POPULAR]
        active, shares = active[shares >= least], shares[shares >= least]
    return active[np.argsort(-shares, kind="stable")[:NUM_POPULAR]]


def _put(terms: Floats, videos: Integers, some: Integers, values: Floats) -> None:
    """Puts the values of some videos into their rows, where they have one.

    Args:
      terms: `[n, columns]`.
      videos: `[n]` ascending.
      some: `[m]` distinct.
      values: `[m, columns]`.
    """
    places = np.searchsorted(videos, some)
    places = np.minimum(places, max(len(videos) - 1, 0))
    inside = videos[places] == some if len(videos) else np.zeros(len(some), bool)
    terms[places[inside]] = values[inside]
