"""The world's videos: channels that put out episodes on a topic in a language."""

import dataclasses

import numpy as np

from ytdnn import configs
from ytdnn.world import people, words

SECONDS_PER_DAY = 86_400
START = 1_704_067_200  # 2024-01-01 00:00 UTC, in seconds: the log begins
_VIDEOS_PER_CHANNEL = 10
_OLD_SHARE = 0.75  # of the corpus, uploaded in the year before the log begins


@dataclasses.dataclass(frozen=True)
class Videos:
    """Videos by index; the last five are the world's truth, not in the log.

    Attributes:
      upload_times: int64 [num_videos], seconds since the epoch.
      duration_seconds: float32 [num_videos].
      languages: object [num_videos].
      channels: int64 [num_videos].
      topics: int64 [num_videos], the main topic.
      titles: object [num_videos].
      topic_shares: float32 [num_videos, num_topics], rows sum to one.
      styles: float32 [num_videos, TASTE_DIM], the channel's style.
      popularity: float32 [num_videos], log of a Zipf weight, mean zero.
      quality: float32 [num_videos], standard scale: how long it holds who watches.
      next_episodes: int64 [num_videos], next video of the channel; -1 = none.
    """

    upload_times: np.ndarray
    duration_seconds: np.ndarray
    languages: np.ndarray
    channels: np.ndarray
    topics: np.ndarray
    titles: np.ndarray
    topic_shares: np.ndarray
    styles: np.ndarray
    popularity: np.ndarray
    quality: np.ndarray
    next_episodes: np.ndarray

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.upload_times)


def make_videos(config: configs.World, rng: np.random.Generator) -> Videos:
    """Draws the corpus, in no order of time or popularity."""
    num = config.num_videos
    num_channels = max(1, num // _VIDEOS_PER_CHANNEL)
    channels = rng.integers(num_channels, size=num)
    topics = rng.integers(config.num_topics, size=num_channels)[channels]
    uploads = _upload_times(config, rng)
    next_episodes, episodes = _episodes(channels, uploads)
    popularity = _popularity(num, rng)
    quality = 0.5 * popularity / max(popularity.std(), 1e-6)
    quality += rng.normal(0.0, 0.9, num)
    lengths = rng.normal(np.log(300.0), 0.5, num_channels)[channels]
    languages = _languages(num_channels, rng)[channels]
    return Videos(
        upload_times=uploads,
        duration_seconds=np.exp(lengths + rng.normal(0.0, 0.4, num))
        .clip(20.0, 7_200.0)
        .round()
        .astype(np.float32),
        languages=languages,
        channels=channels,
        topics=topics,
        titles=_titles(topics, channels, episodes, rng),
        topic_shares=_topic_shares(topics, config.num_topics, rng),
        styles=rng.standard_normal((num_channels, people.TASTE_DIM), np.float32)[
            channels
        ],
        popularity=popularity,
        quality=quality.astype(np.float32),
        next_episodes=next_episodes,
    )


def _upload_times(config: configs.World, rng: np.random.Generator) -> np.ndarray:
    num = config.num_videos
    before = -rng.random(num) * 365.0
    within = rng.random(num) * config.num_days
    days = np.where(rng.random(num) < _OLD_SHARE, before, within)
    return (START + days * SECONDS_PER_DAY).astype(np.int64)


def _episodes(
    channels: np.ndarray, uploads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each video's next in its channel (-1 = none) and its episode number."""
    order = np.lexsort((uploads, channels))
    same = channels[order][1:] == channels[order][:-1]
    following = np.full(len(channels), -1, np.int64)
    following[order[:-1][same]] = order[1:][same]
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    lengths = np.diff(np.append(starts, len(channels)))
    numbers = np.empty(len(channels), np.int64)
    numbers[order] = np.arange(len(channels)) - np.repeat(starts, lengths) + 1
    return following, numbers


def _popularity(num: int, rng: np.random.Generator) -> np.ndarray:
    """Log of Zipf weights with exponent 0.9 in random order."""
    weights = -0.9 * np.log(rng.permutation(num) + 1.0)
    return (weights - weights.mean()).astype(np.float32)


def _languages(num_channels: int, rng: np.random.Generator) -> np.ndarray:
    languages = np.array([language for _, language, _ in words.COUNTRIES], object)
    shares = np.array([share for *_, share in words.COUNTRIES])
    chosen: np.ndarray = rng.choice(
        languages, size=num_channels, p=shares / shares.sum()
    )
    return chosen


def _topic_shares(
    topics: np.ndarray, num_topics: int, rng: np.random.Generator
) -> np.ndarray:
    """Mostly the channel's topic, a quarter of a second one."""
    shares = np.full((len(topics), num_topics), 0.02 / num_topics, np.float32)
    rows = np.arange(len(topics))
    second = rng.integers(num_topics, size=len(topics))
    np.add.at(shares, (rows, topics), 0.73)
    np.add.at(shares, (rows, second), 0.25)
    return shares


def _titles(
    topics: np.ndarray,
    channels: np.ndarray,
    episodes: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A topic's name, two of its words, the channel and the episode."""
    picks = rng.random((len(topics), 2))
    titles = np.empty(len(topics), object)
    for i, topic in enumerate(topics):
        name, vocabulary = words.topic_words(int(topic))
        first, second = (vocabulary[int(p * len(vocabulary))] for p in picks[i])
        subject = first if first == second else f"{first} and {second}"
        titles[i] = (
            f"{name.capitalize()} {subject} (channel {channels[i]}, #{episodes[i]})"
        )
    return titles
