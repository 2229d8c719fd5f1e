"""The world's videos: a tree of topics, channels with preferences, series, metadata.

The metadata in the log (`Metadata`) differ from the true properties of a video: some
titles, topics and languages are wrong or missing (PAPER §1: poorly structured
metadata).
"""

import dataclasses

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import words

Generator = np.random.Generator

SECONDS_PER_DAY = 86_400
START = 1_704_067_200  # 2024-01-01 00:00 UTC, in seconds: the log begins
STYLE_DIM = 6
NONE = -1

_VIDEOS_PER_CHANNEL = 15
_OLD_SHARE = 0.7  # of the log's videos, uploaded in the year before it begins
_SERIAL_SHARE = 0.45  # of the channels, which put out series
_MEAN_EPISODES = 8
_ZIPF = 0.85


@dataclasses.dataclass(frozen=True)
class Topics:
    """The tree of topics: each topic has `words.LEAVES_PER_TOPIC` leaves.

    Attributes:
      num_topics: Branches.
      directions: float32 [num_leaves, STYLE_DIM]: leaves that point alike are liked by
        the same people.
      log_share: float64 [num_leaves], log of how much there is of each.
      half_life_factor: float64 [num_topics]: news of some topics age faster.
      hours: float64 [num_leaves, 4]: log of interest by quarter of the day.
    """

    num_topics: int
    directions: np.ndarray
    log_share: np.ndarray
    half_life_factor: np.ndarray
    hours: np.ndarray

    @property
    def num_leaves(self) -> int:
        """Leaves of the tree; those of topic t are t · LEAVES_PER_TOPIC and on."""
        return self.num_topics * words.LEAVES_PER_TOPIC


@dataclasses.dataclass(frozen=True)
class Videos:
    """Videos by index, as they truly are.

    Attributes:
      upload_times: int64 [num_videos], seconds since the epoch.
      duration_seconds: float64 [num_videos], heavy-tailed.
      channels: int32 [num_videos].
      leaves: int32 [num_videos], the leaf of the topic tree.
      languages: int8 [num_videos], into `words.LANGUAGES`.
      styles: float32 [num_videos, STYLE_DIM], mostly the channel's.
      quality: float64 [num_videos], standard normal: how long it holds who watches.
      appeal: float64 [num_videos], standard normal: how its thumbnail draws clicks;
        correlated 0.45 with quality, the rest is clickbait.
      fame: float64 [num_videos], log of its weight among all: a Zipf tail.
      rise_days: float64 [num_videos], time constant of the rise after upload.
      half_life_days: float64 [num_videos], of the decay after it.
      floor: float64 [num_videos], share of the peak that stays.
      series: int32 [num_videos], -1 = none.
      episodes: int32 [num_videos], from 1 on within its series.
      next_episodes: int32 [num_videos], -1 = none.
    """

    upload_times: np.ndarray
    duration_seconds: np.ndarray
    channels: np.ndarray
    leaves: np.ndarray
    languages: np.ndarray
    styles: np.ndarray
    quality: np.ndarray
    appeal: np.ndarray
    fame: np.ndarray
    rise_days: np.ndarray
    half_life_days: np.ndarray
    floor: np.ndarray
    series: np.ndarray
    episodes: np.ndarray
    next_episodes: np.ndarray

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.upload_times)


def make_topics(config: configs.WorldConfig, rng: Generator) -> Topics:
    """Draws the tree of topics."""
    num, leaves = config.num_topics, config.num_topics * words.LEAVES_PER_TOPIC
    branch = np.repeat(rng.standard_normal((num, STYLE_DIM)), words.LEAVES_PER_TOPIC, 0)
    directions = branch + 0.7 * rng.standard_normal((leaves, STYLE_DIM))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shares = rng.gumbel(0.0, 0.35, num).repeat(words.LEAVES_PER_TOPIC)
    shares = shares + rng.gumbel(0.0, 0.3, leaves)
    return Topics(
        num_topics=num,
        directions=directions.astype(np.float32),
        log_share=shares - np.log(np.exp(shares).sum()),
        half_life_factor=np.exp(rng.normal(0.0, 0.5, num)),
        hours=rng.normal(0.0, 0.3, (leaves, 4)),
    )


