"""The behaviour of the users: visits with a page, a search, a series, related videos.

Users do not influence each other, so the users of a crowd are simulated together: a
round is one visit of every user with a visit that day. The cost of a round is in
proportion to its visits, and independent of the size of the corpus.

Most watches do not come from the recommender's pages: the paper trains on all (§3.4).
"""

import dataclasses
import functools
import itertools

import numpy as np

from ytdnn.lab.world import (
    corpus,
    event_recorder,
    interests,
    memory,
    people,
    policy,
    popularity,
    responses,
    titles_and_queries,
    visit_times,
)

Policy = policy.Policy
Day = popularity.Day

PAGE_SHARE = 0.75  # of visits that look at the home page
RESUME_SHARE = 0.3  # of visits that begin with the next episode, where there is one
NEXT_EPISODE_SHARE = 0.6  # of watched episodes that lead to the next at once
RELATED_SHARE = 0.55  # of other watches after which something related is looked at
MAX_FOLLOWS = 3
SEARCH_FOCUS_SHARE = 0.6  # of searches that are for the focus of the spell
SEARCH_RESULTS = 3  # results looked at, one after the other
WHOLE_DAY = range(corpus.SECONDS_PER_DAY)
_PAUSE_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class _Visit:
    """One visit of each of several users: `[n]` each."""

    rows: np.ndarray
    devices: np.ndarray
    logged_in: np.ndarray

    def subset(self, keep: np.ndarray) -> "_Visit":
        return _Visit(self.rows[keep], self.devices[keep], self.logged_in[keep])


