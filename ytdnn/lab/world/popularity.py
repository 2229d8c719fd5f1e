"""Popularity over time, and draws from it that do not grow with the corpus.

A video's heat rises after its upload and decays with a half-life of its own. For each
day one table of running sums is made over the videos ordered by language and leaf;
a draw from "this leaf in this language", "this language" or "everything" is then one
binary search.
"""

import dataclasses

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import corpus, words

_FRESH_DAYS = 2.0  # time constant of the draw among fresh videos
_FRESH_FAME = 0.5  # how much fame counts there


def heat(videos: corpus.Videos, age_days: np.ndarray) -> np.ndarray:
    """Returns each video's weight among all at an age; 0 before its upload.

    Args:
      videos: The corpus.
      age_days: float64 [..., num_videos].
    """
    age = np.maximum(age_days, 0.0)
    decay = videos.floor + (1.0 - videos.floor) * np.exp2(-age / videos.half_life_days)
    weights = np.exp(videos.fame) * _rise(videos, age) * decay
    return np.where(age_days >= 0.0, weights, 0.0)


def freshness(videos: corpus.Videos, age_days: np.ndarray) -> np.ndarray:
    """Returns each video's weight among the fresh; 0 before its upload."""
    age = np.maximum(age_days, 0.0)
    weights = np.exp(_FRESH_FAME * videos.fame - age / _FRESH_DAYS)
    return np.where(age_days >= 0.0, weights * _rise(videos, age), 0.0)


def _rise(videos: corpus.Videos, age_days: np.ndarray) -> np.ndarray:
    """Returns the share of its audience that a video has reached, rising to 1."""
    return np.expm1(-age_days / videos.rise_days) ** 2


class Shelves:
    """The corpus ordered by (language, leaf), then by video.

    Attributes:
      order: int64 [num_videos], videos in that order.
      bounds: int64 [num_languages * num_leaves + 1], where each shelf begins.
      num_leaves: Shelves of one language.
    """

    def __init__(self, topics: corpus.Topics, videos: corpus.Videos) -> None:
        """Sorts the corpus once."""
        self.num_leaves = topics.num_leaves
        self._videos = videos
        self._days: dict[int, Day] = {}
        shelf = videos.languages.astype(np.int64) * self.num_leaves + videos.leaves
        self.order = np.argsort(shelf, kind="stable")
        num_shelves = len(words.LANGUAGES) * self.num_leaves
        self.bounds = np.searchsorted(shelf[self.order], np.arange(num_shelves + 1))
        by_upload = self._by_upload = np.lexsort((videos.upload_times, videos.channels))
        self._channel_bounds = np.searchsorted(
            videos.channels[by_upload], np.arange(videos.channels.max() + 2)
        )
        # One ascending key for all channels, so one search finds a channel's latest.
        self._upload_keys = _key(videos.channels, videos.upload_times)[by_upload]

    def day(self, day: int) -> "Day":
        """Returns the draws of one day, with every video uploaded by its end.

        They are cached, as every crowd needs the same days: 16 bytes for each video and
        day.
        """
        if day not in self._days:
            end = corpus.START + (day + 1) * corpus.SECONDS_PER_DAY
            age_days = (end - self._videos.upload_times) / corpus.SECONDS_PER_DAY
            weights = (weigh(self._videos, age_days) for weigh in (heat, freshness))
            self._days[day] = Day(*(draws(self, each) for each in weights))
        return self._days[day]

    def latest(
        self, channels: np.ndarray, times: np.ndarray, back: np.ndarray
    ) -> np.ndarray:
        """Returns a channel's latest upload at a time, or some uploads before that.

        Args:
          channels: `[n]`.
          times: `[n]`, seconds.
          back: `[n]`, how many uploads to go back; 0 = the latest.

        Returns:
          Videos `[n]`, -1 where the channel has not as many.
        """
        keys = _key(channels, times)
        place = np.searchsorted(self._upload_keys, keys, side="right") - 1 - back
        is_inside = place >= self._channel_bounds[channels]
        return np.where(is_inside, self._by_upload[np.maximum(place, 0)], corpus.NONE)


def _key(channels: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns one ascending key of (channel, time); times lie below 2^36 seconds."""
    return (channels.astype(np.int64) << 36) + times


@dataclasses.dataclass(frozen=True)
class Draws:
    """Running sums over the shelves, from which to draw.

    Attributes:
      shelves: The order.
      sums: float64 [num_videos + 1] of the weights in that order.
    """

    shelves: Shelves
    sums: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weight of each video, `[num_videos] float64`, by its number."""
        weights = np.empty(len(self.shelves.order))
        weights[self.shelves.order] = np.diff(self.sums)
        return weights

    def among(
        self, languages: np.ndarray, leaves: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draws a video of each leaf in a language, in proportion to its weight.

        An empty shelf stands for its language, an empty language for everything.
        """
        starts, ends = self.span(languages, leaves)
        low, high = self.sums[starts], self.sums[ends]
        aim = low + rng.random(len(starts)) * (high - low)
        place = np.searchsorted(self.sums, aim, side="right") - 1
        place = np.clip(place, starts, ends - 1)
        return self.shelves.order[place]

    def span(
        self, languages: np.ndarray, leaves: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the places that `among` draws from; leaf -1 is all of a language."""
        num, bounds = self.shelves.num_leaves, self.shelves.bounds
        first = np.asarray(languages, np.int64) * num
        leaf = first + np.maximum(leaves, 0)
        starts, ends = bounds[leaf], bounds[leaf + 1]
        whole = (np.asarray(leaves) < 0) | (self.sums[starts] >= self.sums[ends])
        starts = np.where(whole, bounds[first], starts)
        ends = np.where(whole, bounds[first + num], ends)
        nothing = self.sums[starts] >= self.sums[ends]
        last = len(self.shelves.order)
        return np.where(nothing, 0, starts), np.where(nothing, last, ends)


@dataclasses.dataclass(frozen=True)
class Day:
    """The draws of one day: by heat, and among the fresh."""

    heat: Draws
    fresh: Draws


def draws(shelves: Shelves, weights: np.ndarray) -> Draws:
    """Returns draws in proportion to the weight of each video, `[num_videos]`."""
    return Draws(shelves, np.append(0.0, np.cumsum(weights[shelves.order])))


@dataclasses.dataclass(frozen=True)
class WorldState:
    """The world without its users.

    Attributes:
      config: Size, span and seed.
      topics: The tree.
      videos: The corpus.
      shelves: The corpus in the order of draws.
    """

    config: configs.WorldConfig
    topics: corpus.Topics
    videos: corpus.Videos
    shelves: Shelves
