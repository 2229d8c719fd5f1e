"""Vectors of the world's videos, as an encoder of frames and sound would make them.

A vector encodes the topic of a video, its channel, its style and its language: factors
of leaf, channel and language, and the style, mixed into all coordinates, plus noise.
Quality, appeal and popularity are not in it.
"""

import numpy as np

from ytdnn.base import configs
from ytdnn.lab.world import corpus

COLUMN = "vector"
_LEAF_DIM, _CHANNEL_DIM, _LANGUAGE_DIM = 16, 16, 4
_STREAM = 0x76656374  # apart from all other draws of the world
# Standard deviation of the noise where that of the factors is 1.
_NOISE = 0.5


def of_videos(
    config: configs.WorldConfig, topics: corpus.Topics, videos: corpus.Videos
) -> np.ndarray:
    """Returns the vectors of all videos, `[num_videos, vector_dim] float32`.

    Args:
      config: With the width of a vector.
      topics: The tree of topics.
      videos: The corpus.
    """
    rng = np.random.default_rng([config.seed, _STREAM])
    languages = int(videos.languages.max()) + 1
    parts = [
        _factors(topics.num_leaves, _LEAF_DIM, rng)[videos.leaves],
        _factors(int(videos.channels.max()) + 1, _CHANNEL_DIM, rng)[videos.channels],
        _factors(languages, _LANGUAGE_DIM, rng)[videos.languages],
        videos.styles,
    ]
    factors = np.concatenate(parts, axis=1).astype(np.float32)
    mixing = rng.standard_normal((factors.shape[1], config.vector_dim))
    mixing /= np.sqrt(factors.shape[1])
    noise = rng.standard_normal((len(videos), config.vector_dim), dtype=np.float32)
    found: np.ndarray = factors @ mixing.astype(np.float32)
    return found + np.float32(_NOISE) * noise


def _factors(number: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Returns factors of variance one, `[number, dim]`."""
    found: np.ndarray = rng.standard_normal((number, dim))
    return found
