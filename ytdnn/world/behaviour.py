"""What the world's users do: visits with a page, perhaps a search, and what follows.

Users do not act on each other, so they are simulated side by side: step n plays the
n-th visit of every user who has one, `_CHUNK` users at a time.
"""

import dataclasses

import numpy as np

from ytdnn import configs
from ytdnn.world import corpus, events, people, preferences, words

SOURCES = ("home", "trending", "fresh")  # the old recommender's candidate sources

_CHUNK = 2_000
_WATCHES_PER_VISIT = 2.6  # as the rates below give; sets the number of visits
_MAX_VISITS = 10  # a user's most visits, as a multiple of the mean
_CLICK_BIAS = 0.1
_FATIGUE = 0.5  # logits a click loses for each earlier impression of the video
_WATCHED = 3.0  # logits an already watched video loses
_SEARCH_RATE = 0.25
_FOLLOW_RATE = 0.5
_MAX_FOLLOWS = 3
_PAUSE_SECONDS = 5


def simulate(
    config: configs.World,
    users: people.Users,
    videos: corpus.Videos,
    rng: np.random.Generator,
) -> events.Events:
    """Plays every visit of every user."""
    recorded = events.Events()
    num_pages = 0
    for start in range(0, len(users), _CHUNK):
        members = np.arange(start, min(start + _CHUNK, len(users)))
        crowd = _Crowd(config, users, videos, members, recorded, rng, num_pages)
        crowd.play()
        num_pages = crowd.num_pages
    return recorded


@dataclasses.dataclass(frozen=True)
class _Visit:
    """One visit of each of several users: rows of the crowd, and what they share."""

    rows: np.ndarray
    devices: np.ndarray
    logged_in: np.ndarray

    def of(self, keep: np.ndarray) -> "_Visit":
        return _Visit(self.rows[keep], self.devices[keep], self.logged_in[keep])


