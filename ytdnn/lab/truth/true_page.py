"""The true value of a slate on a world: expected clicks and watch seconds.

Each list is treated as the slate that its user is shown at the time of the request. The
world's own laws (`world.page_truth`) give the probability of a click in each place and
the watch time after it, given the user's memory at that moment: the latest impressions
that were not clicked, and the latest watches. The device is unknown before the visit,
so seconds are expected over the user's devices.

This is the measure of a ranker of watch time (PAPER §4), which hit rate is not: right
answers are watches that happened under the logged exposure, many of them on no page.

Two bounds are reported with the systems: the best order of the ranker's candidates, and
the best page of the whole catalogue. Both order by expected watch seconds of an
impression in the first place, `p · E[seconds | click]`, and come within about 1 % of
the best assignment of videos to places. The odds order `p · E[seconds | click] / (1 −
p)`, to which weighted logistic regression converges, makes pages of more clicks but
fewer seconds (2,027 against 2,098 on the quickstart world).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import progress, ragged
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import lists, user_cases, user_means
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.world import corpus, memory, page_values, true_rates
from ytdnn.log import prepared, prepared_log

Lists = lists.Lists
Cases = user_cases.Cases

_USERS_A_BLOCK = 512
_FIRST = np.zeros(1)  # the place on the page by which the bounds order


class TruePages:
    """The truth about pages of the world that a prepared set was made from."""

    def __init__(
        self, data: prepared.PreparedData, known: world_source.KnownWorld
    ) -> None:
        """Stores a prepared set and its world."""
        self._data = data
        self._known = known
        # Index 0, no video, and videos of the world that the set lacks.
        self._numbers = np.append(corpus.NONE, known.videos)
        self._indices = np.zeros(len(known.world.shared.videos) + 1, np.int32)
        self._indices[known.videos] = np.arange(1, len(known.videos) + 1)
        is_clickbait = true_rates.is_clickbait(known.world)[known.videos]
        self._is_clickbait = np.append(False, is_clickbait)

    def per_user(
        self, cases: Cases, listed: Lists, ks: tuple[int, ...]
    ) -> user_means.PerUser:
        """Returns the value of each user's first k places, by `METRIC@k`.

        Args:
          cases: Cases of the lists.
          listed: `[cases, length] int32`.
          ks: Lengths of the page.
        """
        clicks, seconds = (
            np.cumsum(worth, axis=1)
            for worth in self.worth(cases, listed, np.arange(listed.shape[1]))
        )
        clickbait = np.cumsum(self._is_clickbait[listed], axis=1)
        shown = np.maximum(np.cumsum(listed > 0, axis=1), 1)
        values = {}
        for k in ks:
            place = min(k, listed.shape[1]) - 1
            share = clickbait[:, place] / shown[:, place]
            found_at = (seconds[:, place], clicks[:, place], share)
            for name, value in zip(metric_names.TRUE_PAGE, found_at, strict=True):
                values[metric_names.at(name, k)] = value
        return values

    def worth(
        self, cases: Cases, listed: Lists, positions: npt.NDArray[np.number]
    ) -> page_values.Worth:
        """Returns clicks and watch seconds of each place, `[cases, length]` both.

        Args:
          cases: Cases of the lists.
          listed: `[cases, length] int32`; an empty place is worth nothing.
          positions: Positions of the places on the page, from 0; one for all or one for
            each.
        """
        parts = []
        for rows in _blocks(len(cases), "true worth of pages"):
            part_cases, shown = user_cases.take(cases, rows), listed[rows]
            unclicked = _counts(_unclicked(self._data.log, part_cases), shown)
            watched = _counts(_watched(self._data.log, part_cases), shown) > 0
            part = page_values.page_values(
                self._known.world,
                self._known.users[part_cases.users],
                self._numbers[shown],
                part_cases.times,
                positions,
                unclicked,
                watched,
            )
            parts.append(part)
        clicks, seconds = (np.concatenate(side) for side in zip(*parts, strict=True))
        return page_values.Worth(clicks, seconds)

    def reordered(self, first: lists.Maker, num_candidates: int) -> lists.Maker:
        """Returns the maker of candidates in the order of their true watch seconds.

        The upper bound of any ranker of those candidates.

        Args:
          first: Maker of the candidates.
          num_candidates: How many of them a ranker gets.
        """

        def make(cases: Cases, k: int) -> Lists:
            return self._ordered(cases, first(cases, num_candidates), k)

        return make

    def best(self, cases: Cases, k: int) -> Lists:
        """Makes the best pages that the catalogue allows (a `lists.Maker`).

        Of all that is uploaded at the time of the request and not removed, with and
        without an id embedding: the upper bound of every system.

        Args:
          cases: Whom to ask.
          k: Length of the lists.
        """
        shortlists = [
            self._shortlist(user_cases.take(cases, rows), k)
            for rows in _blocks(len(cases), "best pages")
        ]
        return self._ordered(cases, np.concatenate(shortlists), k)

    def _ordered(self, cases: Cases, chosen: Lists, k: int) -> Lists:
        """Returns lists in the order of true watch seconds, cut or padded to k."""
        worth = self.worth(cases, chosen, _FIRST).seconds
        order = np.argsort(-np.where(chosen > 0, worth, -1.0), axis=1, kind="stable")
        ordered = np.take_along_axis(chosen, order, axis=1)[:, :k]
        return np.pad(ordered, ((0, 0), (0, max(0, k - ordered.shape[1]))))

    def _shortlist(self, cases: Cases, k: int) -> Lists:
        """Returns candidates of the best page: fatigue can push so many below it."""
        numbers = page_values.shortlist(
            self._known.world,
            self._known.users[cases.users],
            cases.times,
            2 * k + memory.NUM_IMPRESSIONS,
            self._known.videos,
            (cases.removed.rows, self._numbers[cases.removed.values]),
        )
        return self._indices[numbers]


def _blocks(num_cases: int, name: str) -> Iterator[npt.NDArray[np.int64]]:
    """Yields rows of cases, and shows how many were worked through."""
    starts = np.arange(_USERS_A_BLOCK, num_cases, _USERS_A_BLOCK)
    blocks = np.split(np.arange(num_cases), starts)
    return progress.through(blocks, name, "users", [len(rows) for rows in blocks])


def _unclicked(log: prepared_log.UserLog, cases: Cases) -> ragged.Ragged:
    """Returns the videos of the remembered impressions that were not clicked."""
    if not log.has_impressions:
        return ragged.empty(len(cases))
    index, table = log.shard_index, "impressions"
    starts = index.offsets(table)[cases.users]
    stops = starts + index.num_before(table, cases.users, cases.times)
    oldest = np.maximum(starts, stops - memory.NUM_IMPRESSIONS)
    places = ragged.ranges(oldest, stops)
    places = places.select(~index.gather(table, "clicked", places.values))
    videos = index.gather(table, "videos", places.values)
    return ragged.Ragged(places.offsets, videos)


def _watched(log: prepared_log.UserLog, cases: Cases) -> ragged.Ragged:
    """Returns the videos of the remembered watches."""
    index = log.shard_index
    starts = index.offsets("watches")[cases.users]
    oldest = np.maximum(starts, cases.ends - memory.NUM_WATCHES)
    places = ragged.ranges(oldest, cases.ends)
    videos = index.gather("watches", "videos", places.values)
    return ragged.Ragged(places.offsets, videos)


def _counts(remembered: ragged.Ragged, listed: Lists) -> npt.NDArray[np.int64]:
    """Counts each listed video in its user's memory."""
    highest = max(listed.max(initial=0), remembered.values.max(initial=0))
    stride = int(highest) + 1
    keys = np.sort(remembered.rows * stride + remembered.values)
    wanted = np.arange(len(listed))[:, np.newaxis] * stride + listed
    before = np.searchsorted(keys, wanted)
    return np.searchsorted(keys, wanted, "right") - before