def _make_channels(
    config: configs.WorldConfig, topics: Topics, rng: Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns weights of channels, and by name what videos of a channel share."""
    num = max(1, config.num_videos // _VIDEOS_PER_CHANNEL)
    weights = rng.pareto(1.5, num) + 0.2
    languages = [words.LANGUAGES.index(language) for _, language, _ in words.COUNTRIES]
    shares = np.bincount(languages, [share for *_, share in words.COUNTRIES])
    return weights / weights.sum(), {
        "leaves": _draw(topics.log_share, num, rng),
        "languages": rng.choice(len(shares), num, p=shares / shares.sum()),
        "styles": rng.standard_normal((num, STYLE_DIM)),
        "quality": rng.standard_normal(num),
        "appeal": rng.standard_normal(num),
        "fame": rng.normal(0.0, 0.6, num),
        "log_seconds": rng.normal(np.log(280.0), 0.6, num),
        "is_serial": rng.random(num) < _SERIAL_SHARE,
    }


def _draw(log_shares: np.ndarray, num: int, rng: Generator) -> np.ndarray:
    shares = np.exp(log_shares)
    return rng.choice(len(shares), num, p=shares / shares.sum())


def make_videos(config: configs.WorldConfig, topics: Topics, rng: Generator) -> Videos:
    """Draws the corpus, in no order of time, topic or popularity."""
    num = config.num_videos
    weights, of_channels = _make_channels(config, topics, rng)
    channels = rng.choice(len(weights), num, p=weights).astype(np.int32)
    makers = {name: values[channels] for name, values in of_channels.items()}
    uploads = _upload_times(config, rng)
    series, episodes, following = _series(channels, uploads, makers["is_serial"], rng)
    quality = 0.6 * makers["quality"] + 0.8 * rng.standard_normal(num)
    own = 0.5 * makers["appeal"] + 0.87 * rng.standard_normal(num)
    leaves = _leaves(makers["leaves"], series, topics, rng)
    half_life = np.exp(rng.normal(np.log(14.0), 0.8, num))
    half_life *= topics.half_life_factor[leaves // words.LEAVES_PER_TOPIC]
    style = 0.85 * makers["styles"]
    style += 0.5 * rng.standard_normal((num, STYLE_DIM))
    return Videos(
        upload_times=uploads,
        duration_seconds=_durations(makers["log_seconds"], rng),
        channels=channels,
        leaves=leaves.astype(np.int32),
        languages=makers["languages"].astype(np.int8),
        styles=style.astype(np.float32),
        quality=quality,
        appeal=0.45 * quality + 0.89 * own,
        fame=_fame(num, rng) + makers["fame"],
        rise_days=np.exp(rng.normal(np.log(1.5), 0.5, num)),
        half_life_days=half_life,
        floor=rng.beta(1.5, 12.0, num),
        series=series,
        episodes=episodes,
        next_episodes=following,
    )


def _upload_times(config: configs.WorldConfig, rng: Generator) -> np.ndarray:
    """Returns upload times, most before the log begins, video 0's among them."""
    num = config.num_videos
    before = -rng.random(num) * 365.0
    within = rng.random(num) * config.span_days
    # The longer the world goes on after its log, the more of its uploads are new.
    newer = (1.0 - _OLD_SHARE) * (config.span_days / config.num_days)
    is_old = rng.random(num) < _OLD_SHARE / (_OLD_SHARE + newer)
    is_old[0] = True  # so that there is always something to watch
    days = np.where(is_old, before, within)
    return (START + days * SECONDS_PER_DAY).astype(np.int64)


def _series(
    channels: np.ndarray, uploads: np.ndarray, is_serial: np.ndarray, rng: Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cuts each serial channel's uploads into series.

    Returns:
      Each video's series (-1 = none), episode (from 1) and next episode (-1 = none).
    """
    num = len(channels)
    order = np.lexsort((uploads, channels))
    fresh = np.append(True, channels[order][1:] != channels[order][:-1])
    begins = fresh | (rng.random(num) < 1.0 / _MEAN_EPISODES)
    begins |= ~is_serial[order]
    number = np.cumsum(begins) - 1
    firsts = np.flatnonzero(begins)
    episode = np.arange(num) - firsts[number] + 1
    same = number[1:] == number[:-1]
    series = np.full(num, NONE, np.int32)
    episodes = np.ones(num, np.int32)
    following = np.full(num, NONE, np.int32)
    series[order] = np.where(np.bincount(number)[number] > 1, number, NONE)
    episodes[order] = episode
    following[order[:-1][same]] = order[1:][same]
    return series, episodes, following


def _leaves(
    channel_leaves: np.ndarray, series: np.ndarray, topics: Topics, rng: Generator
) -> np.ndarray:
    """Returns leaves: mostly the channel's, some of its topic, few others."""
    num = len(series)
    size = words.LEAVES_PER_TOPIC
    sibling = channel_leaves // size * size + rng.integers(size, size=num)
    other = _draw(topics.log_share, num, rng)
    choice = rng.random(num)
    stray = np.where(choice < 0.9, sibling, other)
    return np.where((choice < 0.7) | (series != NONE), channel_leaves, stray)


def _durations(log_seconds: np.ndarray, rng: Generator) -> np.ndarray:
    num = len(log_seconds)
    log_seconds = log_seconds + rng.normal(0.0, 0.45, num)
    log_seconds += np.where(rng.random(num) < 0.04, np.log(8.0), 0.0)  # streams, films
    return np.exp(log_seconds).clip(10.0, 14_400.0).round()


def _fame(num: int, rng: Generator) -> np.ndarray:
    """Returns the log of Zipf weights in random order, mean zero."""
    weights = -_ZIPF * np.log(rng.permutation(num) + 1.0)
    return weights - weights.mean()


@dataclasses.dataclass(frozen=True)
class Metadata:
    """The metadata of the videos, as the log has them.

    Attributes:
      leaves: int32 [num_videos], -1 = missing.
      languages: int8 [num_videos], -1 = missing.
      subjects: int32 [num_videos]: the leaf that the title names, -1 = no title.
      extras: int8 [num_videos]: the second word of the title, into MODEST + LOUD.
    """

    leaves: np.ndarray
    languages: np.ndarray
    subjects: np.ndarray
    extras: np.ndarray


def make_metadata(
    config: configs.WorldConfig, topics: Topics, videos: Videos, rng: Generator
) -> Metadata:
    """Draws the metadata; a share `metadata_noise` of each field is wrong or missing.

    The more appealing the thumbnail is, the louder is the title.
    """
    num = len(videos)
    loud = rng.random(num) < 1.0 / (1.0 + np.exp(2.0 - 2.0 * videos.appeal))
    modest = rng.integers(len(words.MODEST), size=num)
    shout = len(words.MODEST) + rng.integers(len(words.LOUD), size=num)

    def noisy(values: np.ndarray, num_values: int) -> np.ndarray:
        wrong = rng.integers(num_values, size=num)
        fault = rng.random(num) / max(config.metadata_noise, 1e-12)
        return np.where(fault < 0.5, NONE, np.where(fault < 1.0, wrong, values))

    return Metadata(
        leaves=noisy(videos.leaves, topics.num_leaves).astype(np.int32),
        languages=noisy(videos.languages, len(words.LANGUAGES)).astype(np.int8),
        subjects=noisy(videos.leaves, topics.num_leaves).astype(np.int32),
        extras=np.where(loud, shout, modest).astype(np.int8),
    )