class Crowd:
    """Some users, with their memory and the time from which each is free.

    Attributes:
      users: The users.
      remembered: Their recent impressions and watches.
      clock: int64 [n], seconds: the time from which each user is free.
    """

    def __init__(
        self,
        shared: popularity.WorldState,
        users: people.Users,
        rng: np.random.Generator,
        accidents_rng: np.random.Generator,
        outcomes_rng: np.random.Generator,
    ) -> None:
        """Creates users without events.

        Args:
          shared: The world.
          users: The users.
          rng: Stream of their behaviour.
          accidents_rng: Stream of accidental clicks.
          outcomes_rng: Stream of likes and dislikes.
        """
        self._accidents_rng, self._outcomes_rng = accidents_rng, outcomes_rng
        self.users = users
        self.remembered = memory.Memory(len(users))
        self.clock = np.zeros(len(users), np.int64)
        self._shared = shared
        self._rng = rng
        self._num_pages = np.zeros(len(users), np.int64)
        self._recorded = event_recorder.Events()

    def play(self) -> event_recorder.Events:
        """Plays the visits of the log's days and returns the events."""
        for day in range(self._shared.config.num_days):
            self.play_day(day)
        return self.take_recorded()

    def play_day(
        self, day: int, make_pages: Policy = policy.make_pages, span: range = WHOLE_DAY
    ) -> None:
        """Plays the visits of a day, or of a part of it, once each and in order.

        Args:
          day: From 0 to the world's `span_days`.
          make_pages: Makes the home pages.
          span: The part's seconds since the begin of the day.
        """
        draws = self._shared.shelves.day(day)
        for visit in self._rounds.get(day, []):
            seconds = visit.times - corpus.START - day * corpus.SECONDS_PER_DAY
            keep = (span.start <= seconds) & (seconds < span.stop)
            if keep.any():
                rows, times = visit.rows[keep], visit.times[keep]
                self._play_round(rows, times, draws, make_pages)

    def take_recorded(self) -> event_recorder.Events:
        """Returns the events since the last call."""
        taken, self._recorded = self._recorded, event_recorder.Events()
        return taken

    @functools.cached_property
    def _rounds(self) -> dict[int, list[visit_times.Round]]:
        """All visits, by day."""
        rounds = visit_times.rounds(self._shared.config, self.users, self._rng)
        by_day = itertools.groupby(rounds, key=lambda each: each.day)
        return {day: list(group) for day, group in by_day}

    def _play_round(
        self, rows: np.ndarray, times: np.ndarray, day: Day, make_pages: Policy
    ) -> None:
        rng = self._rng
        free = self.clock[rows] <= times  # others still watch: they miss this visit
        rows, times = rows[free], times[free]
        self.clock[rows] = times
        devices = people.draw_devices(self.users, rows, rng)
        logged_in = rng.random(len(rows)) < self.users.logged_in[rows]
        visit = _Visit(rows, devices, logged_in)
        watched = np.zeros(len(self.users), bool)
        resuming = visit.subset(rng.random(len(rows)) < RESUME_SHARE)
        watched[self._watch_next_episode(resuming)] = True
        browsing = visit.subset(rng.random(len(rows)) < PAGE_SHARE)
        watched[self._browse_page(browsing, day, make_pages)] = True
        searching = visit.subset(rng.random(len(rows)) < self.users.searching[rows])
        watched[self._search(searching, day)] = True
        visit = visit.subset(watched[rows])
        for _ in range(MAX_FOLLOWS):
            visit = self._follow(visit, day)

    def _interests(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return interests.at(self._shared.topics, self.users, rows, self.clock[rows])

    def _browse_page(self, visit: _Visit, day: Day, make_pages: Policy) -> np.ndarray:
        """Shows a page and plays its clicks; returns the rows that watched."""
        rows, rng = visit.rows, self._rng
        videos, current = self._shared.videos, self._interests(visit.rows)
        page = make_pages(
            policy.PageRequests(
                rows,
                self.clock[rows],
                visit.devices,
                visit.logged_in,
                current,
                self.users,
                self.remembered,
                self._shared,
                day,
                self._recorded,
                rng,
            )
        )
        uploaded = videos.upload_times[page.videos] <= self.clock[rows][:, None]
        shown = np.where(uploaded, page.videos, corpus.NONE)
        affinity = interests.affinity(self.users, rows, current, videos, shown)
        chance = responses.click_probability(
            affinity,
            videos.appeal[shown],
            np.arange(shown.shape[1]),
            self.remembered.num_unclicked(rows, shown),
            self.remembered.has_watched(rows, shown),
        )
        share = self._shared.config.accidental_clicks
        accidental = (self._accidents_rng.random(shown.shape) < share) & (shown >= 0)
        clicked = (rng.random(shown.shape) < chance) & (shown >= 0) | accidental
        seconds = np.zeros(shown.shape)
        at = np.nonzero(clicked)
        seconds[at] = self._watch_seconds(affinity[at], shown[at], visit.devices[at[0]])
        short = responses.accident_seconds(shown.shape, self._accidents_rng)
        seconds = np.where(accidental, short, seconds)
        outcomes = self._outcomes(affinity, shown, clicked & ~accidental)
        self._record_page(visit, page, shown, clicked, seconds, outcomes)
        self.remembered.add_impressions(rows, shown, clicked)
        for position in range(shown.shape[1]):
            keep = clicked[:, position]
            self._watch(
                visit.subset(keep), shown[keep, position], seconds[keep, position]
            )
        return rows[clicked.any(axis=1)]

    def _outcomes(
        self, affinity: np.ndarray, shown: np.ndarray, by_liking: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Draws likes and dislikes of clicks, `[n, k] bool` each; often none."""
        if not self._shared.config.outcomes:
            return {}
        videos = self._shared.videos
        quality, appeal = videos.quality[shown], videos.appeal[shown]
        chances = {
            "liked": responses.like_probability(affinity, quality),
            "disliked": responses.dislike_probability(affinity, quality, appeal),
        }
        return {
            name: by_liking & (self._outcomes_rng.random(shown.shape) < chance)
            for name, chance in chances.items()
        }

    def _record_page(
        self,
        visit: _Visit,
        page: policy.Page,
        videos: np.ndarray,
        clicked: np.ndarray,
        seconds: np.ndarray,
        outcomes: dict[str, np.ndarray],
    ) -> None:
        rows, shape = visit.rows, videos.shape
        shown = videos >= 0
        users = (self.users.first + rows).astype(np.int64)
        numbers = users * 1_000_000 + self._num_pages[rows]  # which no other page has
        self._num_pages[rows] += 1

        def spread(values: np.ndarray) -> np.ndarray:
            return np.broadcast_to(values[:, None], shape)[shown]

        self._recorded.impressions.add(
            users=spread(users),
            times=spread(self.clock[rows]),
            devices=spread(visit.devices),
            videos=videos[shown],
            clicked=clicked[shown],
            seconds=seconds[shown],
            pages=spread(numbers),
            positions=np.broadcast_to(np.arange(shape[1]), shape)[shown],
            sources=page.sources[shown],
            scores=page.scores[shown],
            seeds=page.seeds[shown],
            propensities=np.broadcast_to(page.propensities, shape)[shown],
            **{name: happened[shown] for name, happened in outcomes.items()},
        )

    def _watch_seconds(
        self, affinity: np.ndarray, videos: np.ndarray, devices: np.ndarray
    ) -> np.ndarray:
        corpus_of = self._shared.videos
        lengths = corpus_of.duration_seconds[videos]
        fraction = responses.mean_fraction(
            affinity, corpus_of.quality[videos], lengths, devices
        )
        return responses.draw_watch_seconds(fraction, lengths, self._rng)

    def _watch(self, visit: _Visit, videos: np.ndarray, seconds: np.ndarray) -> None:
        """Records a watch of each user and moves their clock past it."""
        rows = visit.rows
        self.clock[rows] += _PAUSE_SECONDS
        self._recorded.watches.add(
            users=self.users.first + rows,
            times=self.clock[rows],
            devices=visit.devices,
            logged_in=visit.logged_in,
            videos=videos,
            seconds=seconds,
        )
        self.remembered.add_watches(rows, videos, self._shared.videos.series[videos])
        self.clock[rows] += np.ceil(seconds).astype(np.int64)

    def _can_watch(self, rows: np.ndarray, videos: np.ndarray) -> np.ndarray:
        """Whether each user's video is there, uploaded and not watched lately."""
        uploaded = self._shared.videos.upload_times[videos] <= self.clock[rows]
        seen = self.remembered.has_watched(rows, videos[:, None])[:, 0]
        return (videos >= 0) & uploaded & ~seen

    def _affinity(self, rows: np.ndarray, videos: np.ndarray) -> np.ndarray:
        return interests.affinity(
            self.users, rows, self._interests(rows), self._shared.videos, videos
        )

    def _watch_chosen(self, visit: _Visit, videos: np.ndarray) -> None:
        affinity = self._affinity(visit.rows, videos[:, None])[:, 0]
        self._watch(visit, videos, self._watch_seconds(affinity, videos, visit.devices))

    def _watch_next_episode(self, visit: _Visit) -> np.ndarray:
        """Continues the series of users in the midst of one; returns their rows."""
        last = self.remembered.last_episode[visit.rows]
        following = self._shared.videos.next_episodes[last]
        videos = np.where(last >= 0, following, corpus.NONE)
        keep = self._can_watch(visit.rows, videos)
        visit = visit.subset(keep)
        self._watch_chosen(visit, videos[keep])
        return visit.rows

    def _search(self, visit: _Visit, day: Day) -> np.ndarray:
        """Each user searches; returns the rows of those who watch a result."""
        rows, rng = visit.rows, self._rng
        if not len(rows):
            return rows
        self.clock[rows] += _PAUSE_SECONDS
        wanted = draw_search_leaves(self._interests(rows), rng)
        languages = policy.draw_languages(self.users, rows, rng)
        results = day.heat.among(
            np.repeat(languages, SEARCH_RESULTS), np.repeat(wanted, SEARCH_RESULTS), rng
        ).reshape(-1, SEARCH_RESULTS)
        affinity = self._affinity(rows, results)
        accepted = rng.random(results.shape) < responses.acceptance(
            affinity, self._shared.videos.appeal[results]
        )
        for column in range(SEARCH_RESULTS):
            accepted[:, column] &= self._can_watch(rows, results[:, column])
        pick = accepted.argmax(axis=1)
        picked = accepted[np.arange(len(rows)), pick]
        chosen = results[np.arange(len(rows)), pick]
        self._recorded.searches.add(
            users=self.users.first + rows,
            times=self.clock[rows],
            devices=visit.devices,
            logged_in=visit.logged_in,
            queries=titles_and_queries.draw_queries(
                self._shared.topics.num_leaves, wanted, languages, chosen, rng
            ),
        )
        finders = visit.subset(picked)
        self._watch_chosen(finders, chosen[picked])
        return finders.rows

    def _follow(self, visit: _Visit, day: Day) -> _Visit:
        """Lets some users go on from their last watch; returns their visits."""
        rows, rng, videos = visit.rows, self._rng, self._shared.videos
        last = self.remembered.last_watched[rows]
        choice = rng.random(len(rows))
        following = videos.next_episodes[last]
        goes_on = (following >= 0) & (choice < NEXT_EPISODE_SHARE)
        goes_on &= self._can_watch(rows, following)
        near = policy.draw_related(self._shared, day, last, self.clock[rows], rng)
        affinity = self._affinity(rows, near[:, None])[:, 0]
        looks = rng.random(len(rows)) < RELATED_SHARE
        accepted = rng.random(len(rows)) < responses.acceptance(
            affinity, videos.appeal[near]
        )
        strays = ~goes_on & looks & accepted & self._can_watch(rows, near)
        keep = goes_on | strays
        visit = visit.subset(keep)
        self._watch_chosen(visit, np.where(goes_on, following, near)[keep])
        return visit


def draw_search_leaves(
    current: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Draws the leaf of each search: mostly the user's focus, else an interest."""
    leaves, weights = current
    has_focus = weights[:, -1] > 0.0
    for_focus = has_focus & (rng.random(len(leaves)) < SEARCH_FOCUS_SHARE)
    sums = np.cumsum(weights[:, :-1], axis=1)
    aim = rng.random(len(leaves)) * sums[:, -1]
    pick = np.minimum((sums < aim[:, None]).sum(axis=1), people.NUM_INTERESTS - 1)
    chosen = leaves[np.arange(len(leaves)), pick]
    return np.where(for_focus, leaves[:, -1], chosen)
