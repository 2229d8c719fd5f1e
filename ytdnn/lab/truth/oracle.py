"""The world's oracle, evaluated like any model: the best possible on its log.

It uses each user's true interests at the time of the request, which no model can derive
from the log, so it is an upper bound. A model's result is given as its share of the gap
between popularity and the oracle (`summary.gaps_closed`).
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, progress, registries, schema
from ytdnn.evaluation import lists, measure, shown_scorers, user_cases, users_in_parts
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.truth import true_page
from ytdnn.lab.world import corpus, memory, true_rates, words
from ytdnn.log import prepared
from ytdnn.ranking import predictions

KnownWorld = world_source.KnownWorld
EvaluationConfig = configs.EvaluationConfig
Cases = user_cases.Cases
PreparedData = prepared.PreparedData
Lists = lists.Lists

_USERS_A_BLOCK = 256
_MOMENTS = 3  # of the evaluated window at which the truth is asked for


class Oracle:
    """The truth of the world that a prepared set was made from.

    Attributes:
      world: The world.
      data: The prepared set.
    """

    def __init__(self, data: PreparedData, known: KnownWorld) -> None:
        """Stores a prepared set and its world."""
        self.world = known.world
        self.data = data
        self._users = known.users
        self._videos = known.videos

    def lists(self, cases: Cases, k: int) -> Lists:
        """Returns the videos each user will most likely watch, `[cases, k] int32`.

        Ranks by expected watches up to the time of the last answer of all users,
        computed at a few moments (other protocols: at the time of the request), among
        listable videos.

        Args:
          cases: Cases to make lists for.
          k: Length of the lists.
        """
        best = np.zeros([len(cases), k], np.int32)
        episodes = self._last_episodes(cases)
        moments = self._moments(cases)
        sizes = [len(rows) for rows, _ in moments]
        for rows, times in progress.through(moments, "oracle", "users", sizes):
            listed = self._videos[: cases.num_listed]
            rates = np.zeros([len(rows), len(listed)], np.float32)
            for time in times:
                users = self._users[cases.users[rows]]
                interests = true_rates.watch_rates(
                    self.world, users, time, episodes[rows]
                )
                rates += interests[:, listed]
            best[rows] = _best(user_cases.take(cases, rows), rates, k)
        return best

    def _moments(self, cases: Cases) -> list[tuple[npt.NDArray[np.int64], list[int]]]:
        """Returns blocks of cases and the times to ask each for."""
        if self.data.config.protocol == "temporal":
            begin = int(cases.times[0])
            last = begin if cases.until is None else cases.until
            step = (last - begin) / (2 * _MOMENTS)
            times = [int(begin + step * (2 * i + 1)) for i in range(_MOMENTS)]
            together = [(np.arange(len(cases)), times)]
        else:
            days = cases.times // corpus.SECONDS_PER_DAY
            rows = [np.flatnonzero(days == day) for day in np.unique(days)]
            together = [(one, [int(np.median(cases.times[one]))]) for one in rows]
        return [
            (rows[start : start + _USERS_A_BLOCK], times)
            for rows, times in together
            for start in range(0, len(rows), _USERS_A_BLOCK)
        ]

    def _last_episodes(self, cases: Cases) -> npt.NDArray[np.int64]:
        """Returns the latest watched video of a series in each history, -1 = none."""
        series = np.append(corpus.NONE, self.world.shared.videos.series[self._videos])
        offsets, watched = cases.watched.offsets, cases.watched.values
        places = np.where(series[watched] >= 0, np.arange(len(watched)), -1)
        latest = np.append(-1, np.maximum.accumulate(places))[offsets[1:]]
        is_inside = latest >= offsets[:-1]
        numbers = np.append(corpus.NONE, self._videos)[watched[np.maximum(latest, 0)]]
        return np.where(is_inside, numbers, corpus.NONE)

    def predictions(
        self, shown: "WorldImpressions", rows: npt.NDArray[np.int64]
    ) -> predictions.Predictions:
        """Returns the truth of logged impressions: p, and p · E[seconds | click].

        The order is that of the odds `p · E[seconds | click] / (1 − p)`, to which
        weighted logistic regression converges (PAPER §4.2): the order of least weighted
        per-user loss.

        Args:
          shown: All impressions of the prepared set.
          rows: Rows of the wanted ones.
        """
        users, videos, times = shown.users[rows], shown.videos[rows], shown.times[rows]
        positions, unclicked = shown.positions[rows], shown.num_unclicked()[rows]
        chance = true_rates.click_probability(
            self.world, users, videos, times, positions, unclicked
        )
        seconds = chance * true_rates.expected_watch_seconds(
            self.world, users, videos, times, shown.devices[rows], chance
        )
        return predictions.Predictions(
            order=predictions.weighted_logits(seconds, chance),
            seconds=seconds,
            click_probability=chance,
        )


@registries.HOOKS.register("truth of world")
class WorldTruth:
    """The truth about a world's log; see `known_truth.LogTruth`."""

    def __init__(self, data: PreparedData) -> None:
        """Stores the set; the world is generated on first use."""
        self._data = data

    def systems(self, config: EvaluationConfig) -> measure.Systems:
        """Returns the oracles as systems to measure."""
        return systems(self._data, config)

    def pages(self) -> true_page.TruePages | None:
        """Returns the true value of pages, None where the log is not a world's."""
        known = world_source.known(self._data)
        return None if known is None else true_page.TruePages(self._data, known)


