"""Policies that fill pages, and the recommender that filled those of the log.

A `Policy` makes pages for requests. The logging policy is a mixture of sources. It uses
a user's lasting interests but neither their drift nor their focus, so the videos it
shows are not those the user would like most.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ytdnn.lab.world import (
    corpus,
    event_recorder,
    interests,
    memory,
    people,
    popularity,
    words,
)

WorldState = popularity.WorldState
Day = popularity.Day

Generator = np.random.Generator

SOURCES = ("popular", "interests", "subscribed", "fresh", "related")
SHARES = np.array([0.2, 0.3, 0.2, 0.15, 0.15])
POPULAR, INTERESTS, SUBSCRIBED, FRESH, RELATED = range(len(SOURCES))

FRESH_INTEREST_SHARE = 0.5  # of fresh proposals, taken from the user's interests
RELATED_LEAF_SHARE = 0.6  # of related proposals: same leaf; others: same channel
LATEST_SHARE = 0.5  # geometric: how likely a channel's latest upload is proposed
LISTING_DAYS = 1.5  # mean time from an upload to its first proposal by channel
_SPARE = 8  # proposals beyond the page, for those that cannot be shown
_ORDER_BY_AFFINITY = 0.5


class Page(NamedTuple):
    """Pages of several users, `[n, positions]`; -1 where nothing is shown.

    Attributes:
      videos: int64, in the order of the recommender, best first.
      sources: int64, into `SOURCES`.
      scores: float64, scores of the source; sources have no common scale.
      seeds: int64, for a related video the watched video it was found by; -1 = none.
      propensities: float64, probability that the policy shows the video at its
        position, given the earlier positions; NaN where it is unknown.
    """

    videos: np.ndarray
    sources: np.ndarray
    scores: np.ndarray
    seeds: np.ndarray
    propensities: np.ndarray | float = np.nan


@dataclasses.dataclass(frozen=True)
class PageRequests:
    """Requests for pages: users, times, devices, and the world's state for them.

    Attributes:
      rows: `[n]` rows of the users, distinct.
      times: `[n]`, seconds.
      devices: `[n]`, into `words.DEVICES`.
      logged_in: `[n]` bool.
      interests: Interests of the users at the time, from `interests.at`.
      users: The users that `rows` index.
      remembered: The memory of the users.
      shared: Topics and videos.
      day: The draws of the day.
      happened: Events since `Crowd.take_recorded`.
      rng: The world's own random stream. Policies other than the world's must not draw
        from it, so that the behaviour of users does not depend on how their pages were
        made.
    """

    rows: np.ndarray
    times: np.ndarray
    devices: np.ndarray
    logged_in: np.ndarray
    interests: tuple[np.ndarray, np.ndarray]
    users: people.Users
    remembered: memory.Memory
    shared: WorldState
    day: Day
    happened: event_recorder.Events
    rng: Generator

    def subset(self, keep: np.ndarray, rng: Generator) -> "PageRequests":
        """Returns some of the requests, `keep` of any index, and with other draws."""
        leaves, weights = self.interests
        return dataclasses.replace(
            self,
            rows=self.rows[keep],
            times=self.times[keep],
            devices=self.devices[keep],
            logged_in=self.logged_in[keep],
            interests=(leaves[keep], weights[keep]),
            rng=rng,
        )

    def languages(self, rows: np.ndarray) -> np.ndarray:
        """Draws the language of one video of each user."""
        return draw_languages(self.users, rows, self.rng)

    def leaves(self, rows: np.ndarray) -> np.ndarray:
        """Draws one of each user's lasting interests, whatever their day is like."""
        sums = np.cumsum(self.users.base[rows], axis=1)
        pick = (sums < self.rng.random((len(rows), 1))).sum(axis=1)
        pick = np.minimum(pick, people.NUM_INTERESTS - 1)
        return self.users.leaves[rows, pick]


Policy = Callable[[PageRequests], Page]
"""Makes the pages of requests, in their order."""


def make_pages(requests: PageRequests) -> Page:
    """Returns the slates of the world's own recommender, which fills the log.

    Each place draws a source by `SHARES`, which proposes a video. Some spare places are
    drawn too, so that a slate stays full without videos that may not be shown.
    """
    shared, remembered, rng = requests.shared, requests.remembered, requests.rng
    length = shared.config.impressions_per_page
    num = length + _SPARE
    shape = (len(requests.rows), num)
    sources = np.searchsorted(np.cumsum(SHARES), rng.random(shape)).clip(0, RELATED)
    seeds = np.repeat(remembered.last_watched[requests.rows, None], num, axis=1)
    sources = np.where((sources == RELATED) & (seeds < 0), POPULAR, sources)
    rows = np.repeat(requests.rows[:, None], num, axis=1)
    times = np.repeat(requests.times[:, None], num, axis=1)
    proposed = np.full(shape, corpus.NONE, np.int64)
    for source in range(len(SOURCES)):
        at = sources == source
        proposed[at] = _proposed(source, requests, rows[at], times[at], seeds[at])
    keep = _showable(proposed, requests)
    first = np.argsort(~keep, axis=1, kind="stable")[:, :length]
    chosen = np.where(keep, proposed, corpus.NONE)
    page = Page(
        videos=np.take_along_axis(chosen, first, axis=1),
        sources=np.take_along_axis(sources, first, axis=1),
        scores=np.zeros((shape[0], length)),
        seeds=np.take_along_axis(np.where(sources == RELATED, seeds, -1), first, 1),
    )
    return _ordered(page, requests)