class _Crowd:
    """Some of the users, with what each has seen, watched and when they are free."""

    def __init__(
        self,
        config: configs.World,
        users: people.Users,
        videos: corpus.Videos,
        members: np.ndarray,
        recorded: events.Events,
        rng: np.random.Generator,
        num_pages: int,
    ) -> None:
        self._config, self._users, self._videos = config, users, videos
        self._members, self._events, self._rng = members, recorded, rng
        self.num_pages = num_pages
        self._liking = preferences.interest(users, members, videos)
        self._believed = preferences.believed_interest(users, members, videos, rng)
        self._shown = np.zeros(self._liking.shape, np.int16)
        self._watched = np.zeros(self._liking.shape, bool)
        self._last_video = np.full(len(members), -1, np.int64)
        self._clock = np.zeros(len(members), np.int64)

    def play(self) -> None:
        """Plays the crowd's visits, each user's in order of time."""
        counts, times = _schedule(self._config, self._users, self._members, self._rng)
        for step in range(counts.max(initial=0)):
            rows = np.flatnonzero(counts > step)
            self._clock[rows] = np.maximum(times[rows, step], self._clock[rows] + 60)
            self._last_video[rows] = -1
            visit = self._begin(rows)
            self._browse_page(visit)
            self._search(visit.of(self._rng.random(len(rows)) < _SEARCH_RATE))
            for _ in range(_MAX_FOLLOWS):
                visit = self._follow(visit)

    def _begin(self, rows: np.ndarray) -> _Visit:
        rng, members = self._rng, self._members[rows]
        devices = rng.choice(len(words.DEVICES), len(rows), p=words.DEVICE_SHARES)
        logged_in = rng.random(len(rows)) < self._users.logged_in[members]
        return _Visit(rows, devices, logged_in)

    def _browse_page(self, visit: _Visit) -> None:
        """Shows a page, records its impressions and watches what is clicked."""
        rows = visit.rows
        shown, sources, scores = self._page(rows)
        times = np.repeat(self._clock[rows, None], shown.shape[1], axis=1)
        clicked = self._rng.random(shown.shape) < self._click_probability(rows, shown)
        seconds = np.where(clicked, self._watch_seconds(rows[:, None], shown), 0.0)
        pages = self.num_pages + np.arange(len(rows))
        self.num_pages += len(rows)
        positions = np.arange(shown.shape[1])
        self._events.impressions.add(
            users=np.repeat(self._members[rows], shown.shape[1]),
            times=times.ravel(),
            devices=np.repeat(visit.devices, shown.shape[1]),
            videos=shown.ravel(),
            clicked=clicked.ravel(),
            seconds=seconds.ravel(),
            pages=np.repeat(pages, shown.shape[1]),
            positions=np.tile(positions, len(rows)),
            sources=sources.ravel(),
            scores=scores.ravel(),
        )
        self._shown[rows[:, None], shown] += 1
        for position in positions:
            keep = clicked[:, position]
            self._watch(visit.of(keep), shown[keep, position], seconds[keep, position])

    def _page(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns videos, sources and scores [users, positions] of a page.

        Each source scores every video; a page takes the best by any source's score
        with Gumbel noise, which draws without replacement in proportion to exp(score).
        """
        times = self._clock[rows]
        by_source = preferences.page_scores(
            self._believed[rows],
            preferences.trend(self._videos, times),
            preferences.freshness(self._videos, times),
        )
        best = by_source.max(axis=0)
        noisy = best - _WATCHED * self._watched[rows] + _gumbel(best.shape, self._rng)
        shown = _top(noisy, min(self._config.impressions_per_page, noisy.shape[1]))
        at_shown = np.take_along_axis(by_source, shown[None], axis=2)
        sources = at_shown.argmax(axis=0)
        return shown, sources, np.take_along_axis(best, shown, axis=1)

    def _click_probability(self, rows: np.ndarray, shown: np.ndarray) -> np.ndarray:
        at = rows[:, None], shown
        logits = _CLICK_BIAS + self._liking[at] + 0.4 * self._videos.quality[shown]
        logits -= 0.35 * np.log1p(np.arange(shown.shape[1]))
        logits -= _FATIGUE * self._shown[at] + _WATCHED * self._watched[at]
        probability: np.ndarray = 1.0 / (1.0 + np.exp(-logits))
        return probability

    def _watch_seconds(self, rows: np.ndarray, videos: np.ndarray) -> np.ndarray:
        lengths = self._videos.duration_seconds[videos]
        fraction = preferences.watched_fraction(
            self._liking[rows, videos], self._videos.quality[videos], lengths, self._rng
        )
        seconds: np.ndarray = np.maximum(np.round(lengths * fraction, 1), 1.0)
        return seconds

    def _watch(self, visit: _Visit, videos: np.ndarray, seconds: np.ndarray) -> None:
        """Records a watch of each user and moves their clock past it."""
        rows = visit.rows
        self._clock[rows] += _PAUSE_SECONDS
        self._events.watches.add(
            users=self._members[rows],
            times=self._clock[rows],
            devices=visit.devices,
            logged_in=visit.logged_in,
            videos=videos,
            seconds=seconds,
        )
        self._watched[rows, videos] = True
        self._last_video[rows] = videos
        self._clock[rows] += np.ceil(seconds).astype(np.int64)

    def _search(self, visit: _Visit) -> None:
        """Each user searches a topic of theirs and watches one result."""
        rows = visit.rows
        if not len(rows):
            return
        shares = np.log(self._users.topic_shares[self._members[rows]])
        topics = (shares + _gumbel(shares.shape, self._rng)).argmax(axis=1)
        self._clock[rows] += _PAUSE_SECONDS
        self._events.searches.add(
            users=self._members[rows],
            times=self._clock[rows],
            devices=visit.devices,
            logged_in=visit.logged_in,
            topics=topics,
        )
        match = 2.0 * np.log(self._videos.topic_shares[:, topics].T)
        fit = match + 0.7 * preferences.trend(self._videos, self._clock[rows])
        fit += self._liking[rows] - 1e9 * self._watched[rows]
        videos = (fit + _gumbel(fit.shape, self._rng)).argmax(axis=1)
        self._watch(visit, videos, self._watch_seconds(rows, videos))

    def _follow(self, visit: _Visit) -> _Visit:
        """Some go on to the next episode of what they watched last; returns those."""
        last = self._last_video[visit.rows]
        visit, last = visit.of(last >= 0), last[last >= 0]
        videos = self._videos.next_episodes[last]
        rows, clock = visit.rows, self._clock[visit.rows]
        open_now = (videos >= 0) & (self._videos.upload_times[videos] <= clock)
        open_now &= ~self._watched[rows, videos]
        keep = open_now & (self._rng.random(len(rows)) < _FOLLOW_RATE)
        visit, videos = visit.of(keep), videos[keep]
        self._watch(visit, videos, self._watch_seconds(visit.rows, videos))
        return visit


def _schedule(
    config: configs.World,
    users: people.Users,
    members: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of visits [users] and their times [users, most], sorted."""
    mean = config.watches_per_user / _WATCHES_PER_VISIT
    counts = rng.poisson(mean * users.activity[members])
    counts = np.clip(counts, 1, max(1, int(_MAX_VISITS * mean)))
    joined = users.joined[members, None]
    days = joined + (1.0 - joined) * rng.random((len(members), counts.max(initial=1)))
    days = np.floor(days * config.num_days)
    hours = np.clip(rng.normal(18.0, 4.0, days.shape), 0.0, 23.9)
    times = corpus.START + days * corpus.SECONDS_PER_DAY + hours * 3_600.0
    unused = np.arange(days.shape[1]) >= counts[:, None]
    times = np.where(unused, np.inf, times)
    times.sort(axis=1)
    return counts, np.where(np.isinf(times), 0.0, times).astype(np.int64)


def _gumbel(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_exponential(shape, np.float32)
    noise += np.float32(1e-20)
    gumbel: np.ndarray = -np.log(noise)
    return gumbel


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Returns the columns of each row's k greatest scores, best first."""
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)
