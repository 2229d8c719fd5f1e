"""The choices of a recommender at each position of a slate, given those before it.

A deterministic recommender shows the first of its order that is not on the page yet.
One that samples (`composition.temperature`) draws among the first `explore_top` of its
order that are not on the page yet, in proportion to exp(order / temperature), as
`retrieval.exploring` does; once they are all shown, it goes on in its order.

The order is that of the page which the recommender makes itself: a cap of each channel
and reserved places are not applied again to the logged page.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_DRAWS = 8  # of the pages of a recommender that samples, for what is modelled of them


@dataclasses.dataclass(frozen=True)
class SystemOrder:
    """The order of a recommender for some requests, with its sampling.

    Attributes:
      videos: `[n, length]` video indices, each once, padded with 0.
      order: `[n, length]`, higher = shown first, -inf = never on the page; of equal
        ones the first is.
      temperature: Temperature of sampling, in units of the order; 0: the best is shown.
      explore_top: Number of the best videos that are sampled from.
      modelled: `[n, length]` each, by the name of a reward: a model's reward of the
        video.
    """

    videos: npt.NDArray[np.integer]
    order: npt.NDArray[np.floating]
    temperature: float = 0.0
    explore_top: int = 1
    modelled: Mapping[str, npt.NDArray[np.floating]] = dataclasses.field(
        default_factory=dict
    )


@dataclasses.dataclass(frozen=True)
class Choices:
    """The choices in each place of logged pages.

    Attributes:
      target: `[n, places]`, probability of showing the logged video.
      modelled: `[n, places]` each, by the name of a reward: its mean over the choice.
    """

    target: Floats
    modelled: dict[str, Floats]


def choices_on_pages(system: SystemOrder, shown: npt.NDArray[np.integer]) -> Choices:
    """Returns the choices of a recommender in the places of logged pages.

    >>> given = SystemOrder(np.array([[7, 8, 9]]), np.array([[3.0, 2.0, 1.0]]))
    >>> choices_on_pages(given, np.array([[8, 7, 5]])).target
    array([[0., 1., 0.]])

    Args:
      system: Its order.
      shown: `[n, places]` video indices of the log, 0 after the end of a page.
    """
    order = np.where(system.videos > 0, system.order, -np.inf).astype(np.float64)
    left = np.isfinite(order)
    drawn = left & (_ranks(order) < system.explore_top)
    choices = Choices(
        np.zeros(shown.shape),
        {name: np.zeros(shown.shape) for name in system.modelled},
    )
    for place in range(shown.shape[1]):
        chances = _chances(order, left, drawn & left, system.temperature)
        there = shown[:, place, np.newaxis]
        is_shown = (system.videos == there) & (there > 0)
        choices.target[:, place] = (chances * is_shown).sum(axis=1)
        for name, values in system.modelled.items():
            choices.modelled[name][:, place] = (chances * values).sum(axis=1)
        left &= ~is_shown
    return choices


def drawn_pages(
    system: SystemOrder, num_places: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Returns pages that a recommender makes, as columns of `system.videos`.

    Args:
      system: Its order.
      num_places: Number of places of a page.
      rng: Random generator of the draw.

    Returns:
      `[n, num_places]`, -1 where there is nothing to show.
    """
    order = np.where(system.videos > 0, system.order, -np.inf).astype(np.float64)
    key = order
    if system.temperature:
        ranks = _ranks(order)
        noisy = order / system.temperature + rng.gumbel(size=order.shape)
        # Drawn among the first by Gumbel noise; the others follow in their order.
        highest = np.where(np.isfinite(noisy), noisy, 0.0).min(axis=1, keepdims=True)
        behind = highest - 1.0 - ranks
        key = np.where(ranks < system.explore_top, noisy, behind)
        key = np.where(np.isfinite(order), key, -np.inf)
    places = np.argsort(-key, axis=1, kind="stable")[:, :num_places]
    drawn = np.where(np.take_along_axis(np.isfinite(key), places, axis=1), places, -1)
    missing = max(0, num_places - drawn.shape[1])
    return np.pad(drawn, ((0, 0), (0, missing)), constant_values=-1)


def modelled_pages(system: SystemOrder, num_places: int) -> dict[str, Floats]:
    """Returns the modelled rewards of pages that a recommender makes itself.

    For one that samples, a mean over a few draws.

    Args:
      system: Its order.
      num_places: Number of places of a page.

    Returns:
      `[n, num_places]` each, by the name of a reward.
    """
    draws = _DRAWS if system.temperature else 1
    modelled = {
        name: np.zeros((len(system.videos), num_places)) for name in system.modelled
    }
    for seed in range(draws):
        slots = drawn_pages(system, num_places, np.random.default_rng(seed))
        for name, values in system.modelled.items():
            taken = np.take_along_axis(values, np.maximum(slots, 0), axis=1)
            modelled[name] += np.where(slots >= 0, taken, 0.0) / draws
    return modelled


def _ranks(order: Floats) -> npt.NDArray[np.int64]:
    """Returns the place of each in its order, from 0 on."""
    places = np.argsort(-order, axis=1, kind="stable")
    return np.argsort(places, axis=1)


def _chances(
    order: Floats,
    left: npt.NDArray[np.bool_],
    drawn: npt.NDArray[np.bool_],
    temperature: float,
) -> Floats:
    """Returns the probability that each video is shown next, `[n, length]`.

    Args:
      order: `[n, length]`.
      left: `[n, length] bool`, videos that are not on the page yet.
      drawn: `[n, length] bool`, those of them that are sampled from.
      temperature: Temperature of sampling, 0: the best of `left` is shown.
    """
    kept = np.where(left, order, -np.inf)
    best = np.zeros(order.shape)
    best[np.arange(len(order)), kept.argmax(axis=1)] = 1.0
    best *= left.any(axis=1, keepdims=True)
    if not temperature:
        return best
    highest = np.where(drawn, order, -np.inf).max(axis=1, keepdims=True)
    above = np.where(drawn, order - np.where(np.isfinite(highest), highest, 0.0), 0.0)
    shares = np.where(drawn, np.exp(above / temperature), 0.0)
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, shares / np.maximum(total, 1e-300), best)