def _showable(proposed: np.ndarray, requests: PageRequests) -> np.ndarray:
    """Whether each proposal is uploaded, new to the page and not watched lately."""
    videos = requests.shared.videos
    uploaded = videos.upload_times[proposed] <= requests.times[:, None]
    keep = (proposed >= 0) & uploaded
    for column in range(1, proposed.shape[1]):
        again = proposed[:, :column] == proposed[:, column, None]
        keep[:, column] &= ~again.any(axis=1)
    return keep & ~requests.remembered.has_watched(requests.rows, proposed)


def _ordered(page: Page, requests: PageRequests) -> Page:
    """Orders the pages by a noisy estimate of affinity, gaps last."""
    videos = requests.shared.videos
    affinity = interests.affinity(
        requests.users, requests.rows, requests.interests, videos, page.videos
    )
    noise = -np.log(requests.rng.standard_exponential(affinity.shape) + 1e-20)
    believed = np.where(page.videos >= 0, _ORDER_BY_AFFINITY * affinity + noise, -1e9)
    order = np.argsort(-believed, axis=1, kind="stable")
    age_days = requests.times[:, None] - videos.upload_times[page.videos]
    age_days = age_days / corpus.SECONDS_PER_DAY
    recency, fame = -np.log1p(np.maximum(age_days, 0.0)), videos.fame[page.videos]
    is_new = (page.sources == FRESH) | (page.sources == SUBSCRIBED)
    scores = np.where(is_new, recency, fame + 0.2 * recency)
    columns = (page.videos, page.sources, scores, page.seeds)
    return Page(*(np.take_along_axis(values, order, axis=1) for values in columns))


def draw_languages(users: people.Users, rows: np.ndarray, rng: Generator) -> np.ndarray:
    """Draws each user's own language or, as often as they like, English."""
    english = rng.random(len(rows)) < users.english[rows]
    return np.where(english, words.ENGLISH, users.languages[rows])


def _proposed(
    source: int,
    call: PageRequests,
    rows: np.ndarray,
    times: np.ndarray,
    seeds: np.ndarray,
) -> np.ndarray:
    """Draws a video of a source for each row, `[n]`; -1 = none."""
    rng, everything = call.rng, np.full(len(rows), -1)
    if source == RELATED:
        return draw_related(call.shared, call.day, seeds, times, rng)
    if source == SUBSCRIBED:
        pick = rng.integers(people.NUM_SUBSCRIPTIONS, size=len(rows))
        channels = call.users.subscriptions[rows, pick]
        return _from_channel(call.shared, channels, times, rng)
    if source == FRESH:
        narrow = rng.random(len(rows)) < FRESH_INTEREST_SHARE
        leaves = np.where(narrow, call.leaves(rows), everything)
        return call.day.fresh.among(call.languages(rows), leaves, rng)
    languages = call.languages(rows)
    leaves = everything if source == POPULAR else call.leaves(rows)
    return call.day.heat.among(languages, leaves, rng)


def draw_related(
    shared: WorldState, day: Day, seeds: np.ndarray, times: np.ndarray, rng: Generator
) -> np.ndarray:
    """Draws a video of each seed's leaf or channel; -1 = none."""
    videos = shared.videos
    same_leaf = day.heat.among(videos.languages[seeds], videos.leaves[seeds], rng)
    same_channel = _from_channel(shared, videos.channels[seeds], times, rng)
    by_leaf = rng.random(len(seeds)) < RELATED_LEAF_SHARE
    return np.where(by_leaf, same_leaf, same_channel)


def _from_channel(
    shared: WorldState, channels: np.ndarray, times: np.ndarray, rng: Generator
) -> np.ndarray:
    """Draws one of the latest uploads that a channel's page has listed by then."""
    back = rng.geometric(LATEST_SHARE, len(channels)) - 1
    delay = rng.exponential(LISTING_DAYS * corpus.SECONDS_PER_DAY, len(channels))
    return shared.shelves.latest(channels, times - delay.astype(np.int64), back)
