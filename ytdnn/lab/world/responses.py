"""How a user responds to a video: the laws that `behaviour` draws from, `truth` states.

A click depends on interest, thumbnail, position and earlier impressions; the time
watched on interest, quality, duration and device. The thumbnail draws the click and
does nothing for the time watched (PAPER §4: clickbait). Where the world is noisy, some
impressions are clicked by accident (PAPER §1: noise): whatever is shown, and left after
a few seconds.
"""

import numpy as np

_CLICK_BIAS = -1.3
_APPEAL = 0.55
_POSITION = 0.35
_TIRED = 0.6  # logits lost for each earlier impression that was not clicked
_WATCHED = 3.0  # logits lost where the video was watched lately
_ACCEPT_BIAS = 0.6  # of a video met outside a page: a search result, a related video
_CONCENTRATION = 4.0  # of the Beta law of the fraction watched
_LIKE_BIAS, _DISLIKE_BIAS = -2.0, -2.5
_LIKE_AFFINITY, _LIKE_QUALITY, _DISLIKE_APPEAL = 0.5, 1.2, 0.8
# Tenths of a second that an accidental click is watched for, all alike likely.
_LEAST_ACCIDENT, _MOST_ACCIDENT = 10, 50
_PATIENCE = np.array([-0.25, 0.1, 0.45, 0.0])  # by words.DEVICES


def click_probability(
    affinity: np.ndarray,
    appeal: np.ndarray,
    positions: np.ndarray,
    num_unclicked: np.ndarray | int = 0,
    watched: np.ndarray | bool = False,
) -> np.ndarray:
    """Returns the probability that an impression is clicked.

    Args:
      affinity: Affinities from `interests.affinity`, any shape.
      appeal: Appeal of the videos, same shape.
      positions: Positions on the page, from 0; same shape.
      num_unclicked: Impressions of the video among the user's latest
        (`memory.NUM_IMPRESSIONS`) that were not clicked.
      watched: Whether it is among the user's latest watches (`memory.NUM_WATCHES`).
    """
    logits = _CLICK_BIAS + affinity + _APPEAL * appeal
    logits = logits - _POSITION * np.log1p(positions)
    return sigmoid(logits - _TIRED * num_unclicked - _WATCHED * np.asarray(watched))


def acceptance(affinity: np.ndarray, appeal: np.ndarray) -> np.ndarray:
    """Returns the probability that a video met outside a page is watched."""
    return sigmoid(_ACCEPT_BIAS + affinity + _APPEAL * appeal)


def mean_fraction(
    affinity: np.ndarray,
    quality: np.ndarray,
    duration_seconds: np.ndarray,
    devices: np.ndarray | int,
) -> np.ndarray:
    """Returns the mean share of its length that a watched video is watched for."""
    patience = _PATIENCE[devices].astype(affinity.dtype)
    logits = 0.1 + 0.45 * affinity + 0.7 * quality + patience
    return sigmoid(logits - 0.5 * np.log(duration_seconds / 300.0))


def draw_watch_seconds(
    fraction: np.ndarray, duration_seconds: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws times watched: Beta around the mean fraction, to a tenth of a second."""
    bounded = np.clip(fraction, 0.005, 0.995)
    share = rng.beta(_CONCENTRATION * bounded, _CONCENTRATION * (1.0 - bounded))
    return np.maximum(np.round(share * duration_seconds, 1), 1.0)


def with_accidents(probability: np.ndarray, share: float) -> np.ndarray:
    """Returns the probability of a click, `a + (1 - a) · p`, accidents included.

    Args:
      probability: Probability of a click by liking, any shape.
      share: Share of impressions that are clicked by accident, a.
    """
    return share + (1.0 - share) * probability


def mean_seconds_with_accidents(
    seconds: np.ndarray, probability: np.ndarray, share: float
) -> np.ndarray:
    """Returns the mean seconds watched of a click, accidental or not.

    A share `a / p'` of the clicks is accidental.

    Args:
      seconds: Mean seconds watched of a click by liking, any shape.
      probability: Probability of a click, p', from `with_accidents`; same shape.
      share: Share of impressions that are clicked by accident, a.
    """
    if not share:
        return seconds
    accident = (_LEAST_ACCIDENT + _MOST_ACCIDENT) / 20.0
    by_liking = np.maximum(probability - share, 0.0)
    return (share * accident + by_liking * seconds) / probability


def like_probability(affinity: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Returns the probability that a click by liking is followed by a like.

    Args:
      affinity: Affinities from `interests.affinity`, any shape.
      quality: Quality of the videos, same shape.
    """
    return sigmoid(_LIKE_BIAS + _LIKE_AFFINITY * affinity + _LIKE_QUALITY * quality)


def dislike_probability(
    affinity: np.ndarray, quality: np.ndarray, appeal: np.ndarray
) -> np.ndarray:
    """Returns the probability that a click by liking is followed by a dislike.

    A thumbnail that promises more than the video keeps is disliked (PAPER §4:
    clickbait).

    Args:
      affinity: Affinities from `interests.affinity`, any shape.
      quality: Quality of the videos, same shape.
      appeal: Appeal of the videos, same shape.
    """
    logits = _DISLIKE_BIAS - _LIKE_AFFINITY * affinity
    return sigmoid(logits - _LIKE_QUALITY * quality + _DISLIKE_APPEAL * appeal)


def accident_seconds(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draws how long accidental clicks are watched, `shape`, to a tenth."""
    return rng.integers(_LEAST_ACCIDENT, _MOST_ACCIDENT + 1, shape) / 10.0


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-logits))."""
    return 1.0 / (1.0 + np.exp(-logits))