def systems(data: PreparedData, config: EvaluationConfig) -> measure.Systems:
    """Returns the oracles as systems to measure; empty if the log is not a world's.

    One ranks by expected watches, the other makes the slate with most watch time.
    """
    known = world_source.known(data)
    if known is None:
        return measure.Systems()
    oracle = Oracle(data, known)
    makers: dict[str, lists.Maker] = {lists.ORACLE: oracle.lists}
    if not data.log.has_impressions:
        return measure.Systems(makers)
    makers[lists.ORACLE_BY_WATCH_TIME] = true_page.TruePages(data, known).best
    windows = users_in_parts.WindowOpener(config.window_events)
    return measure.Systems(makers, {lists.ORACLE: _scorer(oracle, known, windows)})


def _scorer(
    oracle: Oracle, known: KnownWorld, windows: users_in_parts.WindowOpener
) -> shown_scorers.Scorer:
    """Returns the scorer by the truth, asked window by window."""

    @functools.lru_cache(maxsize=1)
    def shown_in(window: users_in_parts.UserWindow) -> WorldImpressions:
        return WorldImpressions(window.data, known)

    def score(impressions: shown_scorers.SplitImpressions) -> predictions.Predictions:
        users = impressions.user_indices[impressions.users]

        def ask(rows: users_in_parts.Rows, window: users_in_parts.UserWindow) -> Any:
            own = impressions.rows[rows]
            here = window.positions("impressions", users[rows], own)
            return oracle.predictions(shown_in(window), here)

        return windows.collect(oracle.data, users, ask)

    return score


class WorldImpressions:
    """A prepared set's impressions by world numbers; all fields are `[impressions]`."""

    def __init__(self, data: PreparedData, known: KnownWorld) -> None:
        """Reads the impressions of a set made from a world."""
        shown = data.impressions
        devices = data.catalogue.vocabularies[schema.DEVICE]
        numbers = np.array([words.DEVICES.index(name) for name in devices])
        self.users = known.users[shown.users]
        self.videos = known.videos[shown.videos - 1]
        self.times = np.asarray(shown.times)
        self.positions = np.asarray(shown.positions, np.int64)
        self.devices = numbers[np.asarray(shown.devices) - 1]
        self.pages, self.clicked = np.asarray(shown.pages), np.asarray(shown.clicked)

    def num_unclicked(self) -> npt.NDArray[np.int64]:
        """Counts the earlier unclicked impressions that each user remembers."""
        num = len(self.users)
        row = np.arange(num)
        begins_page = np.append(True, self.pages[1:] != self.pages[:-1])
        begins_user = np.append(True, self.users[1:] != self.users[:-1])
        page = np.maximum.accumulate(np.where(begins_page, row, 0))
        user = np.maximum.accumulate(np.where(begins_user, row, 0))
        oldest = np.maximum(page - memory.NUM_IMPRESSIONS, user)
        pair = self.users * (int(self.videos.max(initial=0)) + 1) + self.videos
        group = np.unique(pair, return_inverse=True)[1].astype(np.int64)
        keys = np.sort((group * (num + 1) + row)[~self.clicked])
        before = np.searchsorted(keys, group * (num + 1) + page)
        forgotten = np.searchsorted(keys, group * (num + 1) + oldest)
        return before - forgotten


def _best(cases: Cases, rates: npt.NDArray[np.float32], k: int) -> Lists:
    def score(users: slice, videos: slice, out: npt.NDArray[np.float32]) -> None:
        out[...] = rates[users, videos]

    return lists.from_scores(cases, score, rates.shape[1], k)
